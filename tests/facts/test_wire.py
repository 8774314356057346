"""What crosses between the stages comes back as it went."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.books import META_KEY
from streams.facts.primitives import LEFT_REASONS, REJECTED_REASONS, P, flowed_out, rejected
from streams.facts.wire import (
    PROGRESS_KEY,
    Delta,
    Dimension,
    Progress,
    Row,
    contact_of,
    decode_delta,
    decode_progress,
    dimension_key,
    encode,
    parse_dimension,
    row_id,
)

bounded = settings(max_examples=60, deadline=None, derandomize=True)
names = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters="\x7f"), min_size=1)
anything = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
instants = st.integers(0, 4_102_444_800_000)
bags = st.dictionaries(st.integers(1, (4 << 40) - 1), st.integers(-(2**53), 2**53))
rows = st.builds(
    Row,
    kind=st.integers(1, 2),
    begin=instants,
    end=st.none() | instants,
    since=instants,
    contact_since=instants,
    target_ms=instants,
    evict_at=st.none() | instants,
    lost_wait_ms=st.none() | instants,
)
deltas = st.builds(Delta, st.dictionaries(instants, bags), st.dictionaries(anything, st.none() | rows))
progresses = st.builds(
    Progress, names, st.integers(0, 99), instants, instants, st.integers(0), instants, st.booleans()
).filter(lambda progress: progress.lag < 2**63)


@bounded
@given(deltas)
def test_a_delta(delta):
    assert decode_delta(encode(delta)) == delta


@bounded
@given(progresses)
def test_progress(progress):
    assert decode_progress(encode(progress)) == progress


@bounded
@given(st.builds(Dimension, st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,49}", fullmatch=True), names))
def test_a_dimension(dimension):
    key = dimension_key(dimension)

    assert parse_dimension(key) == dimension
    assert key not in (PROGRESS_KEY, META_KEY)


@bounded
@example("a\x1fb", "1w5")
@given(anything, st.from_regex(r"[0-9]+[wr][0-9]+", fullmatch=True))
def test_the_contact_of_a_row_whatever_its_name(contact, row):
    assert contact_of(row_id(contact, row)) == contact


def test_keys_of_every_kind_differ():
    dimensions = {dimension_key(name) for name in (Dimension("voice", "*"), Dimension("v", "oice*"))}

    assert len({PROGRESS_KEY, META_KEY} | dimensions) == 4


def test_primitives_are_never_renumbered():
    """They stand in changelogs: a new one gets a new number."""
    assert {name: value for name, value in vars(P).items() if isinstance(value, int)} == {
        "OFFERED": 1, "ANSWERED": 2, "ANSWERED_IN_TARGET": 3, "WAIT_ANSWERED_MS": 4, "ABANDONED": 5,
        "ABANDONED_IN_TARGET": 6, "SHORT_ABANDONED": 7, "WAIT_ABANDONED_MS": 8, "EVICTED": 9, "HANDLED": 10,
        "TALK_MS": 11, "HOLD_MS": 12, "ACW_MS": 13, "TRANSFERS": 14, "OFFERS_MISSED": 15, "CALLBACKS": 16,
        "FIRST_RESPONSES": 17, "FIRST_RESPONSE_MS": 18, "FIRST_RESPONSES_IN_TARGET": 19, "REPLIES": 20,
        "REPLY_MS": 21, "CONTACTS": 22, "BOT_CONTAINED": 23, "FLOWED_OUT": 24, "REJECTED": 25,
        "FIRST_RESPONSES_BUSINESS": 30, "FIRST_RESPONSE_BUSINESS_MS": 31, "HANDLED_AT_COST": 40, "HANDLE_COST": 41,
        "FLOWED_OUT_BY_REASON": 100, "REJECTED_BY_REASON": 150, "CREATED": 200, "SOLVED": 201, "REOPENED": 202,
        "REASSIGNED": 203, "ESCALATED": 204, "MERGED": 205, "DELETED": 206, "RESOLUTIONS": 210,
        "FIRST_RESOLUTIONS": 211, "RESOLUTION_FIRST_MS": 212, "RESOLUTION_FULL_MS": 213, "REQUESTER_WAIT_MS": 214,
        "AGENT_WORK_MS": 215, "RESOLUTIONS_BUSINESS": 220, "FIRST_RESOLUTIONS_BUSINESS": 221,
        "RESOLUTION_FIRST_BUSINESS_MS": 222, "RESOLUTION_FULL_BUSINESS_MS": 223, "REQUESTER_WAIT_BUSINESS_MS": 224,
        "AGENT_WORK_BUSINESS_MS": 225, "SLA_ENDED": 300, "SLA_MET": 350, "BUSY_STEPS": 400, "BUSY_MOMENTS_MS": 401,
        "AVAILABLE_STEPS": 402, "AVAILABLE_MOMENTS_MS": 403, "RESOLVED": 410, "RESOLUTION_KNOWN": 411,
        "CSAT_ANSWERS": 450, "CSAT_TOP_TWO": 451, "CSAT_THOUSANDTHS": 452, "NPS_ANSWERS": 453, "NPS_PROMOTERS": 454,
        "NPS_DETRACTORS": 455, "CES_ANSWERS": 456, "CES_THOUSANDTHS": 457, "CONTACTS_SEEN": 480,
        "REPEAT_CONTACTS": 481, "FCR_JUDGED": 482, "FCR_MET": 483, "ORDERS": 500, "REVENUE": 501,
        "REPEAT_ORDERS": 502, "CUSTOMER_DAYS": 503, "LEADS": 510, "CUSTOMERS_ACQUIRED": 511, "MARKETING_SPENT": 512,
        "CUSTOMERS_LOST": 520, "CUSTOMERS_STEPS": 521, "RETURNS": 530, "COST_OF_RETURNS": 531, "TRAINING_SPENT": 540,
        "AGENT_DAYS": 541, "MENTIONS": 550, "NEGATIVE_MENTIONS": 551, "COMPLAINTS": 560,
    }  # fmt: skip


def test_reasons_are_never_renumbered():
    assert [flowed_out(reason) for reason in LEFT_REASONS] == list(range(100, 110))
    assert [rejected(reason) for reason in REJECTED_REASONS] == list(range(150, 154))
    assert rejected("lunch") == rejected("other")
