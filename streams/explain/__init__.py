"""Numbers in words: what a value is made of, by which rule something counted, and the page of all KPIs.

Owns the explanation of one value (`explainer.Explainer`), to what each booking belongs (`attribution.Trace`), the words
for primitives and rules (`rules`), a formula taken apart (`parts`), and `docs/kpis.md` (`document.page`). Imports the
core; nothing of the core imports it.
"""
