"""Records that no producer should send, by the thousands: nothing crashes, and each becomes exactly one thing.

`records` makes them, `survival` says what must hold. A small run of both is part of the tests; `campaign` goes on for
as long as it is told (`make fuzz`), guided by which code the records reach.
"""
