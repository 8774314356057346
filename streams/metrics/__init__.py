"""The KPI catalogue and its evaluation: totals in, values out.

Owns every KPI's definition (`catalogue.CATALOGUE`), the formulas (`formulas`) and the view of a queue at an instant
(`view.QueueView`). Imports `facts` and `windows`. A new KPI is one row of the catalogue and, at most, one primitive.
"""
