"""Stage 1: contacts, their life cycles and the facts that follow from them.

Owns the life cycle of queue visits (`steps.TABLE`, on the state in `visits`), a contact's recent history and what was
booked for it (`history.History`), and the book of one source partition (`book.ContactBook`). Imports `events` and
`facts`.
"""
