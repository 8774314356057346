"""Which topic, key and partition a line gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sources.routing import Router, partition_of
from tests.reference import murmur

ALL_TOPICS = {
    "calls": ["voice"],
    "chats": ["chat"],
    "tickets": ["ticket", "email"],
    "agents": [],
    "surveys": [],
    "business": [],
}


@pytest.mark.parametrize(
    ("line", "topic", "key"),
    [
        (b'{"type": "queue.entered", "channel": "voice", "contact": "c1"}', "calls", b"c1"),
        (b'{"type": "message.added", "channel": "chat", "contact": "c2"}', "chats", b"c2"),
        (b'{"type": "ticket.created", "channel": "email", "contact": "t1"}', "tickets", b"t1"),
        (b'{"type": "agent.state", "agent": "ann", "state": "break"}', "agents", b"ann"),
        (b'{"type": "survey.answered", "channel": "voice", "contact": "c1"}', "surveys", b"c1"),
        (b'{"type": "order.placed", "customer": "bob", "source": "shop"}', "business", b"bob"),
        (b'{"type": "marketing.spent", "source": "ads"}', "business", b"ads"),
        pytest.param(
            b'{"type": "queue.moved", "channel": "chat", "contact": "c2"}', "chats", b"c2", id="an unknown type"
        ),
        pytest.param(
            '{"type": "x", "channel": "voice", "contact": "ü\\n"}'.encode(),
            "calls",
            "ü\n".encode(),
            id="a key is UTF-8",
        ),
    ],
)
def test_an_event_goes_to_its_topic_keyed_as_producers_key_it(line, topic, key):
    route = Router(ALL_TOPICS).route(line)

    assert (route.topics, route.key, route.broadcast) == ((topic,), key, False)


@pytest.mark.parametrize(
    ("channel", "topics", "topic"),
    [
        pytest.param("email", {"calls": ["voice"], "tickets": ["ticket"]}, "tickets", id="mails like tickets"),
        pytest.param("whatsapp", {"calls": ["voice"], "chats": ["chat"]}, "chats", id="messages like chats"),
        pytest.param("fax", {"chats": ["chat"], "calls": ["voice"]}, "calls", id="anything else like calls"),
        pytest.param("email", {"chats": ["chat"], "calls": ["voice"]}, "chats", id="else the first that there is"),
    ],
)
def test_a_channel_that_no_topic_names_goes_where_its_like_goes(channel, topics, topic):
    line = f'{{"type": "queue.entered", "channel": "{channel}", "contact": "c"}}'.encode()

    assert Router(topics).route(line).topics == (topic,)


def test_a_heartbeat_goes_everywhere():
    line = b'{"v": 1, "id": "h", "type": "heartbeat", "time": 1700000000000, "source": "pbx"}'
    route = Router({"calls": ["voice"], "chats": ["chat"]}).route(line)

    assert route.topics == ("calls", "chats")
    assert (route.broadcast, route.key, route.at) == (True, None, 1_700_000_000_000)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not json", id="not json"),
        pytest.param(b"\xff\xfe{", id="not text"),
        pytest.param(b'["queue.entered"]', id="no object"),
        pytest.param(b'{"type": "queue.entered", "channel": "voice"}', id="no contact"),
        pytest.param(b'{"type": "queue.entered", "channel": "voice", "contact": 7}', id="a contact that is no text"),
        pytest.param(b'{"type": "queue.entered", "channel": "voice", "contact": ""}', id="an empty contact"),
        pytest.param(b"[" * 100_000, id="nested beyond reason"),
        pytest.param(b'{"type": "heartbeat", "source": "pbx"}', id="a heartbeat that will be rejected"),
        pytest.param(b'{"contact": "\\ud800"}', id="half a surrogate pair"),
    ],
)
def test_what_cannot_be_routed_goes_to_calls_without_a_key(line):
    route = Router(ALL_TOPICS).route(line)

    assert (route.topics, route.key, route.broadcast) == (("calls",), None, False)


@pytest.mark.parametrize(
    "wrong", ['"time": "yesterday"', '"time": {}', '"_ts": "x"', '"source": 5', '"agent": null, "customer": []']
)
def test_a_field_that_is_wrong_elsewhere_does_not_change_the_key(wrong):
    line = f'{{"type": "queue.entered", "channel": "voice", "contact": "c", {wrong}}}'.encode()

    assert Router(ALL_TOPICS).route(line)[:2] == (("calls",), b"c")


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("1700000000000", 1_700_000_000_000),
        ('"2023-11-14T22:13:20Z"', 1_700_000_000_000),
        ('"2023-11-14T23:13:20.123+01:00"', 1_700_000_000_123),
        ('"2023-11-14T22:13:20"', None),
        ("null", None),
    ],
)
def test_the_event_time_is_epoch_milliseconds(written, at):
    line = f'{{"type": "x", "channel": "voice", "contact": "c", "time": {written}}}'.encode()

    assert Router(ALL_TOPICS).route(line).at == at


def test_a_line_may_carry_its_append_time():
    line = b'{"type": "x", "channel": "voice", "contact": "c", "_ts": 1700000000000}'

    assert Router(ALL_TOPICS).route(line).appended_at == 1_700_000_000_000


class TestPartition:
    @given(st.text(min_size=1, max_size=30), st.integers(1, 64))
    def test_is_that_of_kafkas_clients(self, key, partitions):
        assert partition_of(key.encode(), partitions) == murmur.partition_of(key, partitions)

    @pytest.mark.parametrize(
        ("key", "murmur2"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)]
    )
    def test_has_the_values_of_the_java_client(self, key, murmur2):
        """The hashes are those of Kafka's own UtilsTest."""
        assert partition_of(key, 8) == (murmur2 & 0x7FFFFFFF) % 8

    def test_without_a_key_is_the_first(self):
        assert partition_of(None, 8) == 0
