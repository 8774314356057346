"""Stage 2: facts added up over windows.

Owns running totals (`totals.RunningTotal`), the clock that cuts days and intervals (`clock`), a dimension's panes,
intervals and rows (`dimension.DimensionState`) and the book of one `facts` partition (`book.ViewBook`). Imports
`facts` only.
"""
