"""KPIs across the contacts of a customer: repeated contacts, and contacts resolved at first.

Seven days where `customers.days` says nothing else, from start to start, over all channels and queues. A contact
counts for its channel and the first queue that it was in.
"""

from typing import Final

from streams.facts.primitives import P
from streams.metrics.formulas import Ratio
from streams.metrics.kpi import Kpi, count
from streams.metrics.settings import Scope

_SCOPES: Final[tuple[Scope, ...]] = ("customers",)

CUSTOMERS: Final[tuple[Kpi, ...]] = (
    count("contacts_seen", P.CONTACTS_SEEN, "Contacts whose customer is known, by their start.", scopes=_SCOPES),
    count(
        "repeat_contacts", P.REPEAT_CONTACTS,
        "Of these, contacts of a customer with another contact in the seven days before, by their start.",
        good="down", scopes=_SCOPES,
    ),
    Kpi(
        "repeat_contact_rate", "ratio", "ratio", Ratio({P.REPEAT_CONTACTS: 1}, {P.CONTACTS_SEEN: 1}),
        "Share of contacts whose customer had another one in the seven days before, start to start.",
        good="down", warn=0.3, bad=0.4, source="SQM Group", scopes=_SCOPES,
    ),
    count(
        "fcr_judged", P.FCR_JUDGED, "Contacts whose seven days ended: counted there, not at their start.",
        scopes=_SCOPES,
    ),
    count(
        "fcr_met", P.FCR_MET, "Of these, contacts that no other of the same customer followed in their seven days.",
        good="up", scopes=_SCOPES,
    ),
    Kpi(
        "fcr", "ratio", "ratio", Ratio({P.FCR_MET: 1}, {P.FCR_JUDGED: 1}),
        "First contact resolution: share of contacts that no other of the same customer followed within seven days, "
        "start to start. Booked where the seven days end: it tells of the contacts of a week ago.",
        good="up", warn=0.7, bad=0.6, source="SQM Group", scopes=_SCOPES,
    ),
)  # fmt: skip
"""In the order of the docs."""
