"""The life cycle of agents: one state at a time, in the queues that the event names.

Owns the state (`state.AgentCycle`: stints) and what an event does to it (`steps`). Imports `events`, `facts` and the
contract of a life cycle.
"""
