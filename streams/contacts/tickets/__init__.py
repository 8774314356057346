"""The life cycle of tickets: read `steps.TABLE` first.

Owns what happens for every (event, state) (`steps`), the state and the rows that last (`state`), what is booked
(`bookings`), and service-level targets with their clocks (`targets`). Imports `events`, `facts`, `calendars` and the
contract of a life cycle.
"""
