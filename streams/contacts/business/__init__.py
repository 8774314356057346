"""The life cycle of business events: what customers buy and cost, what is spent, what is said.

Owns what each event comes to (`steps`) and what is remembered of a customer, an agent or a count (`state`). Imports
`events`, `facts` and the contract of a life cycle.
"""
