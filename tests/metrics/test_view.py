"""A queue's numbers at one instant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.books import MemoryRecord
from streams.facts.primitives import P
from streams.facts.wire import PANE_MS, PROGRESS_KEY, Delta, Dimension, Progress, Row, RowKind, dimension_key, encode
from streams.metrics.catalogue import CATALOGUE
from streams.metrics.settings import Channels, Variant, Variants
from streams.metrics.view import Sources, Viewer
from streams.windows.book import ViewBook
from streams.windows.settings import WindowSettings

T0 = 1_789_999_200_000
HOUR = 3_600_000
BILLING, CHANNEL, NO_QUEUE = (Dimension("voice", queue) for queue in ("billing", "*", "-"))
SOURCES = Sources({"calls": 1, "chats": 1}, {"calls": ("voice",), "chats": ("chat",)})
BAG = {P.ANSWERED: 8, P.ANSWERED_IN_TARGET: 6, P.ABANDONED: 2, P.SHORT_ABANDONED: 1, P.ABANDONED_IN_TARGET: 1}


class Facts:
    """A facts partition, fed by hand; the instants of the line are milliseconds after `T0`."""

    def __init__(self):
        self.book = ViewBook(0, WindowSettings(windows=("1m", "5m", "today")))

    def add(self, dimension=BILLING, bag=None, at_ms=0, rows=None):
        panes = {(T0 + at_ms) // PANE_MS: bag} if bag else {}
        return self._append(dimension_key(dimension), Delta(panes, rows or {}))

    def progress(self, at_ms, topic="calls"):
        return self._append(PROGRESS_KEY, Progress(topic, 0, 1, T0 + at_ms, 0, T0 + at_ms, caught_up=False))

    def _append(self, key, value):
        self.book.fold([MemoryRecord(self.book.offset, T0, key, encode(value))])
        return self


def waiting(begin_ms, end_ms=None, **fields):
    end = None if end_ms is None else T0 + end_ms
    since = fields.pop("contact_since_ms", begin_ms)
    return Row(RowKind.WAITING, T0 + begin_ms, end, T0 + begin_ms, T0 + since, 20_000, None, **fields)


def view(facts, dimension=BILLING, at_ms=0, variants=Variants(), now_ms=None):  # noqa: B008 - it is frozen
    at = T0 + at_ms
    return Viewer(variants).view(facts.book, dimension, at, at if now_ms is None else T0 + now_ms)


class TestTheVariantShown:
    VARIANTS = Variants(
        Variant("answered_only", "strict"), {"billing": Variant("abandons_met", "short_met"), "*": Variant("strict")}
    )

    def test_is_the_queues_own(self):
        values = view(Facts().add(bag=BAG), variants=self.VARIANTS).windows["5m"]

        assert (values["service_level"], values["abandon_rate"]) == (0.7, 0.1)

    def test_is_the_defaults_where_the_queue_says_nothing(self):
        sales = Dimension("voice", "sales")
        values = view(Facts().add(sales, BAG), sales, variants=self.VARIANTS).windows["5m"]

        assert (values["service_level"], values["abandon_rate"]) == (6 / 8, 0.2)

    def test_of_a_whole_channel_is_the_defaults(self):
        values = view(Facts().add(CHANNEL, BAG), CHANNEL, variants=self.VARIANTS).windows["5m"]

        assert (values["service_level"], values["abandon_rate"]) == (6 / 8, 0.2)

    def test_the_others_are_given_too(self):
        values = view(Facts().add(bag=BAG), variants=self.VARIANTS).windows["5m"]

        assert (values["service_level_strict"], values["service_level_ignore_short"]) == (0.6, 6 / 9)

    def test_is_ignore_short_if_nothing_is_configured(self):
        values = view(Facts().add(bag=BAG)).windows["5m"]

        assert (values["service_level"], values["abandon_rate"]) == (6 / 9, 1 / 9)


TWO_WAIT = {"a": waiting(0, contact_since_ms=-9_000), "b": waiting(15_000)}


class TestWhatIsLive:
    def test_rises_though_nothing_happens(self):
        facts = Facts().add(rows=TWO_WAIT)

        assert [view(facts, at_ms=at).live["longest_wait"] for at in (15_000, 16_000, 30_500)] == [15.0, 16.0, 30.5]

    def test_counts_and_ages(self):
        live = view(Facts().add(rows=TWO_WAIT), at_ms=21_000).live

        assert (live["waiting"], live["waiting_over_target"], live["longest_wait"], live["longest_contact_wait"]) == (
            2, 1, 21.0, 30.0,
        )  # fmt: skip

    def test_says_what_an_age_counts_from(self):
        seen = view(Facts().add(rows=TWO_WAIT), at_ms=21_000)

        assert seen.since_ms == {"longest_wait": T0, "longest_contact_wait": T0 - 9_000}

    def test_of_nobody_waiting_there_is_no_age(self):
        seen = view(Facts().add(bag=BAG))

        assert (seen.live["waiting"], seen.live["longest_wait"], seen.since_ms) == (0, None, {})

    def test_stands_apart_from_the_windows(self):
        seen = view(Facts().add(bag=BAG))
        shown = [kpi for kpi in CATALOGUE if set(kpi.scopes) & set(Channels().scopes("voice"))]
        live = {kpi.id for kpi in shown if kpi.live}

        assert seen.live.keys() == live
        assert all(values.keys() == {kpi.id for kpi in shown} - live for values in seen.windows.values())
        assert seen.windows.keys() == {"1m", "5m", "today"}

    def test_the_last_lost_first(self):
        rows = {f"c{n}\x1f1w": waiting(0, n * 1_000, lost_wait_ms=n) for n in (2, 3, 1)}

        assert [lost.contact for lost in view(Facts().add(rows=rows)).lost] == ["c3", "c2", "c1"]


class TestState:
    @pytest.mark.parametrize(("behind_ms", "state"), [(0, "live"), (2_000, "live"), (2_001, "catching_up")])
    def test_live_is_at_most_2_s_behind(self, behind_ms, state):
        assert view(Facts().add(bag=BAG), now_ms=behind_ms).state == state

    def test_every_queue_is_seen_at_its_channels_as_of(self):
        facts = Facts().add(bag=BAG).add(Dimension("chat", "sales"), BAG).progress(9_000).progress(7_000, "chats")
        views = Viewer(Variants()).views(facts.book, T0 + 10_000, SOURCES)

        assert [(seen.channel, seen.queue, seen.as_of_ms - T0, seen.state) for seen in views] == [
            ("chat", "sales", 7_000, "catching_up"), ("voice", "billing", 9_000, "live"),
        ]  # fmt: skip

    def test_a_channel_whose_source_never_reported_is_not_shown(self):
        facts = Facts().add(bag=BAG).add(Dimension("chat", "sales"), BAG).progress(9_000)

        assert [seen.channel for seen in Viewer(Variants()).views(facts.book, T0 + 10_000, SOURCES)] == ["voice"]

    def test_a_channel_of_no_topic_waits_for_all(self):
        assert SOURCES.feeding("fax") == [("calls", 1), ("chats", 1)]
        assert SOURCES.feeding("voice") == [("calls", 1)]


class TestStaffing:
    """A call every 5 minutes, 10 minutes each: two erlangs."""

    CALLS = {P.OFFERED: 1, P.HANDLED: 1, P.TALK_MS: 600_000}  # noqa: RUF012 - never changed
    SOURCES = Sources({"calls": 1, "agents": 1}, {"calls": ("voice",), "agents": ()})

    def facts(self, dimension=BILLING, agents=3):
        staffed = {f"a{n}\x1fs": Row(RowKind.AGENT_AVAILABLE, T0, None, T0, T0, 0, None) for n in range(agents)}
        of_agents = Dimension("agents", dimension.queue, "agents")
        return Facts().add(dimension, self.CALLS).add(of_agents, rows=staffed)

    def seen(self, facts):
        views = Viewer(Variants()).views(facts.book, T0 + 4_000, self.SOURCES)
        values = next(seen for seen in views if seen.channel == "voice").windows["5m"]
        return [values[kpi] for kpi in ("arrivals_per_hour", "aht", "staffing_needed", "staffed", "staffing_gap")]

    def test_agents_of_the_queues_name_stand_against_what_is_needed(self):
        assert self.seen(self.facts().progress(4_000).progress(3_000, "agents")) == [12.0, 600.0, 4, 3, 1]

    @pytest.mark.parametrize(
        "reported", [pytest.param(None, id="agents never reported"), pytest.param(1_000, id="not of late")]
    )
    def test_agents_not_known_are_not_counted(self, reported):
        facts = self.facts().progress(4_000)
        if reported is not None:
            facts.progress(reported, "agents")

        assert self.seen(facts) == [12.0, 600.0, 4, None, None]

    @pytest.mark.parametrize("dimension", [CHANNEL, NO_QUEUE, Dimension("voice", "@g"), Dimension("voice", "#gold")])
    def test_a_roll_up_has_no_recommendation(self, dimension):
        facts = self.facts(dimension).progress(4_000).progress(4_000, "agents")

        assert self.seen(facts) == [12.0, 600.0, None, None, None]


changes = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 90), st.integers(-1, 2)),
        st.tuples(st.just("row"), st.integers(0, 90), st.integers(0, 40)),
        st.tuples(st.just("look"), st.integers(0, 120), st.just(0)),
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(changes)
def test_remembered_values_are_those_computed_anew(line):
    """A viewer that has looked before sees what one sees that looks for the first time."""
    facts, viewer = Facts(), Viewer(Variants())
    facts.add(bag=BAG)
    for n, (step, second, count) in enumerate(line):
        at_ms = 1_000 * second
        if step == "add":
            facts.add(bag={P.ANSWERED: count, P.ABANDONED: 1, P.WAIT_ANSWERED_MS: count * 1_000}, at_ms=at_ms)
        elif step == "row":
            facts.add(rows={f"r{n % 3}": waiting(at_ms, at_ms + 1_000 * count if count % 2 else None)})
        else:
            assert viewer.view(facts.book, BILLING, T0 + at_ms, T0) == view(facts, at_ms=at_ms, now_ms=0)


def test_a_view_once_given_does_not_change():
    facts, viewer = Facts().add(bag=BAG), Viewer(Variants())
    first = viewer.view(facts.book, BILLING, T0, T0)
    values = dict(first.windows["5m"])
    facts.add(bag=BAG)
    second = viewer.view(facts.book, BILLING, T0, T0)

    assert first.windows["5m"] == values
    assert second.windows["5m"]["answered"] == 16


def test_values_are_not_carried_over_to_another_book():
    viewer = Viewer(Variants())
    before = viewer.view(Facts().add(bag=BAG).book, BILLING, T0, T0)
    after = viewer.view(Facts().add(bag={P.ANSWERED: 1}).book, BILLING, T0, T0)

    assert (before.windows["5m"]["answered"], after.windows["5m"]["answered"]) == (8, 1)
