"""The oracle: a naive model that keeps every event and recomputes each number by brute force at any instant.

Written from the KPI catalogue and the event contract alone; imports nothing of `streams`, so that an error there is
not repeated here. Start with `visits.Reference`, then `life.Life` (one contact), then `kpis` (the formulas).
"""
