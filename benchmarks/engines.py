"""What runs side by side: each engine, how it is started, how much it is given, and what work it does for that."""

import shutil
from pathlib import Path
from typing import Final, Literal, NamedTuple

import streams
from benchmarks.install import SOURCES, classpath, python, version

Shape = Literal["tumbling", "rolling", "panes"]
Size = Literal["large", "middle", "small"]
"""Of the input: an engine that takes ten minutes for the large one says no more with it than with the small one."""

SHARES: Final[dict[Size, float]] = {"large": 1.0, "middle": 0.2, "small": 0.02}

SHAPES: Final[dict[Shape, str]] = {
    "tumbling": "tumbling 10 s",
    "rolling": "rolling 5 min every 10 s",
    "panes": "rolling 5 min, panes by hand",
}


class Engine(NamedTuple):
    """A peer, or the plain fold, in one shape of windows."""

    name: str
    shape: Shape
    size: Size
    work: str
    """What it does and does not do for its figure."""
    runtime: str
    """`java`, the name of its venv, or what runs beside the worker: `plain` and `faust`."""
    program: str
    """Java class, or file in `peers`."""
    closed: bool = True
    """It shows closed windows only; else those that are still open too, and these are compared as well."""

    @property
    def id(self) -> str:
        """For names of topics and files."""
        return f"{self.name.lower().replace(' ', '-')}-{self.shape}"

    def command(self, brokers: str, source: str, sink: str, directory: Path, events: int) -> list[str]:
        """How it is started."""
        arguments = [self.shape, brokers, source, sink, str(directory), str(events)]
        if self.runtime != "java":
            last = ["worker", "--without-web"] if self.runtime == "faust" else []
            return [str(python(self.runtime)), str(SOURCES / self.program), *arguments, *last]
        java = shutil.which("java") or "java"
        opens = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.util", "java.lang", "java.time")]
        return [java, "-Xmx1g", "-XX:+UseG1GC", *opens, "-cp", classpath(), f"peers.{self.program}", *arguments]


_PLAIN: Final = "4 numbers, closed windows; results to Kafka; no state kept"
_FLINK: Final = (
    "4 numbers, closed windows; state on the heap, a checkpoint every 5 s (exactly once), results at least once"
)
_STREAMS: Final = "4 numbers, updates each second; windows in memory with a changelog, at least once"
_BYTEWAX: Final = "4 numbers, closed windows; no durable state"
_PATHWAY: Final = "4 numbers, updates each second; state in memory, persistence off"
_QUIX: Final = "4 numbers, closed windows; RocksDB with a changelog, at least once"
_FAUST: Final = "4 numbers in 4 tables, in memory with changelogs, at least once; results once, at the end"

ENGINES: Final = (
    Engine("plain Python", "tumbling", "large", _PLAIN, "plain", "plain_fold.py"),
    Engine("plain Python", "rolling", "large", _PLAIN, "plain", "plain_fold.py"),
    Engine("Flink", "tumbling", "large", _FLINK, "java", "FlinkPeer"),
    Engine("Flink", "rolling", "large", _FLINK, "java", "FlinkPeer"),
    Engine("Kafka Streams", "tumbling", "large", _STREAMS, "java", "KafkaStreamsPeer"),
    Engine("Kafka Streams", "rolling", "large", _STREAMS, "java", "KafkaStreamsPeer"),
    Engine("Kafka Streams", "panes", "large", _STREAMS, "java", "KafkaStreamsPeer"),
    Engine("Bytewax", "tumbling", "large", _BYTEWAX, "bytewax", "bytewax_flow.py"),
    Engine("Bytewax", "rolling", "large", _BYTEWAX, "bytewax", "bytewax_flow.py"),
    Engine("Pathway", "tumbling", "middle", _PATHWAY, "pathway", "pathway_tables.py"),
    Engine("Pathway", "rolling", "middle", _PATHWAY, "pathway", "pathway_tables.py"),
    Engine("Pathway", "panes", "middle", _PATHWAY, "pathway", "pathway_tables.py"),
    Engine("Quix Streams", "tumbling", "middle", _QUIX, "quix", "quix_streams.py"),
    Engine("Quix Streams", "rolling", "middle", _QUIX, "quix", "quix_streams.py"),
    Engine("Faust tables", "tumbling", "small", _FAUST, "faust", "faust_tables.py", closed=False),
    Engine("Faust tables", "rolling", "small", _FAUST, "faust", "faust_tables.py", closed=False),
)

PACKAGES: Final = {
    "plain Python": "aiokafka",
    "Flink": "flink-streaming-java",
    "Kafka Streams": "kafka-streams",
    "Bytewax": "bytewax",
    "Pathway": "pathway",
    "Quix Streams": "quix",
    "Faust tables": "faust-streaming",
}
"""What an engine's version is that of."""


def version_of(name: str) -> str:
    """Of an engine of `ENGINES`, or of ours."""
    return streams.__version__ if name == OURS else version(PACKAGES[name])


OURS: Final = "contact-streams"
OUR_WORK: Final = (
    "every KPI of calls, all windows at once, late, repeated and disordered events; exactly once, "
    "a transaction per flush; Redis and Prometheus served"
)
