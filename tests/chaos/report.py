"""The table of a run: what was injected, what was lost or doubled, how long it took until everything was live again."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from tests.chaos.campaign import Injected, Plan
from tests.chaos.judge import Published, Verdict

HEAD = """\
| fault | times injected | records | lost | doubled | seconds until live again: median, longest |
|---|--:|--:|--:|--:|--:|
"""


def report(plan: Plan, injected: Sequence[Injected], verdict: Verdict, ends: Sequence[int]) -> str:
    """Markdown."""
    by_name = sorted(injected, key=lambda one: one.fault)
    rows = [_row(name, list(of), verdict) for name, of in groupby(by_name, key=lambda one: one.fault)]
    lost, doubled = len(verdict.visits.lost), len(verdict.visits.doubled)
    total = f"| **all** | {len(injected)} | {sum(one.records for one in injected):,} | {lost} | {doubled} | |\n"
    return "\n".join([*_facts(plan, verdict, ends), "", HEAD + "".join(rows) + total])


def _row(name: str, of: Sequence[Injected], verdict: Verdict) -> str:
    lost, doubled = _within(of, verdict.visits.lost), _within(of, verdict.visits.doubled)
    records = sum(one.records for one in of)
    return f"| {name} | {len(of)} | {records:,} | {lost} | {doubled} | {_seconds(of)} |\n"


def _within(of: Iterable[Injected], visits: Sequence[tuple[int, Published]]) -> int:
    return sum(one.at <= at < one.until for one in of for at, _ in visits)


def _seconds(of: Sequence[Injected]) -> str:
    known = sorted(one.live_after_s for one in of if one.live_after_s is not None)
    never = len(of) - len(known)
    text = f"{known[len(known) // 2]:.1f}, {known[-1]:.1f}" if known else "–"
    return f"{text} ({never} × not within the patience)" if never else text


def _facts(plan: Plan, verdict: Verdict, ends: Sequence[int]) -> list[str]:
    looks, rate = verdict.looks, verdict.records / max(verdict.seconds, 1)
    different = len(verdict.states) + len(verdict.totals)
    setup = f"seed {plan.seed}, {plan.workers} workers, {plan.brokers} broker(s), session timeout {plan.session_s} s"
    log = f"{verdict.records:,} records in {verdict.seconds:,.0f} s: {rate:,.0f} a second ({plan.rate:,.0f} asked for)"
    compared = f"{verdict.visits.expected:,} visits, {verdict.compared_totals:,} totals of intervals and open rows"
    judged = f"{looks['right']:,} right ({verdict.values:,} values compared), {looks['wrong']:,} wrong"
    other = f"{looks['marked']:,} marked as not live, {looks['undecided']:,} undecided"
    return [
        f"- {setup}, 2 source topics of {plan.partitions} partitions",
        f"- {log}",
        f"- compared with the replay: {compared}; {different} states or totals differ",
        f"- {sum(looks.values()):,} looks at Redis: {judged}, {other}",
        f"- fencing tokens that went back: {len(verdict.tokens)}",
        f"- workers that ended by themselves and were started again: {len(ends)}",
        f"- verdict: {'; '.join(verdict.wrong) or 'every guarantee held'}",
    ]
