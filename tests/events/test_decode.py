"""Bytes to events: what is an event, what is rejected and why, and how time is read."""

import json
from datetime import UTC, datetime
from typing import get_args

import pytest

from streams.events import model
from streams.events.decode import TYPES, EventDecoder, Rejected, Unknown

AT = 1_790_000_000_000
LIMIT = 2_000


def decode(value):
    return EventDecoder(LIMIT).decode([value])[0]


def record(kind="contact.started", /, *, without=(), **fields):
    """A valid event with some fields changed or left out."""
    event = {"v": 1, "id": "e1", "type": kind, "time": AT, "channel": "voice", "contact": "c1", **fields}
    return json.dumps({name: value for name, value in event.items() if name not in without}).encode()


def entered(**fields):
    return record("queue.entered", **{"queue": "q", **fields})


def nested(depth):
    return record()[:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}"


BAD = [
    # the record                                                       reason               path
    pytest.param(None,                                                 "empty",             "$", id="a null value"),
    pytest.param(b"",                                                  "empty",             "$", id="no bytes"),
    pytest.param(b"  ",                                                "not_json",          "$", id="only blanks"),
    pytest.param(b"hello",                                             "not_json",          "$", id="not JSON"),
    pytest.param(b"NaN",                                               "not_json",          "$", id="not a number"),
    pytest.param(record()[:-1],                                        "not_json",          "$", id="cut off"),
    pytest.param(record() + b" x",                                     "not_json",          "$", id="something behind"),
    pytest.param(b"\xef\xbb\xbf" + record(),                           "not_json",          "$", id="byte order mark"),
    pytest.param(record().replace(b"c1", b"\xff"),                     "not_json",          "$", id="not UTF-8"),
    pytest.param(record().replace(b"c1", rb"\ud800"),                  "not_json",          "$", id="lone surrogate, escaped"),
    pytest.param(record().replace(b"c1", b"\xed\xa0\x80"),             "not_json",          "$", id="lone surrogate, in bytes"),
    pytest.param(b'{"v":2,',                                           "not_json",          "$", id="cut off, and wrong besides"),
    pytest.param(b"[" + record() + b"]",                               "not_an_object",     "$", id="array"),
    pytest.param(b'"text"',                                            "not_an_object",     "$", id="string"),
    pytest.param(b"null",                                              "not_an_object",     "$", id="JSON null"),
    pytest.param(b"17",                                                "not_an_object",     "$", id="number"),
    pytest.param(b"[" * 1_500,                                         "not_an_object",     "$", id="nothing but brackets"),
    pytest.param(record(without=["v"]),                                "missing_field",     "$.v", id="no v"),
    pytest.param(record(without=["id"]),                               "missing_field",     "$.id", id="no id"),
    pytest.param(record(without=["type"]),                             "missing_field",     "$.type", id="no type"),
    pytest.param(record(without=["time"]),                             "missing_field",     "$.time", id="no time"),
    pytest.param(record(without=["channel"]),                          "missing_field",     "$.channel", id="no channel"),
    pytest.param(record(without=["contact"]),                          "missing_field",     "$.contact", id="no contact"),
    pytest.param(record("queue.entered"),                              "missing_field",     "$.queue", id="no queue"),
    pytest.param(b"{}",                                                "missing_field",     "$.type", id="nothing at all"),
    pytest.param(record(v="1"),                                        "wrong_type",        "$.v", id="v a string"),
    pytest.param(record(v=True),                                       "wrong_type",        "$.v", id="v a boolean"),
    pytest.param(record(v=1.0),                                        "wrong_type",        "$.v", id="v with a point"),
    pytest.param(record(id=7),                                         "wrong_type",        "$.id", id="id a number"),
    pytest.param(record(id=None),                                      "wrong_type",        "$.id", id="id null"),
    pytest.param(record(5),                                            "wrong_type",        "$.type", id="type a number"),
    pytest.param(record(time=1.5),                                     "wrong_type",        "$.time", id="time with a fraction"),
    pytest.param(record(time=None),                                    "wrong_type",        "$.time", id="time null"),
    pytest.param(record(time=True),                                    "wrong_type",        "$.time", id="time a boolean"),
    pytest.param(record(bot="yes"),                                    "wrong_type",        "$.bot", id="bot a string"),
    pytest.param(entered(queue=["q"]),                                 "wrong_type",        "$.queue", id="queue a list"),
    pytest.param(record("contact.ended", by="agent", talk_ms="9"),     "wrong_type",        "$.talk_ms", id="duration a string"),
    pytest.param(record(v=2),                                          "invalid_value",     "$.v", id="v 2"),
    pytest.param(record(id=""),                                        "invalid_value",     "$.id", id="empty id"),
    pytest.param(record(id="x" * 201),                                 "invalid_value",     "$.id", id="id of 201 characters"),
    pytest.param(record(contact=""),                                   "invalid_value",     "$.contact", id="empty contact"),
    pytest.param(record(time="soon"),                                  "invalid_value",     "$.time", id="time in words"),
    pytest.param(record(time="2026-09-21T15:33:20"),                   "invalid_value",     "$.time", id="RFC 3339 without offset"),
    pytest.param(record(time="2026-02-30T00:00:00Z"),                  "invalid_value",     "$.time", id="30 February"),
    pytest.param(record("contact.ended", by="nobody"),                 "invalid_value",     "$.by", id="ended by nobody"),
    pytest.param(record("queue.left", queue="q", reason="bored"),      "invalid_value",     "$.reason", id="reason not known"),
    pytest.param(record("wrapup.ended", agent="a", acw_ms=2**53 + 1),  "invalid_value",     "$.acw_ms", id="duration beyond 2^53"),
    pytest.param(record(channel="Voice"),                              "invalid_value",     "$.channel", id="channel in capitals"),
    pytest.param(record(channel=""),                                   "invalid_value",     "$.channel", id="empty channel"),
    pytest.param(record(channel="c" * 51),                             "invalid_value",     "$.channel", id="channel of 51 characters"),
    pytest.param(record(channel="-voice"),                             "invalid_value",     "$.channel", id="channel with a dash in front"),
    pytest.param(entered(queue=""),                                    "invalid_value",     "$.queue", id="empty queue"),
    pytest.param(entered(queue="*"),                                   "invalid_value",     "$.queue", id="queue of the whole channel"),
    pytest.param(entered(queue="@x"),                                  "invalid_value",     "$.queue", id="queue like a group"),
    pytest.param(entered(queue="#x"),                                  "invalid_value",     "$.queue", id="queue like a segment"),
    pytest.param(entered(queue="a\tb"),                                "invalid_value",     "$.queue", id="tab in a queue"),
    pytest.param(entered(queue="a\x1fb"),                              "invalid_value",     "$.queue", id="separator in a queue"),
    pytest.param(entered(queue="a\x7f"),                               "invalid_value",     "$.queue", id="DEL in a queue"),
    pytest.param(entered(queue="q" * 201),                             "invalid_value",     "$.queue", id="queue of 201 characters"),
    pytest.param(record(time=0),                                       "time_out_of_range", "$.time", id="1970"),
    pytest.param(record(time=-AT),                                     "time_out_of_range", "$.time", id="negative time"),
    pytest.param(record(time=AT // 1000),                              "time_out_of_range", "$.time", id="seconds for milliseconds"),
    pytest.param(record(time=946_684_799_999),                         "time_out_of_range", "$.time", id="1 ms before 2000"),
    pytest.param(record(time=4_102_444_800_000),                       "time_out_of_range", "$.time", id="2100 begins"),
    pytest.param(record(time=10**40),                                  "time_out_of_range", "$.time", id="a number of 41 digits"),
    pytest.param(record(time="9999-12-31T23:59:59-12:00"),             "time_out_of_range", "$.time", id="year 9999"),
    pytest.param(record(time="0001-01-01T00:00:00+14:00"),             "time_out_of_range", "$.time", id="year 1"),
    pytest.param(entered(callback=True, due=5),                        "time_out_of_range", "$.due", id="due in 1970"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "reason", "path"), BAD)
def test_a_bad_record_is_rejected_with_its_reason_and_place(value, reason, path):
    rejected = decode(value)

    assert (rejected.reason, rejected.path) == (reason, path)
    assert rejected.message


def test_a_bad_record_does_not_touch_its_neighbours():
    good, bad, unknown, again = EventDecoder(LIMIT).decode([record(), b"{", record("nope"), record(id="e2")])

    assert [type(each) for each in (good, bad, unknown, again)] == [
        model.ContactStarted, Rejected, Unknown, model.ContactStarted,
    ]  # fmt: skip


@pytest.mark.xfail(strict=True, reason="the second look at a bad record raises what is no validation error")
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b'{"type":"nope", ', id="unknown type, cut off"),
        pytest.param(b'{"type":"nope", "x":"\xff"', id="unknown type, not UTF-8"),
        pytest.param(b'{"v":"x","type":"contact.started"', id="wrong type, cut off"),
        pytest.param(b'{"type":"nope","x":' + b"[" * 1_900, id="unknown type, nested without end"),
    ],
)
def test_what_is_wrong_before_it_is_no_json_is_not_json(value):
    assert decode(value).reason == "not_json"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("q\n", marks=pytest.mark.xfail(strict=True, reason="`$` matches before a last line break")),
        "\nq",
        "a\nb",
    ],
)
def test_a_line_break_anywhere_in_a_queue_is_rejected(name):
    rejected = decode(entered(queue=name))

    assert (rejected.reason, rejected.path) == ("invalid_value", "$.queue")


@pytest.mark.xfail(strict=True, reason="`$` matches before a last line break")
def test_a_line_break_after_a_channel_is_rejected():
    rejected = decode(record(channel="voice\n"))

    assert (rejected.reason, rejected.path) == ("invalid_value", "$.channel")


@pytest.mark.xfail(strict=True, reason="only `queue` is checked")
@pytest.mark.parametrize(
    ("value", "path"),
    [
        pytest.param(record("contact.transferred", kind="blind", to_queue="*"), "$.to_queue", id="to_queue"),
        pytest.param(
            record("agent.state", without=["channel", "contact"], agent="a", state="break", queues=["ok", "@x"]),
            "$.queues[1]",
            id="queues of an agent",
        ),
    ],
)
def test_every_queue_named_by_an_event_is_checked(value, path):
    rejected = decode(value)

    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.path) == ("invalid_value", path)


@pytest.mark.parametrize(
    "name",
    ["q", "Müller & Söhne", "客服", "a*b", "q@home", "a b", "-", "0", "q" * 200, "\U0001f4de"],
)
def test_a_queue_may_have_any_printable_name(name):
    assert decode(entered(queue=name)).queue == name


@pytest.mark.parametrize("name", ["voice", "chat", "social", "web-chat", "e.mail", "x_1", "c" * 50])
def test_a_channel_is_a_plain_lower_case_name(name):
    assert decode(record(channel=name)).channel == name


def test_a_name_once_found_bad_is_bad_again():
    decoder = EventDecoder(LIMIT)

    assert [type(each) for each in decoder.decode([entered(queue="*"), entered(), entered(queue="*")])] == [
        Rejected, model.QueueEntered, Rejected,
    ]  # fmt: skip


def test_a_log_of_ever_new_queues_is_still_checked():
    decoder = EventDecoder(LIMIT)
    decoder.decode([entered(queue=f"q{n}") for n in range(10_001)])

    assert [type(each) for each in decoder.decode([entered(queue="q0"), entered(queue="@q")])] == [
        model.QueueEntered, Rejected,
    ]  # fmt: skip


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)], ids=["at the limit", "one byte over"])
def test_the_limit_of_size_is_exact(more, fits):
    value = record() + b" " * (LIMIT - len(record()) + more)

    decoded = decode(value)

    assert (decoded == decode(record())) == fits
    assert fits or decoded == Rejected("oversized", "$", "2001 bytes, 2000 are allowed")


@pytest.mark.parametrize(
    ("time", "at"),
    [
        pytest.param(AT, AT, id="epoch ms"),
        pytest.param("2026-09-21T14:13:20Z", AT, id="RFC 3339, UTC"),
        pytest.param("2026-09-21T16:13:20+02:00", AT, id="RFC 3339 with an offset"),
        pytest.param("2026-09-21T19:58:20.000+05:45", AT, id="an offset of quarters"),
        pytest.param("2026-09-21T14:13:20.123999Z", AT + 123, id="microseconds are cut off"),
        pytest.param(946_684_800_000, 946_684_800_000, id="2000 begins"),
        pytest.param(4_102_444_799_999, 4_102_444_799_999, id="2099 ends"),
    ],
)
def test_time_becomes_epoch_milliseconds(time, at):
    assert decode(record(time=time)).time == at


def test_a_callbacks_due_time_is_read_like_time():
    assert decode(entered(callback=True, due="2026-09-21T14:13:20Z")).due == AT


def test_an_unknown_type_is_not_a_rejection():
    assert decode(record("agent.danced")) == Unknown("agent.danced")


def test_an_unknown_type_is_unknown_whatever_else_is_wrong():
    assert decode(b'{"type": "agent.danced", "v": 99}') == Unknown("agent.danced")


def test_unknown_fields_are_ignored():
    assert decode(record(mood="good", nested={"a": [1, {}]})) == decode(record())


@pytest.mark.parametrize("depth", [10, 500])
def test_an_ignored_field_may_be_nested(depth):
    assert decode(nested(depth)) == decode(record())


def test_nesting_without_end_is_rejected():
    depth = 100_000

    [decoded] = EventDecoder(10 * depth).decode([nested(depth)])

    assert (decoded.reason, decoded.path) == ("not_json", "$")


CONTACT = {"channel": "voice", "contact": "c1"}
EVERY_TYPE = {
    # type                  required fields                                      optional fields
    "contact.started":     (CONTACT,                                             {"customer": "k", "bot": True}),
    "queue.entered":       ({**CONTACT, "queue": "q"},                           {"priority": 3, "customer": "k", "segment": "gold",
                                                                                  "callback": True, "due": AT + 1}),
    "agent.offered":       ({**CONTACT, "queue": "q", "agent": "a"},             {}),
    "agent.missed":        ({**CONTACT, "queue": "q", "agent": "a"},             {"ring_ms": 9}),
    "agent.connected":     ({**CONTACT, "queue": "q", "agent": "a"},             {"wait_ms": 9}),
    "contact.held":        (CONTACT,                                             {}),
    "contact.resumed":     (CONTACT,                                             {}),
    "queue.abandoned":     ({**CONTACT, "queue": "q"},                           {"wait_ms": 9}),
    "queue.left":          ({**CONTACT, "queue": "q", "reason": "timeout"},      {"wait_ms": 9}),
    "queue.rejected":      ({**CONTACT, "queue": "q", "reason": "no_agents"},    {}),
    "contact.transferred": ({**CONTACT, "kind": "blind"},                        {"queue": "q", "to_queue": "q2"}),
    "contact.ended":       ({**CONTACT, "by": "agent"},                          {"talk_ms": 9, "hold_ms": 0, "resolved": True}),
    "wrapup.started":      ({**CONTACT, "agent": "a"},                           {"acw_ms": 9}),
    "wrapup.ended":        ({**CONTACT, "agent": "a"},                           {"acw_ms": 9}),
    "message.added":       ({**CONTACT, "author": "agent"},                      {"public": False, "agent": "a"}),
    "bot.handed_off":      (CONTACT,                                             {"queue": "q"}),
    "bot.resolved":        (CONTACT,                                             {"queue": "q"}),
    "ticket.created":      ({**CONTACT, "queue": "q"},                           {"priority": "high", "customer": "k", "status": "open",
                                                                                  "by_agent": True}),
    "ticket.updated":      (CONTACT,                                             {"status": "on_hold", "priority": "low", "queue": "q",
                                                                                  "agent": "a"}),
    "ticket.escalated":    (CONTACT,                                             {"level": 2, "queue": "q"}),
    "ticket.merged":       (CONTACT,                                             {}),
    "ticket.deleted":      (CONTACT,                                             {}),
    "agent.state":         ({"agent": "a", "state": "wrapup"},                   {"queues": ["q", "q2"]}),
    "survey.answered":     ({**CONTACT, "kind": "nps", "score": 9},              {"queue": "q", "agent": "a", "scale": (0, 10)}),
    "heartbeat":           ({"source": "pbx"},                                   {}),
    "order.placed":        ({"customer": "k", "amount": 1999},                   {"queue": "q", "agent": "a", "segment": "gold"}),
    "lead.created":        ({"customer": "k"},                                   {}),
    "customer.acquired":   ({"customer": "k"},                                   {}),
    "marketing.spent":     ({"amount": 5},                                       {"customer": "k"}),
    "customer.lost":       ({"customer": "k"},                                   {}),
    "customers.counted":   ({"count": 0},                                        {}),
    "return.opened":       ({"customer": "k", "amount": 5},                      {}),
    "training.spent":      ({"agent": "a", "amount": 5},                         {}),
    "mention.seen":        ({"sentiment": "negative"},                           {"network": "n"}),
    "complaint.opened":    ({"queue": "q"},                                      {"customer": "k"}),
}  # fmt: skip


def bare(kind, /, **fields):
    return json.dumps({"v": 1, "id": "e1", "type": kind, "time": AT, **fields}).encode()


def test_the_table_of_types_is_complete():
    assert set(EVERY_TYPE) == TYPES == {cls.__struct_config__.tag for cls in get_args(model.AnyEvent)}


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_every_type_decodes_with_its_required_fields_alone(kind):
    required, _ = EVERY_TYPE[kind]

    event = decode(bare(kind, **required))

    assert event.__struct_config__.tag == kind
    assert {name: getattr(event, name) for name in required} == required


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_every_type_decodes_with_all_its_fields(kind):
    required, optional = EVERY_TYPE[kind]
    fields = {"source": "pbx", **required, **optional}

    event = decode(bare(kind, **fields))

    assert {name: getattr(event, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, (required, _) in EVERY_TYPE.items() for name in required]
)
def test_no_type_does_without_a_required_field(kind, name):
    required, _ = EVERY_TYPE[kind]

    rejected = decode(bare(kind, **{field: value for field, value in required.items() if field != name}))

    assert (rejected.reason, rejected.path) == ("missing_field", f"$.{name}")


@pytest.mark.parametrize(
    ("kind", "field", "default"),
    [
        ("contact.started", "bot", False),
        ("message.added", "public", True),
        ("ticket.created", "status", "new"),
        ("ticket.created", "by_agent", False),
        ("queue.entered", "callback", False),
    ],
)
def test_defaults_of_optional_fields(kind, field, default):
    required = {**EVERY_TYPE[kind][0], **({"author": "bot"} if kind == "message.added" else {})}

    assert getattr(decode(bare(kind, **required)), field) == default


ENUMS = {
    ("queue.left", "reason"): "timeout key empty full closed transfer voicemail callback withdrawn bot",
    ("contact.transferred", "kind"): "blind attended",
    ("contact.ended", "by"): "customer agent system",
    ("message.added", "author"): "customer agent bot system",
    ("ticket.updated", "status"): "new open pending on_hold solved closed",
    ("agent.state", "state"): "available offered on_contact wrapup break offline",
    ("survey.answered", "kind"): "csat nps ces",
    ("mention.seen", "sentiment"): "positive neutral negative",
}


@pytest.mark.parametrize(
    ("kind", "field", "value"), [(*place, value) for place, values in ENUMS.items() for value in values.split()]
)
def test_every_word_of_the_contract_is_accepted(kind, field, value):
    assert getattr(decode(bare(kind, **{**EVERY_TYPE[kind][0], field: value})), field) == value


@pytest.mark.parametrize(("kind", "field"), ENUMS)
def test_no_other_word_is_accepted(kind, field):
    rejected = decode(bare(kind, **{**EVERY_TYPE[kind][0], field: "elsewise"}))

    assert (rejected.reason, rejected.path) == ("invalid_value", f"$.{field}")


def test_the_bounds_of_time_are_whole_years():
    years = [datetime.fromtimestamp(at / 1000, UTC).isoformat() for at in (model.EARLIEST_MS, model.LATEST_MS)]

    assert years == ["2000-01-01T00:00:00+00:00", "2100-01-01T00:00:00+00:00"]
