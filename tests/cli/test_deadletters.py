"""`deadletters list`, `show` and `replay` against a real Kafka."""

import base64
import gzip
import itertools
import json
import shlex
import sys
from collections import Counter

import pytest
from kafka import KafkaProducer

from tests.cli.commands import Done, contact_streams, contact_streams_here
from tests.cli.dead_letters import PARTITIONS, DeadLetterBox, entered
from tests.servers import free_port

pytestmark = pytest.mark.kafka

NOW = 1_775_000_000_000
MINUTE_MS = 60_000

NO_QUEUE = entered("ann", NOW, queue=None)
NOT_UTF8 = b'{"v": 1, "id": "\xff\xfe", \x1b[31m'
NO_JSON = b"hello\nworld"
LATE = entered("bob", NOW - 5 * MINUTE_MS)
FUTURE_TYPE = entered("cid", NOW, type="queue.teleported")
GOOD = entered("dan", NOW)


TOPICS = {"CONTACT_STREAMS_TOPICS": "{calls: [voice]}"}
NUMBERS = itertools.count(1)


def new_box(brokers: str) -> DeadLetterBox:
    """Topics of its own, and one letter of each reason in them."""
    prefix = f"box{next(NUMBERS)}-"
    options = ("--brokers", brokers, "--topic-prefix", prefix, "--partitions", PARTITIONS)
    done = contact_streams_here("topics", "create", *options, environ=TOPICS)
    assert done.returncode == 0, done.stderr
    made = DeadLetterBox(brokers, prefix)
    # Every partition's clock has reached NOW when the last one comes.
    beats = [(part, b"beat", b'{"v":1,"id":"b","type":"heartbeat","time":%d,"source":"pbx"}' % NOW) for part in (0, 1)]
    first = [(b"ann", NO_QUEUE), (None, NO_JSON), (b"x", NOT_UTF8), (b"cid", FUTURE_TYPE), (b"dan", GOOD)]
    made.send([*first, *beats, (b"bob", LATE)])
    made.fold()
    return made


@pytest.fixture(scope="module")
def unchanged(brokers) -> DeadLetterBox:
    """For tests that only look."""
    return new_box(brokers)


@pytest.fixture
def box(brokers) -> DeadLetterBox:
    """For a test that sends."""
    return new_box(brokers)


def running(box: DeadLetterBox):
    def command(*arguments: object) -> Done:
        options = ("--brokers", box.brokers, "--topic-prefix", box.prefix)
        return contact_streams_here("deadletters", *arguments, *options, environ=TOPICS)

    return command


@pytest.fixture
def run(box):
    return running(box)


@pytest.fixture
def look(unchanged):
    return running(unchanged)


def lines_of(done: Done) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def through(code: str) -> str:
    """A command that runs Python for each letter `line`, and writes what is left of it."""
    program = f"import json, sys\nfor text in sys.stdin:\n line = json.loads(text)\n {code}\n print(json.dumps(line))"
    return shlex.join([sys.executable, "-c", program])


class TestList:
    def test_names_each_record_with_its_reason_and_place(self, unchanged, look):
        done = look("list", "--json")
        found = {line["letter"]: (line["reason"], line["path"]) for line in lines_of(done)}

        assert done.returncode == 0
        assert found == {
            unchanged.place(NO_QUEUE): ("missing_field", "$.queue"),
            unchanged.place(NO_JSON): ("not_json", "$"),
            unchanged.place(NOT_UTF8): ("not_json", "$"),
            unchanged.place(FUTURE_TYPE): ("unknown", "$.type"),
            unchanged.place(LATE): ("too_late", "$.time"),
        }

    def test_gives_the_record_as_event_as_text_or_as_base64(self, unchanged, look):
        records = {line["letter"]: line for line in lines_of(look("list", "--json"))}

        assert records[unchanged.place(NO_QUEUE)]["event"] == json.loads(NO_QUEUE)
        assert records[unchanged.place(NO_JSON)]["text"] == "hello\nworld"
        assert base64.b64decode(records[unchanged.place(NOT_UTF8)]["base64"]) == NOT_UTF8

    def test_a_table_shows_no_raw_bytes(self, look):
        done = look("list")

        assert done.returncode == 0
        assert "\x1b" not in done.stdout
        assert r"\xff\xfe" in done.stdout
        assert done.stderr.startswith("5 dead letters; 0 records were sent again\n2 not_json\n")

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            pytest.param(["--reason", "too_late"], {"too_late": 1}, id="reason"),
            pytest.param(["--reason", "too_late", "--reason", "unknown"], {"too_late": 1, "unknown": 1}, id="reasons"),
            pytest.param(["--topic", "calls", "--reason", "not_json"], {"not_json": 2}, id="topic"),
            pytest.param(["--topic", "chats"], {}, id="another topic"),
            pytest.param(["--since", "2099-01-01T00:00:00Z"], {}, id="since"),
            pytest.param(["--until", "2020-01-01T00:00:00Z"], {}, id="until"),
            pytest.param(["--since", "2020-01-01T00:00:00Z", "--reason", "unknown"], {"unknown": 1}, id="since then"),
        ],
    )
    def test_filters(self, look, filters, expected):
        done = look("list", "--json", *filters)

        assert Counter(line["reason"] for line in lines_of(done)) == expected

    def test_limit_gives_the_newest(self, unchanged, look):
        (line,) = lines_of(look("list", "--json", "--limit", 1))

        assert line["at_ms"] == max(each["at_ms"] for each in lines_of(look("list", "--json")))


class TestShow:
    def test_shows_the_letter_whole(self, unchanged, look):
        done = look("show", unchanged.place(NOT_UTF8))

        assert done.returncode == 0
        assert "reason   not_json at $" in done.stdout
        assert r'{"v": 1, "id": "\xff\xfe", \x1b[31m' in done.stdout
        assert "replayed no" in done.stdout

    def test_raw_gives_the_bytes_as_they_came(self, unchanged):
        options = ("--brokers", unchanged.brokers, "--topic-prefix", unchanged.prefix)
        done = contact_streams("deadletters", "show", unchanged.place(NO_JSON), "--raw", *options)

        assert done.stdout.encode() == NO_JSON

    def test_one_that_is_not_there_is_an_error(self, look):
        done = look("show", "calls:0:99")

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: no such dead letter: calls:0:99\nhint: ")

    def test_a_name_that_is_none_is_a_usage_error(self, look):
        assert look("show", "99").returncode == 2


class TestReplay:
    def test_sends_a_repaired_record_to_its_place_with_its_key(self, box, run):
        name = box.place(NO_QUEUE)
        done = run("replay", name, "--through", through("line['event']['queue'] = 'billing'"))
        (sent,) = [record for record in box.records("calls") if "replayed-from" in record.headers]
        topic, partition, offset = name.rsplit(":", 2)

        assert (done.returncode, done.stdout) == (0, "1 letters: 1 sent\n")
        assert (sent.partition, sent.key) == (int(partition), b"ann")
        assert json.loads(sent.value) == {**json.loads(NO_QUEUE), "queue": "billing"}
        assert json.loads(sent.headers["replayed-from"]) == {
            "topic": topic,
            "partition": int(partition),
            "offset": int(offset),
        }

    def test_a_second_time_sends_nothing(self, box, run):
        mend = ("replay", "--reason", "missing_field", "--through", through("line['event']['queue'] = 'billing'"))
        run(*mend)
        again = run(*mend)
        sent = [record for record in box.records("calls") if "replayed-from" in record.headers]

        assert (again.returncode, again.stdout) == (0, "1 letters: 1 sent_before\n")
        assert len(sent) == 1
        assert "missing_field" not in run("list").stdout
        assert [line["replayed_at_ms"] is not None for line in lines_of(run("list", "--all", "--json"))].count(
            True
        ) == 1

    def test_again_sends_it_once_more(self, box, run):
        mend = ("replay", "--reason", "missing_field", "--through", through("line['event']['queue'] = 'billing'"))
        run(*mend)

        assert run(*mend, "--again").stdout == "1 letters: 1 sent\n"

    def test_what_would_be_a_dead_letter_again_is_not_sent(self, unchanged, look):
        before = unchanged.records("calls")
        done = look("replay", "--all", "--json")
        results = {line["letter"]: line["result"] for line in lines_of(done)}

        assert done.returncode == 3
        assert results == {
            **dict.fromkeys(map(unchanged.place, (NO_QUEUE, NO_JSON, NOT_UTF8, FUTURE_TYPE)), "wrong"),
            unchanged.place(LATE): "too_late",
        }
        assert unchanged.records("calls") == before

    def test_says_why_a_letter_is_not_mended(self, unchanged, look):
        done = look("replay", unchanged.place(LATE), unchanged.place(NO_QUEUE))

        assert f"{unchanged.place(LATE)}  too_late: 300 s behind, 60 s are allowed\n" in done.stderr
        assert f"{unchanged.place(NO_QUEUE)}  wrong: missing_field $.queue: " in done.stderr

    def test_a_dry_run_sends_nothing(self, unchanged, look):
        before = unchanged.records("calls"), unchanged.records("deadletters")
        done = look(
            "replay",
            "--reason",
            "unknown",
            "--dry-run",
            "--through",
            through("line['event']['type'] = 'queue.entered'"),
        )

        assert (done.returncode, done.stdout) == (0, "1 letters: 1 would_send\n")
        assert (unchanged.records("calls"), unchanged.records("deadletters")) == before

    def test_an_edited_file_chooses_its_letters(self, box, run, tmp_path):
        letters = lines_of(run("list", "--json"))
        chosen = [line for line in letters if line["reason"] in ("unknown", "missing_field")]
        for line in chosen:
            line["event"] |= {"type": "queue.entered", "queue": "billing"}
        file = tmp_path / "letters.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in chosen), encoding="utf-8")
        done = run("replay", "--edited", file)

        assert (done.returncode, done.stdout) == (0, "2 letters: 2 sent\n")

    def test_a_record_without_a_key_goes_where_its_contact_is(self, box, run, tmp_path):
        file = tmp_path / "letters.jsonl"
        event = json.loads(entered("eve", NOW))
        file.write_text(json.dumps({"letter": box.place(NO_JSON), "event": event}), encoding="utf-8")
        run("replay", "--edited", file)
        (sent,) = [record for record in box.records("calls") if "replayed-from" in record.headers]
        box.send([(b"eve", entered("eve", NOW))])
        last = [record for record in box.records("calls") if record.key == b"eve"][-1]

        assert (sent.key, sent.partition) == (b"eve", last.partition)

    def test_a_letter_that_the_command_leaves_out_stays_as_it_is(self, unchanged, look):
        done = look("replay", "--reason", "not_json", "--through", through("continue"), "--json")

        assert (done.returncode, {line["result"] for line in lines_of(done)}) == (0, {"left_out"})
        assert len(lines_of(look("list", "--json"))) == 5

    @pytest.mark.parametrize(
        ("command", "code", "message"),
        [
            pytest.param("false", 1, "ended with 1: nothing was sent", id="it fails"),
            pytest.param("no-such-program", 2, "No such file", id="no such program"),
            pytest.param("echo hello", 1, "output of --through, line 1: ", id="it writes no JSON"),
            pytest.param(
                """echo '{"letter": "calls:9:9", "text": ""}'""", 1, "was not given to it", id="another letter"
            ),
        ],
    )
    def test_a_command_that_does_not_do_its_job_is_an_error(self, unchanged, look, command, code, message):
        done = look("replay", "--reason", "unknown", "--through", command)

        assert done.returncode == code
        assert message in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            pytest.param([], id="no letters"),
            pytest.param(["calls:0:1", "--all"], id="named and described"),
            pytest.param(["--all", "--through", "cat", "--edited", __file__], id="both repairs"),
        ],
    )
    def test_usage_errors(self, look, arguments):
        assert look("replay", *arguments).returncode == 2

    def test_whoever_begins_later_shuts_out_whoever_began_before(self, box):
        """Two people at once: what one has sent the other knows, and none sends on what it knew before."""
        from streams.errors import ContactStreamsError
        from streams.sources.deadletters import Again, DeadLetters, Wanted, resender
        from streams.sources.kafka import reader

        options = {"bootstrap_servers": box.brokers}
        topic = f"{box.prefix}deadletters"
        with reader(options) as log:
            (letter,) = DeadLetters(log, topic).letters(Wanted(reasons={"missing_field"}))
        again = Again(letter, letter.place.topic, letter.place.partition, letter.key, entered("ann", NOW))
        with resender(options, box.prefix, topic) as first, resender(options, box.prefix, topic) as second:
            second.send([again])
            with pytest.raises(ContactStreamsError, match="another `deadletters replay` has begun"):
                first.send([again])

        assert len([record for record in box.records("calls") if "replayed-from" in record.headers]) == 1


class TestRepairedLog:
    """What comes too late for the workers: the whole log as it should have been."""

    @pytest.fixture
    def outcomes(self):
        def fold(*files: object) -> tuple[str, int]:
            """What a replay says of the log, and how many were offered in the channel."""
            done = contact_streams_here("replay", *files, "--json", "--partitions", PARTITIONS)
            assert done.returncode == 0, done.stderr
            whole = [line for line in lines_of(done) if (line["queue"], line["window"]) == ("*", "all")]
            return done.stderr.splitlines()[0], whole[0]["kpis"]["offered"]

        return fold

    def test_has_every_record_in_its_place(self, box, run, outcomes, tmp_path):
        log = tmp_path / "repaired.jsonl.gz"
        mend = through("line['event'] |= {'type': 'queue.entered', 'queue': 'billing'} if 'event' in line else {}")
        done = run("replay", "--reason", "missing_field", "--reason", "unknown", "--reason", "too_late",
                   "--through", mend, "--log", log)  # fmt: skip
        lines = gzip.decompress(log.read_bytes()).splitlines()

        assert (done.returncode, done.stdout) == (0, "3 letters: 2 sent, 1 logged\n")
        assert len(lines) == len(box.records("calls")) - 2  # what was sent stands in its first place
        assert outcomes(log) == ("8 records: 6 applied, 2 rejected", 4)

    def test_without_it_what_is_too_late_is_a_finding(self, unchanged, look):
        done = look("replay", "--reason", "too_late")

        assert done.returncode == 3
        assert "hint: too late: --log FILE" in done.stderr

    def test_what_was_sent_before_stands_in_its_first_place(self, box, run, outcomes, tmp_path):
        run("replay", "--reason", "missing_field", "--through", through("line['event']['queue'] = 'billing'"))
        log = tmp_path / "repaired.jsonl"
        run("replay", "--reason", "too_late", "--log", log)

        assert outcomes(log) == ("8 records: 5 applied, 2 rejected, 1 unknown", 3)


def test_without_their_topic_it_says_how_to_create_it(brokers):
    done = contact_streams_here("deadletters", "list", "--brokers", brokers, "--topic-prefix", "nowhere-")

    assert done.returncode == 1
    assert done.stderr == "error: Kafka has no topic nowhere-deadletters\nhint: run `contact-streams topics create`\n"


def test_no_broker_is_an_error_with_a_hint():
    done = contact_streams_here("deadletters", "list", "--brokers", f"127.0.0.1:{free_port()}")

    assert done.returncode == 1
    assert done.stderr.startswith("error: Kafka cannot be ")
    assert "hint: " in done.stderr


@pytest.mark.parametrize("command", [(), ("list",), ("show",), ("replay",)], ids=" ".join)
def test_help_begins_with_examples(command):
    done = contact_streams_here("deadletters", *command, "--help")

    assert done.returncode == 0
    assert done.stdout.startswith("Examples:\n  contact-streams deadletters ")


def test_what_is_no_letter_is_passed_over(box, run):
    """Others may write into the topic: neither a listing nor a replay stumbles over it."""
    producer = KafkaProducer(bootstrap_servers=box.brokers)
    for headers in ([], [("reason", b"x")], [("reason", b"x"), ("source", b"\xff")], [("source", b"{}")]):
        producer.send(f"{box.prefix}deadletters", b"?", headers=headers)
    producer.close()

    assert len(lines_of(run("list", "--json"))) == 5
