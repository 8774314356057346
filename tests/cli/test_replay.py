"""`replay`: its input, its options, its two outputs."""

import gzip
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from streams.cli.tables import shown
from streams.metrics.catalogue import CATALOGUE
from streams.metrics.settings import Channels
from tests.cli.commands import contact_streams, contact_streams_here

MIDDAY = 1_772_452_800_000
"""2026-03-02T12:00:00Z."""


def event(contact: str, kind: str, second: float, **more: object) -> bytes:
    at = MIDDAY + round(second * 1000)
    head = {"v": 1, "id": f"{contact}-{kind}-{at}", "type": kind, "time": at, "channel": "voice", "contact": contact}
    return json.dumps(head | more).encode()


def entered(contact: str, second: float, queue: str = "sales") -> bytes:
    return event(contact, "queue.entered", second, queue=queue)


def connected(contact: str, second: float, queue: str = "sales") -> bytes:
    return event(contact, "agent.connected", second, queue=queue, agent="ann")


def abandoned(contact: str, second: float, queue: str = "sales") -> bytes:
    return event(contact, "queue.abandoned", second, queue=queue)


#       12:00:00   :10       :25    :30    :40      12:01:30
#  a    in ─────── answered
#  b    in ────────────────────────────── abandoned
#  c                         in ──────────────────────── …
STORY = [entered("a", 0), entered("b", 0), connected("a", 10), entered("c", 25), abandoned("b", 40)]


@pytest.fixture
def file(tmp_path: Path):
    def write(*lines: bytes, name: str = "events.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return write


def views(*arguments: object, **options):
    """(at_ms, queue, window) → KPIs."""
    done = contact_streams_here("replay", *arguments, "--json", **options)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["at_ms"], line["queue"], line["window"]): line["kpis"] for line in lines}


class TestJson:
    def test_each_line_is_a_queue_and_a_window(self, file):
        done = contact_streams_here("replay", file(*STORY), "--json")
        lines = [json.loads(line) for line in done.stdout.splitlines()]

        assert all(list(line) == ["at_ms", "channel", "queue", "window", "kpis"] for line in lines)
        assert {(line["channel"], line["queue"]) for line in lines} == {("voice", "sales"), ("voice", "*")}
        assert {line["window"] for line in lines} == {
            "all", "live", "1m", "5m", "15m", "30m", "60m", "today", "interval", "previous_interval",
        }  # fmt: skip
        assert len(lines) == 2 * 10

    def test_groups_and_segments_are_queues_too(self, file, tmp_path):
        config = tmp_path / "c.yaml"
        config.write_text("groups: {both: [sales, support]}\nsegments: [gold]", encoding="utf-8")
        gold = event("f", "queue.entered", 41, queue="support", segment="gold")
        seen = views(file(*STORY, entered("e", 41, "support"), gold), "--config", config)
        offered = {queue: values["offered"] for (_, queue, window), values in seen.items() if window == "all"}

        assert offered == {"sales": 3, "support": 2, "@both": 5, "*": 5, "#gold": 1}

    def test_the_windows_are_those_of_the_configuration(self, file, tmp_path):
        config = tmp_path / "c.yaml"
        config.write_text("windows: [2m, today]", encoding="utf-8")

        assert {window for *_, window in views(file(*STORY), "--config", config)} == {"all", "live", "2m", "today"}

    def test_without_an_instant_it_shows_the_time_of_the_latest_event(self, file):
        found = views(file(*STORY, entered("d", 5)))
        at = MIDDAY + 40_000

        assert {key[0] for key in found} == {at}
        assert found[at, "*", "all"]["offered"] == 4
        assert found[at, "*", "live"]["waiting"] == 2

    def test_what_cannot_be_computed_is_null(self, file):
        found = views(file(entered("a", 0)))

        assert found[MIDDAY, "*", "all"]["asa"] is None
        assert found[MIDDAY, "*", "all"]["service_level"] is None
        assert found[MIDDAY, "*", "all"]["answered"] == 0

    def test_every_line_has_every_kpi_of_its_channel(self, file):
        ticket = event("t", "ticket.created", 0, queue="help", channel="ticket")
        agent = event("a", "agent.state", 0, agent="ann", state="available", queues=["help"])
        order = event("o", "order.placed", 0, customer="cem", amount=100)
        done = contact_streams_here("replay", file(ticket, agent, order, *STORY), "--json")
        lines = [json.loads(line) for line in done.stdout.splitlines()]

        assert {line["channel"] for line in lines} == {"voice", "ticket", "agents", "business"}
        for line in lines:
            scopes = set(Channels().scopes(line["channel"], line["queue"]))
            live = line["window"] == "live"
            assert line["kpis"].keys() == {
                kpi.id for kpi in CATALOGUE if kpi.live == live and scopes & set(kpi.scopes)
            }, line

    def test_nothing_gives_nothing(self, file):
        done = contact_streams_here("replay", file(), "--json")

        assert (done.returncode, done.stdout) == (0, "")
        assert "0 records" in done.stderr


class TestInstants:
    def test_a_view_is_taken_before_the_first_later_event(self, file):
        found = views(file(*STORY), "--at", "2026-03-02T12:00:30Z", "--at", MIDDAY + 10_000)

        assert sorted({key[0] for key in found}) == [MIDDAY + 10_000, MIDDAY + 30_000]
        assert found[MIDDAY + 10_000, "*", "all"]["answered"] == 1
        assert found[MIDDAY + 10_000, "*", "live"]["waiting"] == 1
        assert (
            found[MIDDAY + 30_000, "*", "live"] | {"waiting": 2, "longest_wait": 30.0}
            == found[MIDDAY + 30_000, "*", "live"]
        )
        assert found[MIDDAY + 30_000, "*", "all"]["abandoned"] == 0

    def test_values_go_on_after_the_last_event(self, file):
        found = views(file(*STORY), "--at", "2026-03-02T12:02:25Z")
        at = MIDDAY + 145_000

        assert found[at, "*", "live"]["longest_wait"] == 120.0
        assert found[at, "*", "1m"]["answered"] == 0
        assert found[at, "*", "5m"]["answered"] == 1

    def test_an_instant_before_everything_has_no_queue(self, file):
        assert views(file(*STORY), "--at", "2026-03-02T11:00:00Z") == {}

    @pytest.mark.parametrize("time", ["2026-03-02T13:00:30+01:00", "2026-03-02T12:00:30.000Z", str(MIDDAY + 30_000)])
    def test_times_are_written_as_rfc_3339_or_epoch_ms(self, file, time):
        assert {key[0] for key in views(file(*STORY), "--at", time)} == {MIDDAY + 30_000}

    @pytest.mark.parametrize("time", ["noon", "2026-03-02T12:00:00", "12", "1772452800"])
    def test_anything_else_is_wrong_usage(self, file, time):
        done = contact_streams_here("replay", file(*STORY), "--at", time)

        assert done.returncode == 2
        assert done.stderr.startswith("error: Invalid value for '--at'")


class TestInput:
    def test_files_come_in_the_order_given(self, file):
        first, second = file(*STORY[:2], name="1.jsonl"), file(*STORY[2:], name="2.jsonl")

        assert views(first, second) == views(file(*STORY))

    def test_compressed_files_and_standard_input_are_the_same(self, file, tmp_path):
        plain = file(*STORY)
        compressed = tmp_path / "events.jsonl.gz"
        compressed.write_bytes(gzip.compress(plain.read_bytes()))

        assert views(plain) == views(compressed) == views("-", stdin=plain.read_bytes())
        assert views(plain) == views("-", stdin=compressed.read_bytes())

    def test_a_file_that_is_not_there_is_exit_code_1(self):
        done = contact_streams_here("replay", "nowhere.jsonl")

        assert done.returncode == 1
        assert done.stderr.startswith("error: nowhere.jsonl: no such file\nhint: ")

    def test_a_heartbeat_moves_the_watermark_of_every_book(self, file):
        """A ghost is evicted by the watermark of its own partition, which only the heartbeat can have moved."""
        heartbeat = {"v": 1, "id": "h", "type": "heartbeat", "time": MIDDAY + 5 * 3_600_000, "source": "pbx"}
        calls = [entered(f"c{n}", 0) for n in range(30)]
        found = views(file(*calls, json.dumps(heartbeat).encode()))
        at = MIDDAY + 5 * 3_600_000

        assert found[at, "*", "all"]["evicted"] == 30
        assert found[at, "*", "live"]["waiting"] == 0

    def test_a_clock_that_is_ahead_is_clamped_to_the_append_time_of_its_record(self, file):
        ahead = json.loads(entered("x", 3_600)) | {"_ts": MIDDAY + 30_000}
        found = views(file(*STORY, json.dumps(ahead).encode()), "--at", MIDDAY + 50_000)

        assert found[MIDDAY + 50_000, "*", "live"]["waiting"] == 2
        assert found[MIDDAY + 50_000, "*", "live"]["longest_wait"] == 25.0

    def test_a_clock_that_is_ahead_is_believed_where_there_is_no_append_time(self, file):
        found = views(file(*STORY, entered("x", 3_600)), "--at", MIDDAY + 50_000)

        assert found[MIDDAY + 50_000, "*", "live"]["waiting"] == 1


class TestBadRecords:
    BAD = (b"not json", b"", b"[]", b'{"v": 1, "id": "x", "type": "queue.entered", "time": 5}')

    def test_are_summed_up_by_reason_and_sum_to_the_records_read(self, file):
        unknown = event("u", "queue.teleported", 41)
        twice = STORY[0]
        done = contact_streams_here("replay", file(*STORY, *self.BAD, unknown, twice, b"{}"), "--json")
        summary = done.stderr.splitlines()

        assert done.returncode == 0
        assert summary[0] == "12 records: 5 applied, 1 duplicate, 5 rejected, 1 unknown"
        assert sum(int(line.split()[1]) for line in summary[1:]) == 5
        assert "rejected: 1 not_json" in summary

    def test_make_strict_exit_with_3(self, file):
        done = contact_streams_here("replay", file(*STORY, b"not json"), "--strict")

        assert done.returncode == 3
        assert "error: 1 records were rejected" in done.stderr

    def test_do_not_hinder_the_others(self, file):
        assert views(file(*self.BAD, *STORY))[MIDDAY + 40_000, "*", "all"]["offered"] == 3

    def test_without_any_strict_is_fine(self, file):
        assert contact_streams_here("replay", file(*STORY), "--strict").returncode == 0


class TestTable:
    def test_shows_each_queue(self, file):
        done = contact_streams_here("replay", file(*STORY, entered("e", 41, "support")))

        assert done.returncode == 0
        assert "voice  2026-03-02 12:00:41 UTC" in done.stdout
        for word in ("sales", "support", "waiting", "abandoned", "today", "AHT", "50.0 %", "0:10"):
            assert word in done.stdout
        assert "…" not in done.stdout

    def test_tickets_and_agents_have_columns_of_their_own(self, file):
        ticket = event("t", "ticket.created", 0, queue="help", channel="ticket")
        agent = event("a", "agent.state", 0, agent="ann", state="available", queues=["help"])
        done = contact_streams_here("replay", file(ticket, agent, *STORY))
        headings = [line.split()[:3] for line in done.stdout.splitlines() if line.lstrip().startswith("queue")]

        assert headings == [
            ["queue", "staffed", "available"],
            ["queue", "backlog", "overdue"],
            ["queue", "waiting", "longest"],
        ]

    def test_business_events_have_columns_of_their_own(self, file):
        order = {"v": 1, "id": "o", "type": "order.placed", "time": MIDDAY, "customer": "ann", "amount": 129_900}
        done = contact_streams_here("replay", file(json.dumps(order).encode()))

        assert "business  2026-03-02 12:00:00 UTC" in done.stdout
        for word in ("orders", "revenue", "129,900"):
            assert word in done.stdout
        assert "waiting" not in done.stdout

    def test_a_pipe_gets_neither_colours_nor_a_progress_bar(self, file):
        done = contact_streams("replay", file(*STORY))

        assert "\x1b" not in done.stdout + done.stderr
        assert done.stderr == "5 records: 5 applied\n"

    def test_a_terminal_gets_a_progress_bar_and_the_pipe_beside_it_does_not(self, file):
        terminal, its_end = pty.openpty()
        command = [sys.executable, "-m", "streams", "replay", str(file(*STORY)), "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=its_end, timeout=60, check=True)
        os.close(its_end)
        seen = os.read(terminal, 1 << 16).decode()
        os.close(terminal)

        assert "folding" in seen
        assert all(json.loads(line)["channel"] == "voice" for line in done.stdout.splitlines())

    @pytest.mark.parametrize(
        ("value", "unit", "text"),
        [
            (None, "ratio", "–"),
            (0.8194, "ratio", "81.9 %"),
            (1511, "count", "1,511"),
            (0, "count", "0"),
            (125.4, "s", "2:05"),
            (3_725, "s", "1:02:05"),
            (1299.5, "minor", "1,300"),
        ],
    )
    def test_values_are_written_for_people(self, value, unit, text):
        assert shown(value, unit) == text
