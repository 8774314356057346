"""RESULTS.md and its pictures, made of what the benchmarks have left in results/.

python -m benchmarks.report
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.engines import OURS
from benchmarks.pictures import Bar, bars, histogram
from benchmarks.results import FOLDER, load, spread

RESULTS: Final = Path(__file__).parent / "RESULTS.md"
HEAD: Final = """\
# Results

Written by `python -m benchmarks.report` from `results/*.json`, which the benchmarks write; what each of them measures,
and how, stands in [README.md](README.md). Compare ratios within a run; numbers of other machines, or of a machine that
is busy with other things, say little.
"""


def write() -> None:
    """Make the page anew."""
    parts = [HEAD]
    for name, section in SECTIONS.items():
        figures = load(name)
        if figures is not None:
            parts.append("\n".join([*section(figures), "", _taken(figures), ""]))
    RESULTS.write_text("\n".join(parts), encoding="utf-8")


def _taken(figures: dict[str, Any]) -> str:
    machine = "; ".join(f"{name}: {value}" for name, value in figures["machine"].items())
    return f"<sub>{figures['at']}; {machine}</sub>"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


# --- side by side ---


def _side_by_side(figures: dict[str, Any]) -> Iterator[str]:
    rows = figures["rows"]
    ours = next((median(row["rates"]) for row in rows if row["engine"] == OURS and row["rates"]), None)
    yield "## Beside what people would use instead\n"
    yield (
        "Events per CPU-second of the processor's process: three small JSON events a call, "
        f"{figures['queues']} queues, one broker, one run. Every figure is of a run whose results were right: "
        "compared window by window (the worker: counter by counter, queue by queue) with a count of the log by a "
        "program of its own. The work is **not equal**: it stands beside each figure.\n"
    )
    yield from _table(
        (
            "engine",
            "windows",
            "events/CPU-s: median (range)",
            "worker ÷ it",
            "events",
            "peak MiB",
            "what it does for that",
        ),
        [_row_of(row, ours) for row in rows],
    )
    yield "\n![Events per CPU-second](results/side_by_side.svg)"
    shown = sorted((row for row in rows if row["rates"]), key=lambda row: -median(row["rates"]))
    some = [Bar(f"{r['engine']}, {r['shape']}", median(r["rates"]), r["engine"] == OURS) for r in shown]
    if some:
        bars(some, "events per CPU-second", FOLDER / "side_by_side.svg")


def _row_of(row: dict[str, Any], ours: float | None) -> tuple[str, ...]:
    name = f"**{row['engine']}**" if row["engine"] == OURS else f"{row['engine']} {row['version']}"
    if not row["rates"]:
        return (name, row["shape"], f"none: {row['failed'].splitlines()[0][:160]}", "", "", "", row["work"])
    ratio = "" if ours is None or row["engine"] == OURS else f"{ours / median(row['rates']):,.2f}"
    events, peak = f"{row['events']:,}", f"{row['peak_mb']:,}"
    return (name, row["shape"], spread(row["rates"]), ratio, events, peak, row["work"])


# --- growth ---


def _growth(figures: dict[str, Any]) -> Iterator[str]:
    yield "## Growth\n"
    yield (
        f"CPU per event in memory, µs ({figures['events']:,} events, a flush per {figures['flush']:,}, the least of "
        f"{figures['rounds']} rounds): stage 1 (`contacts`), stage 2 (`views`), facts that go between them per event, "
        "and one look at every queue with all KPIs and windows, ms.\n"
    )
    columns = ("", "contacts, µs", "views, µs", "sum ÷ the first", "facts/event", "one look, ms")
    for name, points in figures["series"].items():
        first = points[0]["contacts_us"] + points[0]["views_us"]
        yield f"\n**{name}**\n"
        yield from _table(
            columns,
            [
                (
                    point["at"],
                    f"{point['contacts_us']:.2f}",
                    f"{point['views_us']:.2f}",
                    f"{(point['contacts_us'] + point['views_us']) / first:.2f}",
                    f"{point['facts']:.3f}",
                    f"{point['look_ms']:,.1f}",
                )
                for point in points
            ],
        )


# --- traffic ---


def _traffic(figures: dict[str, Any]) -> Iterator[str]:
    yield "## Traffic\n"
    yield (
        "What one source partition makes a worker write to Kafka, bytes per event, with a flush every "
        f"{figures['flush_ms']} ms; exact. `whole channel`: the part of the facts that is of `*`; one facts partition "
        "gets it all.\n"
    )
    columns = ("queues", "events/s", "source", "changelog", "facts", "whole channel", "facts records/event", "visits")
    names = ("source_bytes", "state_bytes", "facts_bytes", "whole_channel_bytes", "facts_records", "visits_bytes")
    digits = (0, 0, 0, 0, 2, 0)
    rows = [
        (
            f"{case['queues']:,}",
            f"{case['events_per_s']:,}",
            *(f"{case[name]:,.{places}f}" for name, places in zip(names, digits, strict=True)),
        )
        for case in figures["cases"]
    ]
    yield from _table(columns, rows)


# --- latency ---


def _latency(figures: dict[str, Any]) -> Iterator[str]:
    yield "## Latency\n"
    yield (
        f"From the append time in Kafka, at {figures['rate']:,} events/s over {figures['seconds']} s and "
        f"{figures['queues']} queues, to the value in Redis, and to the frame on the board after the one that drew it. "
        "`oldest`: only the oldest event of each change that somebody saw. The worker took "
        f"{figures['worker_cpu_share']:.0%} of a core.\n"
    )
    rows = [
        (where, of, f"{ranked['count']:,}", *(f"{ranked[name]:,.0f}" for name in ("p50", "p90", "p99", "max")))
        for where in ("redis", "board")
        for of, ranked in figures.get(where, {}).items()
    ]
    yield from _table(("to", "of", "events", "p50, ms", "p90, ms", "p99, ms", "max, ms"), rows)
    for where in ("redis", "board"):
        ranked = figures.get(where, {}).get("oldest")
        if ranked and ranked["bins"]:
            counts = {float(edge): count for edge, count in ranked["bins"].items()}
            marks = {name: ranked[name] for name in ("p50", "p99")}
            file = FOLDER / f"latency_{where}.svg"
            title = (
                f"append in Kafka to {'the value in Redis' if where == 'redis' else 'the pixel'}, oldest of each change"
            )
            histogram(counts, figures["bin_ms"], marks, title, file)
            yield f"\n![{title}](results/{file.name})"


# --- sinks ---


def _scrape(figures: dict[str, Any]) -> Iterator[str]:
    yield "## Scrape\n"
    yield "`/metrics` of a centre in memory; medians. `pause`: the longest that the event loop stood still meanwhile.\n"
    rows = [
        (
            f"{case['samples']:,}",
            encoding,
            f"{median(of['seconds']) * 1e3:,.0f}",
            f"{median(of['cpu_s']) * 1e3:,.0f}",
            f"{median(of['pause_s']) * 1e3:,.0f} ({case['idle_pause_s'] * 1e3:,.0f})",
            f"{median(of['size']) / 1e6:.2f}",
        )
        for case in figures["cases"]
        for encoding, of in (("plain", case["plain"]), ("gzip", case["gzip"]))
    ]
    yield from _table(("samples", "encoding", "ms", "CPU, ms", "pause, ms (idle)", "MB sent"), rows)


def _redis_cost(figures: dict[str, Any]) -> Iterator[str]:
    yield "## Writing to Redis\n"
    yield "CPU per tick in which every queue has changed, ms; medians. `look`: all KPIs and windows.\n"
    rows = [
        (f"{c['queues']:,}", f"{c['fields']:,}", f"{c['look']:,.1f}", f"{c['write']:,.1f}", f"{c['redis']:,.1f}")
        for c in figures["cases"]
    ]
    yield from _table(("queues", "fields a queue", "worker: look", "worker: write", "Redis"), rows)


def _as_it_is(figures: dict[str, Any]) -> Iterator[str]:
    """Of a benchmark that says itself what its table is: `title`, `columns`, `rows`, and perhaps a `note`."""
    yield f"## {figures['title']}\n"
    yield from _table(figures["columns"], figures["rows"])
    if figures.get("note"):
        yield f"\n{figures['note']}"


Section = Callable[[dict[str, Any]], Iterator[str]]
SECTIONS: Final[dict[str, Section]] = {
    "side_by_side": _side_by_side,
    "growth": _growth,
    "traffic": _traffic,
    "latency": _latency,
    "scrape": _scrape,
    "redis_cost": _redis_cost,
    "memory": _as_it_is,
    "restore": _as_it_is,
    "restart": _as_it_is,
}

if __name__ == "__main__":
    write()
    print(RESULTS)
