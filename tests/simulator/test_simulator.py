"""What the simulated centre says: always the same, valid, in order, true to the life cycle of contacts."""

import tracemalloc
from collections import Counter, defaultdict
from itertools import islice, pairwise

import pytest

from streams.errors import ConfigError
from streams.events.decode import EventDecoder, Rejected, Unknown
from streams.sources.simulator import SimulationSettings, Simulator
from tests.simulator.history import HOUR_MS, MINUTE_MS, arrivals, by_contact, decoded, events, visits

LARGEST = 256 * 1024
"""Bytes a record may have."""

ROUGH = {"disorder_ms": 30_000, "duplicate_share": 0.02, "bad_share": 0.02}


@pytest.fixture(scope="module")
def busy_hour():
    return events(seed=3, staffing=0.8)


@pytest.fixture(scope="module")
def rough_hour():
    return arrivals(seed=3, staffing=0.8, **ROUGH)


def test_the_same_settings_give_the_same_bytes(rough_hour):
    assert arrivals(seed=3, staffing=0.8, **ROUGH) == rough_hour


def test_asking_one_simulator_again_begins_again():
    simulator = Simulator(SimulationSettings(duration_ms=5 * MINUTE_MS))

    assert list(simulator.events()) == list(simulator.events())


def test_another_seed_is_another_history():
    assert [event["time"] for event in events(seed=1)] != [event["time"] for event in events(seed=2)]


def test_every_event_is_valid():
    outcomes = EventDecoder(LARGEST).decode(arrival.line for arrival in arrivals(seed=5, duration_ms=3 * HOUR_MS))

    assert [outcome for outcome in outcomes if isinstance(outcome, Rejected | Unknown)] == []


def test_a_long_day_holds_every_kind_of_event_of_calls_and_chats():
    day = events(seed=1, duration_ms=24 * HOUR_MS, shape="daily", staffing=0.85)
    kinds = Counter(event["type"] for event in day)
    reasons = {event["reason"] for event in day if "reason" in event}
    authors = {(event["author"], event.get("public", True)) for event in day if event["type"] == "message.added"}

    assert set(kinds) == {
        "contact.started", "queue.entered", "agent.offered", "agent.missed", "agent.connected", "contact.held",
        "contact.resumed", "queue.abandoned", "queue.left", "queue.rejected", "contact.transferred", "contact.ended",
        "wrapup.started", "wrapup.ended", "message.added", "bot.handed_off", "bot.resolved", "heartbeat",
    }  # fmt: skip
    assert reasons == {"timeout", "key", "callback", "voicemail", "closed", "full"}
    assert authors == {("customer", True), ("bot", True), ("agent", True), ("agent", False)}
    assert {event["kind"] for event in day if event["type"] == "contact.transferred"} == {"blind", "attended"}
    assert any(event.get("callback") for event in day)


def test_ids_are_numbered_by_contact_in_the_order_of_time(busy_hour):
    for contact, history in by_contact(busy_hour).items():
        assert [event["id"] for event in history] == [f"{contact}#{n}" for n in range(1, len(history) + 1)]


def test_no_two_steps_of_a_contact_share_a_millisecond(busy_hour):
    """Only an agent's wrap-up may coincide with what the contact does meanwhile: elsewhere the order is plain."""
    for history in by_contact(busy_hour).values():
        times = [event["time"] for event in history if not event["type"].startswith("wrapup")]

        assert all(earlier < later for earlier, later in pairwise(times))


def test_two_runs_that_start_at_different_times_share_no_contact():
    first, second = events(), events(start_ms=SimulationSettings().start_ms + HOUR_MS)

    assert not set(by_contact(first)) & set(by_contact(second))


def test_every_contact_begins_and_ends(busy_hour):
    for history in by_contact(busy_hour).values():
        kinds = [event["type"] for event in history]

        assert kinds[0] == "contact.started"
        assert kinds.count("contact.ended") == 1
        assert all(kind.startswith("wrapup") for kind in kinds[kinds.index("contact.ended") + 1 :])


def test_offered_is_answered_abandoned_or_flowed_out(busy_hour):
    offered = Counter(event["queue"] for event in busy_hour if event["type"] == "queue.entered")
    ended = Counter(
        visit.queue for history in by_contact(busy_hour).values() for visit in visits(history) if visit.outcome
    )

    assert offered == ended
    assert len(offered) > 5


def test_the_waits_that_are_told_are_those_that_passed(busy_hour):
    told = [visit for history in by_contact(busy_hour).values() for visit in visits(history) if visit.told_wait_ms]

    assert len(told) > 100
    assert all(visit.told_wait_ms == visit.wait_ms for visit in told)


def test_an_agent_serves_one_call_or_three_chats_at_a_time(busy_hour):
    talking: dict[str, set[str]] = defaultdict(set)
    with_agent: dict[str, str] = {}
    most: Counter[str] = Counter()
    for event in busy_hour:
        if event["type"] == "agent.connected":
            talking[event["agent"]].add(event["contact"])
            with_agent[event["contact"]] = event["agent"]
            most[event["agent"]] = max(most[event["agent"]], len(talking[event["agent"]]))
        elif event["type"] in {"contact.ended", "contact.transferred"} and event["contact"] in with_agent:
            talking[with_agent.pop(event["contact"])].discard(event["contact"])

    assert {most[agent] for agent in most if agent.startswith("voice-")} == {1}
    assert max(most[agent] for agent in most if agent.startswith("chat-")) == 3


def test_contacts_come_at_the_rate_that_was_asked_for():
    started = sum(event["type"] == "contact.started" for event in events(seed=4, rate_per_hour=3000, staffing=1.2))

    assert started == pytest.approx(3000, rel=0.08)


def test_a_daily_shape_is_quiet_at_night_and_has_the_mean_of_the_day():
    day = events(seed=4, duration_ms=24 * HOUR_MS, shape="daily", rate_per_hour=300)
    by_hour = Counter(
        (event["time"] - day[0]["time"]) // HOUR_MS for event in day if event["type"] == "contact.started"
    )

    assert sum(by_hour.values()) == pytest.approx(24 * 300, rel=0.05)
    assert by_hour[3] < by_hour[10] / 5


def mean_wait_ms(history) -> float:
    waits = [visit.wait_ms for contact in by_contact(history).values() for visit in visits(contact)]
    return sum(waits) / len(waits)


def test_queues_build_up_when_agents_are_few():
    few, normal, many = (mean_wait_ms(events(seed=6, staffing=staffing)) for staffing in (0.5, 1.0, 2.0))

    assert few > 3 * normal
    assert normal > many


def test_speed_shortens_lives_and_brings_more_of_them():
    normal = events(seed=6, duration_ms=HOUR_MS)
    fast = events(seed=6, duration_ms=HOUR_MS // 10, speed=10)

    assert len(by_contact(fast)) == pytest.approx(len(by_contact(normal)), rel=0.15)
    assert mean_wait_ms(fast) == pytest.approx(mean_wait_ms(normal) / 10, rel=0.5)


def test_heartbeats_come_every_ten_seconds_and_past_the_last_event(busy_hour):
    beats = [event["time"] for event in busy_hour if event["type"] == "heartbeat"]
    last = max(event["time"] for event in busy_hour if event["type"] != "heartbeat")

    assert {later - earlier for earlier, later in pairwise(beats)} == {10_000}
    assert beats[-1] - last > MINUTE_MS


def test_without_heartbeats_there_is_none_and_nothing_else_changes(busy_hour):
    without = events(seed=3, staffing=0.8, heartbeats=False)

    assert without == [event for event in busy_hour if event["type"] != "heartbeat"]


def test_a_simulation_without_end_is_taken_as_far_as_wanted():
    first = islice(Simulator(SimulationSettings(duration_ms=None)).events(), 5_000)

    assert len(by_contact(decoded(first))) > 100


def test_memory_grows_with_the_contacts_in_hand_not_with_the_time_simulated():
    arriving = Simulator(SimulationSettings(duration_ms=None, **ROUGH)).events()
    peaks = []
    tracemalloc.start()
    for _ in range(2):
        tracemalloc.reset_peak()
        assert sum(1 for _ in islice(arriving, 20_000)) == 20_000
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()

    assert peaks[1] < 1.25 * peaks[0]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"rate_per_hour": 0}, id="no contacts"),
        pytest.param({"staffing": 0}, id="no agents"),
        pytest.param({"speed": -1}, id="backwards"),
        pytest.param({"duration_ms": 0}, id="no time"),
        pytest.param({"start_ms": 1_772_409_600}, id="seconds for milliseconds"),
        pytest.param({"disorder_ms": -1}, id="arrival before the event"),
        pytest.param({"bad_share": 1.5}, id="more than all"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_a_hint(wrong):
    with pytest.raises(ConfigError) as refused:
        SimulationSettings(**wrong)

    assert refused.value.hint
