"""Business time: how much of it lies between two instants, and when so much of it has passed.

Owns what a calendar says (`settings.CalendarSettings`), the two clocks that a duration can be measured on
(`clock.Calendar` in opening hours, `clock.CALENDAR_TIME` around the clock), and how local opening hours become UTC
(`stretches`). Imports `errors` only, and zoneinfo.
"""
