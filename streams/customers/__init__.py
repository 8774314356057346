"""What spans the contacts of one customer: repeated contacts, and contacts that none followed.

Owns the book of one partition of the topic `customers`, between stage 1 and `facts` (`book.CustomerBook`), what is
kept of a customer (`contacts.CustomerContacts`) and their settings. Customers are keyed hashes here: who they are is
known nowhere behind stage 1. Imports `facts` only.
"""
