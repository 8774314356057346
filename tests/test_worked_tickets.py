"""The worked values of the KPI catalogue for tickets, each by the command `replay` and by the oracle."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.commands import contact_streams_here
from tests.contacts.desk import clock, events
from tests.reference.rules import QueueRules
from tests.reference.ticket_rules import ZAMMAD, ZENDESK, Promise, TicketRules
from tests.reference.tickets import Tickets

MINUTE = 60_000
Values = Mapping[str, Any]
Told = list[dict[str, Any]]
Ask = Callable[[Told, str, "Settings"], Values]
"""(events, instant, settings) → every number of the queue, live and of the whole log."""


class Settings:
    """What both are told: targets in minutes, and the opening hours of queue q on some weekdays."""

    def __init__(
        self, targets: Mapping[str, float], *, clocks: str = "zendesk", day: str, zone: str = "UTC",
        hours: tuple[str, str, str] | None = None,
    ) -> None:  # fmt: skip
        self.targets, self.clocks, self.day, self.zone, self.hours = targets, clocks, day, zone, hours

    def config(self) -> dict[str, Any]:
        """As the file says it."""
        clock = "business" if self.hours else "calendar"
        config: dict[str, Any] = {
            "ticket_clocks": self.clocks,
            "ticket_targets": [
                {"metric": metric, "target": f"{round(minutes * MINUTE)}ms", "clock": clock}
                for metric, minutes in self.targets.items()
            ],
        }
        if self.hours:
            days, opens, closes = self.hours
            config["calendars"] = {"office": {"timezone": self.zone, "week": {days: f"{opens}-{closes}"}}}
            config["queues"] = {"q": {"calendar": "office"}}
        return config

    def rules(self) -> TicketRules:
        """As the oracle is told; its opening hours are those of every day."""
        minutes = [_minutes(text) for text in self.hours[1:]] if self.hours else []
        weekdays = (0, 1, 2, 3, 4) if self.hours and self.hours[0] == "mon-fri" else tuple(range(7))
        hours = QueueRules(timezone=self.zone, opening_hours=(tuple(minutes),) if minutes else (), weekdays=weekdays)
        promises = [Promise(m, round(t * MINUTE), business=bool(minutes)) for m, t in self.targets.items()]
        return TicketRules({"q": hours}, tuple(promises), ZAMMAD if self.clocks == "zammad" else ZENDESK)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


@pytest.fixture
def by_replay(tmp_path: Path) -> Ask:
    def ask(told: Told, at: str, settings: Settings) -> Values:
        config, log = tmp_path / "config.yaml", tmp_path / "log.jsonl"
        config.write_text(yaml.safe_dump(settings.config()), encoding="utf-8")
        log.write_text("".join(f"{json.dumps(event)}\n" for event in told), encoding="utf-8")
        instant = str(clock(at, settings.day))
        result = contact_streams_here("replay", log, "--config", config, "--at", instant, "--json")
        assert result.returncode == 0, result.stderr
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        shown = {line["window"]: line["kpis"] for line in lines if line["queue"] == "q"}
        return {**shown["all"], **shown["live"]}

    return ask


def by_oracle(told: Told, at: str, settings: Settings) -> Values:
    tickets, now = Tickets(settings.rules(), "email"), clock(at, settings.day)
    for event in told:
        if event["time"] <= now:
            tickets.send(event)
    instant = tickets.at(now)
    return {**instant.window("q", "all"), **instant.live("q")}


@pytest.fixture(params=["replay", "oracle"])
def ask(request: pytest.FixtureRequest, by_replay: Ask) -> Ask:
    return by_replay if request.param == "replay" else by_oracle


def due_in(values: Values) -> float:
    """Minutes to the next due time."""
    return values["sla_next_due"] / 60


class TestPauses:
    """Preset `zammad`: pending pauses every clock. Calendar daily 09–18, created 2013-06-04 09:00 UTC."""

    DAY = "2013-06-04"
    TOLD = events(
        "09:00 created status=open · 10:00 status=pending · 10:30 status=open · 10:45 agent · 12:00 status=closed",
        day=DAY,
    )

    def settings(self, **targets: float) -> Settings:
        return Settings(targets, clocks="zammad", day=self.DAY, hours=("daily", "09:00", "18:00"))

    def test_first_reply_due_1130(self, ask: Ask):
        values = ask(self.TOLD, "10:31", self.settings(first_reply=120, resolution=250))

        assert due_in(values) == 59

    def test_resolution_due_1340(self, ask: Ask):
        values = ask(self.TOLD, "11:00", self.settings(first_reply=120, resolution=250))

        assert due_in(values) == 160

    def test_while_it_pauses_nothing_is_due(self, ask: Ask):
        assert ask(self.TOLD, "10:15", self.settings(first_reply=120))["sla_next_due"] is None

    @pytest.mark.parametrize(("target", "used"), [("first_reply", 75), ("resolution", 150)])
    def test_used_to_the_millisecond(self, ask: Ask, target: str, used: int):
        """Used 75 min of the first, 150 of the second: so much is just enough, a millisecond less is not."""
        enough = ask(self.TOLD, "12:01", self.settings(**{target: used}))
        too_little = ask(self.TOLD, "12:01", self.settings(**{target: used - 1 / MINUTE}))

        assert (enough[f"sla_met_{target}"], enough[f"sla_ended_{target}"]) == (1, 1)
        assert (too_little[f"sla_met_{target}"], too_little[f"sla_ended_{target}"]) == (0, 1)

    def test_open_0900_pending_1000_to_1500_target_120_is_due_1600(self, ask: Ask):
        told = events("09:00 created status=open · 10:00 status=pending · 15:00 status=open", day=self.DAY)

        assert due_in(ask(told, "15:00", self.settings(first_reply=120))) == 60

    def test_created_pending_closed_1200_never_open_uses_0(self, ask: Ask):
        told = events("09:00 created status=pending · 12:00 status=closed", day=self.DAY)

        values = ask(told, "12:01", self.settings(resolution=1 / MINUTE))

        assert (values["sla_met_resolution"], values["sla_ended_resolution"]) == (1, 1)


class TestOfficeHours:
    def test_created_friday_1630_target_1_h_mon_fri_09_17_is_due_monday_0930(self, ask: Ask):
        settings = Settings({"resolution": 60}, day="2013-06-03", hours=("mon-fri", "09:00", "17:00"))
        told = events("fri 16:30 created")

        assert due_in(ask(told, "+mon 09:00", settings)) == 30
        assert ask(told, "+mon 09:30", settings)["sla_breached_open"] == 0
        assert ask(told, "+mon 09:30:00.001", settings)["sla_breached_open"] == 1

    def test_a_hold_extends_the_due_time_along_the_business_clock(self, ask: Ask):
        """On hold Friday 16:45 to Monday 10:00: 15 min used of 60, 45 left on Monday. Added to the wall clock, the 65 h
        15 min of the hold would have made it Wednesday 02:45.
        """
        settings = Settings({"agent_work": 60}, day="2013-06-03", hours=("mon-fri", "09:00", "17:00"))
        told = events("fri 16:30 created · fri 16:45 status=on_hold · +mon 10:00 status=open")

        assert ask(told, "+mon 09:00", settings)["sla_next_due"] is None
        assert due_in(ask(told, "+mon 10:00", settings)) == 45


class TestBerlin:
    """Business clock, Europe/Berlin, Mon–Fri 09–17, created 2013-03-21 09:30 UTC, targets 60/180/240."""

    SETTINGS = Settings(
        {"first_reply": 60, "requester_wait": 180, "resolution": 240},
        day="2013-03-21", zone="Europe/Berlin", hours=("mon-fri", "09:00", "17:00"),
    )  # fmt: skip
    TOLD = events("09:30 created · 14:00 agent · 14:00 status=solved", day="2013-03-21")

    @pytest.mark.parametrize(
        ("at", "left", "breached"), [("09:30", 60, 0), ("10:30:00.001", 120, 1), ("12:30:00.001", 60, 2)]
    )
    def test_due_1030_1230_1330(self, ask: Ask, at: str, left: int, breached: int):
        values = ask(self.TOLD, at, self.SETTINGS)

        assert due_in(values) == pytest.approx(left, abs=1e-4)
        assert values["sla_breached_open"] == breached

    def test_reply_at_1400_has_used_270_minutes_210_over(self, ask: Ask):
        values = ask(self.TOLD, "14:01", self.SETTINGS)

        assert values["first_response_business_avg"] == 270 * 60
        assert values["first_response_business_avg"] - 60 * 60 == 210 * 60
        assert values["resolution_full_business_avg"] == values["agent_work_business_avg"] == 270 * 60
        assert values["sla_compliance"] == 0.0
        assert values["sla_ended"] == 3
