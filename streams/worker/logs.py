"""Logging of a worker: to stderr, one line per record, quiet unless something is wrong."""

import logging
import sys
from typing import Final

CHATTY: Final = {
    "faust": logging.ERROR,
    "mode": logging.ERROR,
    "streams.worker.transport": logging.ERROR,  # Faust's services log in the name of their subclasses' modules
    "aiokafka": logging.CRITICAL,  # an error for every rebalance; what it cannot mend it raises
    "aiohttp": logging.WARNING,
}
"""What matters of theirs the worker says itself."""


class OneLine(logging.Formatter):
    """A record per line: line breaks, also those of tracebacks, are shown as ⏎."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return " ⏎ ".join(super().format(record).splitlines())


def configure(level: int = logging.INFO) -> None:
    """Send all logging of this process to stderr; records of this package from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("streams").setLevel(level)
    for name, threshold in CHATTY.items():
        logging.getLogger(name).setLevel(threshold)
