"""Every KPI in one table: Prometheus, Redis, the board and the docs are generated from it.

One file per kind of thing that is counted; a new KPI is one row there and, at most, one primitive.
"""

from typing import Final

from streams.metrics.catalogue.agents import AGENTS
from streams.metrics.catalogue.business import BUSINESS
from streams.metrics.catalogue.contacts import CONTACTS
from streams.metrics.catalogue.customers import CUSTOMERS
from streams.metrics.catalogue.responses import RESPONSES
from streams.metrics.catalogue.staffing import STAFFING
from streams.metrics.catalogue.surveys import SURVEYS
from streams.metrics.catalogue.tickets import TICKETS
from streams.metrics.kpi import Kpi

CATALOGUE: Final[tuple[Kpi, ...]] = (
    *CONTACTS, *RESPONSES, *STAFFING, *TICKETS, *AGENTS, *SURVEYS, *CUSTOMERS, *BUSINESS,
)  # fmt: skip
"""Every KPI, in the order of the docs."""

BY_ID: Final = {kpi.id: kpi for kpi in CATALOGUE}
