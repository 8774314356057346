"""`explain`: a number, its formula, and which visits counted or did not, by which rule."""

import json
from pathlib import Path

import pytest

from streams.sources.routing import partition_of
from tests.cli.commands import contact_streams_here
from tests.cli.test_replay import MIDDAY, abandoned, connected, entered, event

#       12:00:00   :03     :10     :25   :30      :40              12:01:30
#  a    in ─────────────── answered (10 s) ────── ended ── wrapped
#  b    in ──────────────────────────────────────────── abandoned (40 s)
#  c    in ─── abandoned (3 s)
#  d    in ─────────────────────────────── answered (30 s)
#  e    in ───────────── left by timeout
#  f                               in ───────────────────────────────── …
STORY = [
    entered("a", 0), entered("b", 0), entered("c", 0), entered("d", 0), entered("e", 0),
    abandoned("c", 3), connected("a", 10),
    event("e", "queue.left", 15, queue="sales", reason="timeout"),
    entered("f", 25), connected("d", 30),
    event("a", "contact.ended", 35, by="customer"),
    abandoned("b", 40),
    event("a", "wrapup.ended", 42, agent="ann"),
    entered("g", 60, "support"), connected("g", 61, "support"),
]  # fmt: skip
AT = MIDDAY + 90_000


@pytest.fixture
def file(tmp_path: Path):
    def write(*lines: bytes) -> Path:
        path = tmp_path / "events.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return write


def explain(file: Path, kpi: str, *more: object, window: str = "5m", queue: str = "sales", at: int = AT):
    """The number, and its lines."""
    asked = ("--queue", queue, "--kpi", kpi, "--window", window, "--at", at, "--json")
    done = contact_streams_here("explain", file, *asked, *more)
    assert done.returncode == 0, done.stderr
    number, *lines = [json.loads(line) for line in done.stdout.splitlines()]
    return number, lines


def texts(file: Path, kpi: str, *more: object, **where):
    """Contact → what it added, and why."""
    return {line["contact"]: line["text"] for line in explain(file, kpi, *more, **where)[1]}


class TestServiceLevel:
    @pytest.mark.parametrize(
        ("variant", "parts"),
        [
            ("strict", (1, 4)),
            ("answered_only", (1, 2)),
            ("ignore_short", (1, 3)),
            ("ignore_in_target", (1, 3)),
            ("abandons_met", (2, 4)),
            ("short_met", (2, 4)),
            ("with_flow_out", (1, 5)),
            ("live", (1, 4)),
        ],
    )
    def test_each_variant_has_its_parts(self, file, variant, parts):
        number, lines = explain(file(*STORY), f"service_level_{variant}")

        assert (number["numerator"], number["denominator"]) == parts
        assert number["value"] == parts[0] / parts[1]
        assert sum(line["numerator"] for line in lines) == parts[0]
        assert sum(line["denominator"] for line in lines) == parts[1]

    def test_each_visit_says_why(self, file):
        assert texts(file(*STORY), "service_level") == {
            "a": "answered +1, answered_in_target +1: waited 10.0 s ≤ 20.0 s",
            "b": "abandoned +1, short_abandoned +0: no short abandon, 40.0 s > 5.0 s",
            "c": "left out: short abandon, 3.0 s ≤ 5.0 s",
            "d": "answered +1, answered_in_target +0: waited 30.0 s > 20.0 s",
            "e": "left out: left by flow, reason timeout",
        }

    def test_the_variant_that_the_queue_shows_is_named(self, file, tmp_path):
        config = tmp_path / "c.yaml"
        config.write_text("queues: {sales: {service_level: abandons_met, target_s: 3, target_compare: '<'}}")
        number, lines = explain(file(*STORY), "service_level", "--config", config)

        assert number["shown_as"] == "service_level_abandons_met"
        assert number["formula"] == ("(answered_in_target + abandoned_in_target) / (answered + abandoned)")
        assert lines[0]["text"] == "abandoned +1, abandoned_in_target +0: abandoned after 3.0 s ≥ 3.0 s"

    def test_who_waits_too_long_now_is_a_miss_of_the_live_one(self, file):
        assert texts(file(*STORY), "service_level_live")["f"] == "waiting_over_target +1: waiting for 65.0 s > 20.0 s"


class TestOthers:
    def test_abandon_rate(self, file):
        number, lines = explain(file(*STORY), "abandon_rate")

        assert (number["numerator"], number["denominator"]) == (1, 3)
        assert [line["contact"] for line in lines if line["numerator"]] == ["b"]

    def test_average_speed_of_answer(self, file):
        number, _ = explain(file(*STORY), "asa")

        assert (number["value"], number["numerator"], number["denominator"]) == (20.0, 40_000, 2)
        assert number["numerator_unit"] == "ms"
        assert texts(file(*STORY), "asa")["d"] == "answered +1, wait_answered +30.0 s: answered after 30.0 s"
        assert texts(file(*STORY), "asa")["b"] == "left out: abandoned after 40.0 s"

    def test_handle_time_is_one_line_per_visit(self, file):
        number, lines = explain(file(*STORY), "aht")

        assert (number["numerator"], number["denominator"]) == (25_000 + 7_000, 1)
        assert [line["added"] for line in lines] == [{"handled": 1, "talk_ms": 25_000, "hold_ms": 0, "acw_ms": 7_000}]

    def test_a_percentile_shows_its_durations_in_order_and_the_one_read(self, file):
        number, lines = explain(file(*STORY), "wait_p50", window="all", queue="*")

        assert (number["rank"], number["denominator"]) == (2, 3)
        assert [line["contact"] for line in lines] == ["g", "a", "d"]
        assert [line["counted"] for line in lines] == [False, True, False]
        assert lines[1]["text"] == "answered after 10.0 s; bin up to 10.0 s, rank 2: the one read"

    def test_first_responses(self, file):
        chat = {"channel": "chat"}
        lines = [
            event("x", "contact.started", 0, **chat), event("x", "queue.entered", 0, queue="web", **chat),
            event("x", "agent.connected", 5, queue="web", agent="ann", **chat),
            event("x", "message.added", 70, author="agent", agent="ann", **chat),
        ]  # fmt: skip
        number, _ = explain(file(*lines), "first_response_avg", queue="web")

        assert (number["numerator"], number["denominator"]) == (70_000, 1)
        assert texts(file(*lines), "first_response_within_target", queue="web") == {
            "x": "first_responses +1, first_responses_in_target +0: first response after 70.0 s > 60.0 s"
        }

    def test_the_whole_channel_is_made_of_its_queues(self, file):
        number, lines = explain(file(*STORY), "answered", queue="*")

        assert number["value"] == 3
        assert [(line["contact"], line["queue"]) for line in lines] == [
            ("a", "sales"),
            ("d", "sales"),
            ("g", "support"),
        ]

    def test_a_group_is_made_of_its_members(self, file, tmp_path):
        config = tmp_path / "c.yaml"
        config.write_text("groups: {front: [support]}")

        assert list(texts(file(*STORY), "answered", "--config", config, queue="@front")) == ["g"]


class TestLive:
    def test_who_waits_since_when_and_whether_too_long(self, file):
        number, lines = explain(file(*STORY), "waiting", window="live", at=MIDDAY + 30_000)

        assert number["value"] == number["numerator"] == 2
        assert [(line["contact"], line["at_ms"] - MIDDAY, line["text"]) for line in lines] == [
            ("b", 0, "waiting for 30.0 s > 20.0 s"),
            ("f", 25_000, "waiting for 5.0 s ≤ 20.0 s"),
        ]

    def test_who_is_within_the_target_is_left_out_of_those_over_it(self, file):
        found = texts(file(*STORY), "waiting_over_target", window="live", at=MIDDAY + 30_000)

        assert found == {"b": "waiting for 30.0 s > 20.0 s", "f": "left out: waiting for 5.0 s ≤ 20.0 s"}

    def test_the_longest_wait_is_one_of_them(self, file):
        number, lines = explain(file(*STORY), "longest_wait", window="live", at=MIDDAY + 30_000)

        assert number["value"] == 30.0
        assert [line["contact"] for line in lines if line["counted"]] == ["b"]

    def test_a_ghost_is_left_out(self, file):
        found = texts(file(*STORY), "waiting", window="live", at=AT + 4 * 3_600_000)

        assert found == {"f": "left out: waiting for 14465.0 s: given up as a ghost at the channel's maximum age"}

    def test_and_counts_as_evicted_before_the_fold_has_come_there(self, file):
        number, lines = explain(file(*STORY), "evicted", window="5m", at=MIDDAY + 25_000 + 4 * 3_600_000)

        assert number["value"] == 1
        assert [line["contact"] for line in lines] == ["f"]


class TestCorrections:
    #  abandoned at :30, it seems; then the answer at :10 comes, and after it an earlier entry is no news
    DISORDER = (entered("a", 0), abandoned("a", 30), connected("a", 10))

    def test_a_line_shows_what_is_left_of_what_was_booked(self, file):
        number, lines = explain(file(*self.DISORDER), "service_level_strict")

        assert (number["numerator"], number["denominator"]) == (1, 1)
        assert [line["text"] for line in lines] == ["answered +1, answered_in_target +1: waited 10.0 s ≤ 20.0 s"]

    def test_nothing_is_left_of_an_abandon_that_was_none(self, file):
        number, lines = explain(file(*self.DISORDER), "abandoned")

        assert (number["value"], lines) == (0, [])


class TestTheNumber:
    @pytest.mark.parametrize(
        ("kpi", "window"),
        [("service_level", "5m"), ("asa", "15m"), ("aht", "all"), ("wait_p90", "today"), ("longest_wait", "live")],
    )
    @pytest.mark.parametrize("queue", ["sales", "*"])
    def test_is_what_replay_gives(self, file, kpi, window, queue):
        path = file(*STORY)
        done = contact_streams_here("replay", path, "--json", "--at", AT)
        replayed = [json.loads(line) for line in done.stdout.splitlines()]
        value = next(line["kpis"][kpi] for line in replayed if (line["queue"], line["window"]) == (queue, window))

        assert value == explain(path, kpi, window=window, queue=queue)[0]["value"]
        assert value is not None

    def test_names_the_first_and_the_last_instant_of_its_window(self, file):
        rolling, _ = explain(file(*STORY), "asa", window="1m")
        before, _ = explain(file(*STORY), "asa", window="previous_interval")
        whole, _ = explain(file(*STORY), "asa", window="all")

        assert (rolling["begin_ms"] - MIDDAY, rolling["end_ms"] - MIDDAY) == (35_000, 90_000)
        assert (before["begin_ms"] - MIDDAY, before["end_ms"] - MIDDAY) == (-900_000, -1)
        assert (whole["begin_ms"], whole["end_ms"]) == (None, AT)

    def test_without_an_instant_it_is_that_of_the_last_event(self, file):
        done = contact_streams_here(
            "explain", file(*STORY), "--queue", "sales", "--kpi", "waiting", "--window", "live", "--json"
        )

        assert json.loads(done.stdout.splitlines()[0])["at_ms"] == MIDDAY + 61_000

    def test_people_get_a_table(self, file):
        done = contact_streams_here(
            "explain", file(*STORY), "--queue", "sales", "--kpi", "service_level", "--window", "5m", "--limit", 2
        )

        assert "service_level of voice sales, window 5m, at 2026-03-02 12:01:01.000 UTC: 33.3 %" in done.stdout
        assert "answered_in_target / (answered + abandoned − short_abandoned) = 1 / 3" in done.stdout
        assert "left out: short abandon, 3.0 s ≤ 5.0 s" in done.stdout
        assert "… and 3 more" in done.stdout


class TestWrongQuestions:
    @pytest.mark.parametrize(
        ("asked", "message", "hint"),
        [
            pytest.param(
                ("sales", "service_levle", "5m"), "no such KPI: service_levle", "did you mean service_level", id="KPI"
            ),
            pytest.param(("sales", "asa", "7m"), "no such window: 7m", "known: all, live, 1m, 5m", id="window"),
            pytest.param(("slaes", "asa", "5m"), "no such queue with asa: slaes", "did you mean sales", id="queue"),
            pytest.param(
                ("xyz", "asa", "5m"), "no such queue with asa: xyz", "known: *, sales, support", id="no queue"
            ),
            pytest.param(("sales", "asa", "live"), "asa is a number of a time", "--window all", id="not live"),
            pytest.param(("sales", "waiting", "5m"), "waiting is true at an instant", "--window live", id="live"),
            pytest.param(("sales", "backlog", "live"), "nothing has backlog", "another --at", id="of other channels"),
        ],
    )
    def test_are_answered_with_what_there_is(self, file, asked, message, hint):
        queue, kpi, window = asked
        done = contact_streams_here("explain", file(*STORY), "--queue", queue, "--kpi", kpi, "--window", window)

        assert done.returncode == 2
        assert message in done.stderr
        assert hint in done.stderr

    def test_a_queue_of_several_channels_needs_its_channel(self, file):
        lines = [*STORY, event("w", "queue.entered", 61, queue="sales", channel="chat")]
        asked = ("--queue", "sales", "--kpi", "offered", "--window", "5m")
        done = contact_streams_here("explain", file(*lines), *asked)

        assert done.returncode == 2
        assert "the queue sales is in the channels chat, voice" in done.stderr
        assert contact_streams_here("explain", file(*lines), *asked, "--channel", "chat").returncode == 0

    def test_a_file_that_is_not_there_is_exit_code_1(self):
        done = contact_streams_here("explain", "nowhere.jsonl", "--queue", "q", "--kpi", "asa", "--window", "5m")

        assert done.returncode == 1
        assert done.stderr.startswith("error: nowhere.jsonl: no such file\nhint: ")


@pytest.mark.kafka
class TestKafka:
    """Read from the topics themselves: there is no worker, and nothing but the topics is there."""

    @pytest.fixture
    def topics(self, brokers, request):
        from kafka import KafkaAdminClient

        prefix = f"explain-{request.node.name.replace('[', '-').replace(']', '')}-"
        client = KafkaAdminClient(bootstrap_servers=brokers)
        spec = {"num_partitions": 3, "replication_factor": 1, "configs": {"message.timestamp.type": "LogAppendTime"}}
        client.create_topics({f"{prefix}{name}": spec for name in ("calls", "chats")}, wait_for_metadata=True)
        client.close()
        return {
            "CONTACT_STREAMS_KAFKA__BROKERS": brokers,
            "CONTACT_STREAMS_KAFKA__TOPIC_PREFIX": prefix,
            "CONTACT_STREAMS_TOPICS": "{calls: [voice], chats: [chat]}",
        }

    def send(self, topics, *lines: bytes, transaction: bool | None = None):
        """`transaction`: whether it is committed; None: there is none."""
        from kafka import KafkaProducer

        more = {} if transaction is None else {"transactional_id": f"t-{transaction}"}
        producer = KafkaProducer(bootstrap_servers=topics["CONTACT_STREAMS_KAFKA__BROKERS"], **more)
        if transaction is not None:
            producer.init_transactions()
            producer.begin_transaction()
        for line in lines:
            key = json.loads(line)["contact"].encode()
            topic = f"{topics['CONTACT_STREAMS_KAFKA__TOPIC_PREFIX']}calls"
            producer.send(topic, line, key, partition=partition_of(key, 3))
        producer.flush()
        if transaction is not None:
            (producer.commit_transaction if transaction else producer.abort_transaction)()
        producer.close()

    def ask(self, topics, kpi, window, *more):
        asked = ("--queue", "sales", "--kpi", kpi, "--window", window, "--json", *more)
        done = contact_streams_here("explain", *asked, environ=topics)
        assert done.returncode == 0, done.stderr
        number, *lines = [json.loads(line) for line in done.stdout.splitlines()]
        return number, lines

    @pytest.mark.parametrize("window", ["5m", "all"])
    def test_gives_what_the_same_events_in_a_file_give(self, topics, file, window):
        self.send(topics, *STORY)

        assert self.ask(topics, "service_level", window, "--at", AT) == explain(
            file(*STORY), "service_level", window=window
        )

    def test_an_instant_is_before_the_first_later_event(self, topics, file):
        self.send(topics, *STORY)

        assert self.ask(topics, "waiting", "live", "--at", MIDDAY + 30_000)[0]["value"] == 2

    def test_what_is_not_committed_does_not_exist(self, topics):
        self.send(topics, *STORY[:2], transaction=True)
        self.send(topics, *STORY[2:5], transaction=False)
        number, lines = self.ask(topics, "offered", "all", "--at", AT)

        assert number["value"] == 2
        assert sorted(line["contact"] for line in lines) == ["a", "b"]

    def test_without_an_instant_it_is_now(self, topics):
        import time

        began = time.time_ns() // 1_000_000
        lines = [json.loads(entered(name, 0)) | {"time": began - 1_000} for name in ("x", "y")]
        self.send(topics, *(json.dumps(line).encode() for line in lines))
        number, lines = self.ask(topics, "waiting", "live")

        assert number["value"] == 2
        assert number["at_ms"] >= began
        assert {line["at_ms"] for line in lines} == {began - 1_000}

    def test_topics_that_are_not_there_are_named(self, brokers):
        nowhere = {"CONTACT_STREAMS_KAFKA__BROKERS": brokers, "CONTACT_STREAMS_KAFKA__TOPIC_PREFIX": "nowhere-"}
        asked = ("--queue", "sales", "--kpi", "asa", "--window", "5m", "--channel", "voice")
        done = contact_streams_here("explain", *asked, environ=nowhere)

        assert done.returncode == 1
        assert done.stderr.startswith("error: Kafka has no topic nowhere-calls\nhint: ")
