"""The life cycle of surveys: an answer is booked when it comes, for its contact's channel and the queue that it names.

Owns what an answer comes to (`steps`) and what is kept of a contact so that repetitions are known (`state`). Imports
`events`, `facts` and the contract of a life cycle.
"""
