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


BAD = {
    # the record                    reason               path        the bytes
    "a null value":                 ("empty",             "$",         None),
    "no bytes":                     ("empty",             "$",         b""),
    "only blanks":                  ("not_json",          "$",         b"  "),
    "not JSON":                     ("not_json",          "$",         b"hello"),
    "not a number":                 ("not_json",          "$",         b"NaN"),
    "cut off":                      ("not_json",          "$",         record()[:-1]),
    "something behind":             ("not_json",          "$",         record() + b" x"),
    "byte order mark":              ("not_json",          "$",         b"\xef\xbb\xbf" + record()),
    "not UTF-8":                    ("not_json",          "$",         record().replace(b"c1", b"\xff")),
    "lone surrogate, escaped":      ("not_json",          "$",         record().replace(b"c1", rb"\ud800")),
    "lone surrogate, in bytes":     ("not_json",          "$",         record().replace(b"c1", b"\xed\xa0\x80")),
    "cut off, and wrong besides":   ("not_json",          "$",         b'{"v":2,'),
    "array":                        ("not_an_object",     "$",         b"[" + record() + b"]"),
    "string":                       ("not_an_object",     "$",         b'"text"'),
    "JSON null":                    ("not_an_object",     "$",         b"null"),
    "number":                       ("not_an_object",     "$",         b"17"),
    "nothing but brackets":         ("not_an_object",     "$",         b"[" * 1_500),
    "no v":                         ("missing_field",     "$.v",       record(without=["v"])),
    "no id":                        ("missing_field",     "$.id",      record(without=["id"])),
    "no type":                      ("missing_field",     "$.type",    record(without=["type"])),
    "no time":                      ("missing_field",     "$.time",    record(without=["time"])),
    "no channel":                   ("missing_field",     "$.channel", record(without=["channel"])),
    "no contact":                   ("missing_field",     "$.contact", record(without=["contact"])),
    "no queue":                     ("missing_field",     "$.queue",   record("queue.entered")),
    "nothing at all":               ("missing_field",     "$.type",    b"{}"),
    "v a string":                   ("wrong_type",        "$.v",       record(v="1")),
    "v a boolean":                  ("wrong_type",        "$.v",       record(v=True)),
    "v with a point":               ("wrong_type",        "$.v",       record(v=1.0)),
    "id a number":                  ("wrong_type",        "$.id",      record(id=7)),
    "id null":                      ("wrong_type",        "$.id",      record(id=None)),
    "type a number":                ("wrong_type",        "$.type",    record(5)),
    "time with a fraction":         ("wrong_type",        "$.time",    record(time=1.5)),
    "time null":                    ("wrong_type",        "$.time",    record(time=None)),
    "time a boolean":               ("wrong_type",        "$.time",    record(time=True)),
    "bot a string":                 ("wrong_type",        "$.bot",     record(bot="yes")),
    "queue a list":                 ("wrong_type",        "$.queue",   entered(queue=["q"])),
    "duration a string":            ("wrong_type",        "$.acw_ms", record("wrapup.ended", agent="a", acw_ms="9")),
    "v 2":                          ("invalid_value",     "$.v",       record(v=2)),
    "empty id":                     ("invalid_value",     "$.id",      record(id="")),
    "id of 201 characters":         ("invalid_value",     "$.id",      record(id="x" * 201)),
    "empty contact":                ("invalid_value",     "$.contact", record(contact="")),
    "time in words":                ("invalid_value",     "$.time",    record(time="soon")),
    "RFC 3339 without offset":      ("invalid_value",     "$.time",    record(time="2026-09-21T15:33:20")),
    "30 February":                  ("invalid_value",     "$.time",    record(time="2026-02-30T00:00:00Z")),
    "ended by nobody":              ("invalid_value",     "$.by",      record("contact.ended", by="nobody")),
    "reason not known":             ("invalid_value",     "$.reason",  record("queue.left", queue="q", reason="bored")),
    "duration beyond 2^53":         ("invalid_value",     "$.acw_ms",  record("wrapup.ended", agent="a", acw_ms=2**54)),
    "channel in capitals":          ("invalid_value",     "$.channel", record(channel="Voice")),
    "empty channel":                ("invalid_value",     "$.channel", record(channel="")),
    "channel too long":     ("invalid_value",     "$.channel", record(channel="c" * 51)),
    "channel with a dash": ("invalid_value",     "$.channel", record(channel="-voice")),
    "empty queue":                  ("invalid_value",     "$.queue",   entered(queue="")),
    "queue like a channel's sum":   ("invalid_value",     "$.queue",   entered(queue="*")),
    "queue like a group":           ("invalid_value",     "$.queue",   entered(queue="@x")),
    "queue like a segment":         ("invalid_value",     "$.queue",   entered(queue="#x")),
    "tab in a queue":               ("invalid_value",     "$.queue",   entered(queue="a\tb")),
    "separator in a queue":         ("invalid_value",     "$.queue",   entered(queue="a\x1fb")),
    "DEL in a queue":               ("invalid_value",     "$.queue",   entered(queue="a\x7f")),
    "queue of 201 characters":      ("invalid_value",     "$.queue",   entered(queue="q" * 201)),
    "1970":                         ("time_out_of_range", "$.time",    record(time=0)),
    "negative time":                ("time_out_of_range", "$.time",    record(time=-AT)),
    "seconds for milliseconds":     ("time_out_of_range", "$.time",    record(time=AT // 1000)),
    "1 ms before 2000":             ("time_out_of_range", "$.time",    record(time=946_684_799_999)),
    "2100 begins":                  ("time_out_of_range", "$.time",    record(time=4_102_444_800_000)),
    "a number of 41 digits":        ("time_out_of_range", "$.time",    record(time=10**40)),
    "year 9999":                    ("time_out_of_range", "$.time",    record(time="9999-12-31T23:59:59-12:00")),
    "year 1":                       ("time_out_of_range", "$.time",    record(time="0001-01-01T00:00:00+14:00")),
    "due in 1970":                  ("time_out_of_range", "$.due",     entered(callback=True, due=5)),
}  # fmt: skip


@pytest.mark.parametrize(("reason", "path", "value"), BAD.values(), ids=BAD)
def test_a_bad_record_is_rejected_with_its_reason_and_place(reason, path, value):
    rejected = decode(value)

    assert (rejected.reason, rejected.path) == (reason, path)
    assert rejected.message


def test_a_bad_record_does_not_touch_its_neighbours():
    good, bad, unknown, again = EventDecoder(LIMIT).decode([record(), b"{", record("nope"), record(id="e2")])

    assert [type(each) for each in (good, bad, unknown, again)] == [
        model.ContactStarted, Rejected, Unknown, model.ContactStarted,
    ]  # fmt: skip


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


@pytest.mark.parametrize("name", ["q\n", "\nq", "a\nb"])
def test_a_line_break_anywhere_in_a_queue_is_rejected(name):
    rejected = decode(entered(queue=name))

    assert (rejected.reason, rejected.path) == ("invalid_value", "$.queue")


def test_a_line_break_after_a_channel_is_rejected():
    rejected = decode(record(channel="voice\n"))

    assert (rejected.reason, rejected.path) == ("invalid_value", "$.channel")


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
QUEUED = {**CONTACT, "queue": "q"}
EVERY_TYPE = {
    # type                 required fields                               optional fields
    "contact.started":      (CONTACT,                                  {"customer": "k", "bot": True}),
    "queue.entered":        (QUEUED,                                   {"priority": 3, "callback": True, "due": AT}),
    "agent.offered":        ({**QUEUED, "agent": "a"},                 {}),
    "agent.missed":         ({**QUEUED, "agent": "a"},                 {"ring_ms": 9}),
    "agent.connected":      ({**QUEUED, "agent": "a"},                 {"wait_ms": 9}),
    "contact.held":         (CONTACT,                                  {}),
    "contact.resumed":      (CONTACT,                                  {}),
    "queue.abandoned":      (QUEUED,                                   {"wait_ms": 9}),
    "queue.left":           ({**QUEUED, "reason": "timeout"},          {"wait_ms": 9}),
    "queue.rejected":       ({**QUEUED, "reason": "no_agents"},        {}),
    "contact.transferred":  ({**CONTACT, "kind": "blind"},             {"queue": "q", "to_queue": "q2"}),
    "contact.ended":        ({**CONTACT, "by": "agent"},               {"talk_ms": 9, "hold_ms": 0, "resolved": True}),
    "wrapup.started":       ({**CONTACT, "agent": "a"},                {"acw_ms": 9}),
    "wrapup.ended":         ({**CONTACT, "agent": "a"},                {"acw_ms": 9}),
    "message.added":        ({**CONTACT, "author": "agent"},           {"public": False, "agent": "a"}),
    "bot.handed_off":       (CONTACT,                                  {"queue": "q"}),
    "bot.resolved":         (CONTACT,                                  {"queue": "q"}),
    "ticket.created":       (QUEUED,                                   {"status": "open", "by_agent": True}),
    "ticket.updated":       (CONTACT,                                  {"status": "on_hold", "priority": "1"}),
    "ticket.escalated":     (CONTACT,                                  {"level": 2, "queue": "q"}),
    "ticket.merged":        (CONTACT,                                  {}),
    "ticket.deleted":       (CONTACT,                                  {}),
    "agent.state":          ({"agent": "a", "state": "wrapup"},        {"queues": ["q", "q2"]}),
    "survey.answered":      ({**CONTACT, "kind": "nps", "score": 4},   {"queue": "q", "agent": "a", "scale": (0, 10)}),
    "heartbeat":            ({"source": "pbx"},                        {}),
    "order.placed":         ({"customer": "k", "amount": 1999},        {"queue": "q", "agent": "a", "segment": "gold"}),
    "lead.created":         ({"customer": "k"},                        {}),
    "customer.acquired":    ({"customer": "k"},                        {}),
    "marketing.spent":      ({"amount": 5},                            {"customer": "k"}),
    "customer.lost":        ({"customer": "k"},                        {}),
    "customers.counted":    ({"count": 0},                             {}),
    "return.opened":        ({"customer": "k", "amount": 5},           {}),
    "training.spent":       ({"agent": "a", "amount": 5},              {}),
    "mention.seen":         ({"sentiment": "negative"},                {"network": "n"}),
    "complaint.opened":     ({"queue": "q"},                           {"customer": "k"}),
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
