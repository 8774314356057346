"""Stage 1: contacts, their life cycles and the facts that follow from them.

Owns the life cycle of queue visits (`visits.VisitCycle`), a contact's recent history and what was booked for it
(`history.Contact`), and the book of one source partition (`book.ContactBook`). Imports `events` and `facts`.
"""
