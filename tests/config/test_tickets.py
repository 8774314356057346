"""Targets of tickets as the file says them."""

from pathlib import Path

import pytest

from streams.config import Config, load
from streams.contacts.settings import ZAMMAD, ZENDESK, FoldSettings, TargetRule
from streams.errors import ConfigError

MINUTE = 60_000
OFFICE = "calendars: {office: {timezone: UTC, week: {mon-fri: 09:00-17:00}}}\nqueues: {open: {calendar: office}}\n"


def config_of(text: str, tmp_path: Path) -> Config:
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ={}).config


def rules_of(text: str, tmp_path: Path) -> tuple[TargetRule, ...]:
    return config_of(text, tmp_path).fold_settings().ticket_targets


def test_the_defaults_are_those_of_the_core():
    fold = Config().fold_settings()

    for name in ("ticket_channels", "ticket_targets", "ticket_pauses", "tickets_kept_ms", "sla_due_soon_ms"):
        assert getattr(fold, name) == getattr(FoldSettings(), name)


def test_a_rule_holds_always_for_all_around_the_clock(tmp_path):
    rules = rules_of("ticket_targets: [{metric: first_reply, target: 60m}]", tmp_path)

    assert rules == (TargetRule("first_reply", 60 * MINUTE),)


def test_what_a_rule_may_say(tmp_path):
    rules = rules_of(
        f"{OFFICE}timezone: Europe/Berlin\nticket_targets:\n"
        "- {metric: resolution, target: 2d, clock: business, priority: High, queues: [open], from: 2026-01-01}\n",
        tmp_path,
    )

    midnight_in_berlin = 1_767_222_000_000
    assert rules == (TargetRule("resolution", 2 * 1_440 * MINUTE, True, "high", ("open",), midnight_in_berlin),)


@pytest.mark.parametrize(
    ("said", "pauses"),
    [
        ("zendesk", ZENDESK),
        ("zammad", ZAMMAD),
        ("{first_reply: [pending], agent_work: [pending, on_hold]}",
         {"first_reply": ("pending",), "agent_work": ("on_hold", "pending")}),
    ],
    ids=["zendesk", "zammad", "by target"],
)  # fmt: skip
def test_which_statuses_stop_which_clock(said, pauses, tmp_path):
    assert config_of(f"ticket_clocks: {said}", tmp_path).fold_settings().ticket_pauses == pauses


def test_channels_of_the_topic_tickets_are_channels_of_tickets(tmp_path):
    config = config_of("topics: {tickets: [portal]}", tmp_path)

    assert config.fold_settings().ticket_channels == {"portal", "ticket", "email"}
    assert config.channels().scopes("portal")[0] == "tickets"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ticket_targets: [{metric: first, target: 1h}]", "ticket_targets.0.metric"),
        ("ticket_targets: [{metric: resolution}]", "ticket_targets.0.target"),
        ("ticket_targets: [{metric: resolution, target: 0s}]", "more than 0"),
        ("ticket_targets: [{metric: resolution, target: 1h, prio: high}]", "did you mean `priority`?"),
        ("ticket_targets: [{metric: resolution, target: 1h, form: 2026-01-01}]", "did you mean `from`?"),
        ("ticket_targets: [{metric: resolution, target: 1h, from: soon}]", "is not a date"),
        ("ticket_targets: [{metric: resolution, target: 1h, queues: []}]", "ticket_targets.0.queues"),
        ("ticket_targets: [{metric: resolution, target: 1h}, {metric: resolution, target: 2h}]", "rules 1 and 2"),
        ("ticket_targets: [{metric: resolution, target: 1h, clock: business}]", "any queue has no calendar"),
        (f"{OFFICE}ticket_targets: [{{metric: resolution, target: 1h, clock: business, queues: [open, q]}}]",
         "`q` has no calendar"),
        ("ticket_clocks: jira", "'jira' is no preset"),
        ("ticket_clocks: {first: [pending]}", "no target 'first'"),
        ("ticket_clocks: {first_reply: [solved]}", "says of first_reply"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(text, said, tmp_path):
    with pytest.raises(ConfigError) as caught:
        config_of(text, tmp_path)

    assert said in f"{caught.value} {caught.value.hint}"
