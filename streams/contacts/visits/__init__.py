"""The life cycle of queue visits, of calls and chats: read `steps.TABLE` first.

Owns what happens for every (event, state) (`steps`), the state (`state.VisitCycle`) and what outcomes add to the panes
(`bookings`). Imports `events`, `facts` and the contract of a life cycle.
"""
