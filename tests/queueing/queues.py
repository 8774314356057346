"""Queues whose theory is known, simulated by `ciw`, written down as the calls of a contact centre, and replayed."""

import json
import math
import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import ciw

from streams.contacts.settings import FoldSettings
from streams.metrics.settings import Variants
from streams.pipeline import Pipeline
from streams.sources.replay import Replay, Snapshot
from streams.sources.routing import Router
from streams.windows.settings import WindowSettings

START_MS = 1_767_225_600_000
"""2026-01-01 00:00 UTC."""
QUEUE = "theory"
Event = dict[str, Any]


class Queue(NamedTuple):
    """Poisson arrivals, exponential handle times, patience exponential or endless (None). Means in seconds."""

    erlangs: float
    agents: int
    aht_s: float = 180.0
    patience_s: float | None = None

    def calls(self, count: int, seed: int) -> list[Event]:
        """Canonical events of the first `count` calls in the order of their times, from an empty queue to an empty."""
        arrivals = random.Random(f"{seed}/arrivals")  # not of the same dice as the handle times
        gaps = [arrivals.expovariate(self.erlangs / self.aht_s) for _ in range(count)]
        patience = self.patience_s and [ciw.dists.Exponential(1 / self.patience_s)]
        network = ciw.create_network(
            arrival_distributions=[ciw.dists.Sequential([*gaps, math.inf])],
            service_distributions=[ciw.dists.Exponential(1 / self.aht_s)],
            number_of_servers=[self.agents],
            reneging_time_distributions=patience or None,
        )
        ciw.seed(seed)
        simulation = ciw.Simulation(network)
        simulation.simulate_until_max_customers(count, method="Finish")
        events = [event for record in simulation.get_all_records() for event in _events(record)]
        return sorted(events, key=lambda event: (event["time"], len(event["id"]), event["id"]))


def _events(record: Any) -> Iterator[Event]:
    """One customer of the simulation as a call: entered, then answered and ended, or abandoned."""
    contact = f"call-{record.id_number}"
    steps: list[tuple[str, float, dict[str, Any]]] = [("queue.entered", record.arrival_date, {"queue": QUEUE})]
    if record.record_type == "service":
        answer = {"queue": QUEUE, "agent": f"agent-{record.server_id}"}
        steps.append(("agent.connected", record.service_start_date, answer))
        steps.append(("contact.ended", record.service_end_date, {"by": "customer"}))
    else:
        steps.append(("queue.abandoned", record.exit_date, {"queue": QUEUE}))
    for number, (what, at_s, fields) in enumerate(steps):
        at = START_MS + round(at_s * 1000)
        head = {"v": 1, "id": f"{contact}#{number}", "type": what, "time": at, "channel": "voice", "contact": contact}
        yield head | fields


def pipeline() -> Pipeline:
    return Pipeline(FoldSettings(), WindowSettings(windows=(), whole_log=True), Variants())


def replayed(into: Pipeline, events: Iterable[Event], instants: Iterable[int]) -> Iterator[Snapshot]:
    """The views at the instants (epoch ms), while the events go through the pipeline."""
    lines = [json.dumps(event).encode() for event in events]
    chunks = (lines[begin : begin + 5_000] for begin in range(0, len(lines), 5_000))
    return Replay(Router({"calls": ["voice"]}), into, partitions=4).run(chunks, instants)


def of_queue(snapshot: Snapshot):
    """The queue's own view; None before the first call."""
    return next((view for view in snapshot.views if view.queue == QUEUE), None)
