"""Stage 1: contacts, their life cycles and the facts that follow from them.

Owns one folder per kind of life cycle (`visits`), the contract they share (`lifecycle.LifeCycle`) and their list
(`lives`), a contact's recent history and what was booked for it (`history.History`), and the book of one source
partition (`book.ContactBook`). Imports `calendars`,
`events` and `facts`.
"""
