"""The watchdog: Faust can sit in its group, heartbeating, with consumption dead. Then the process ends.

A start is cheap.
"""

import asyncio
import faulthandler
import io
import logging
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import faust
from mode import Service

from streams.worker.keepers import Keepers
from streams.worker.transport import BatchConsumer

EVERY_S: Final = 1.0
STALLED_S: Final = 30.0
"""Records wait, and none came for so long."""
FLOW_STOPPED_S: Final = 60.0
"""A rebalance takes at most 30 s (`rebalance_timeout_ms`)."""

log = logging.getLogger(__name__)


class Stalled(Exception):
    """Consumption is dead: the message says how that shows."""


class Watchdog:
    """Looks once a second; `fail` hears of what it finds, after the stacks were written to stderr."""

    def __init__(self, app: faust.App, keepers: Keepers, fail: Callable[[BaseException], None]) -> None:
        self._app = app
        self._keepers = keepers
        self._fail = fail
        self._tasks: dict[str, set[asyncio.Future[object]]] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            finding = self.finding()
            if finding is not None:
                dump_stacks()
                self._fail(finding)
                return

    def finding(self) -> BaseException | None:
        """What is wrong now; None: nothing."""
        consumer = cast("BatchConsumer", self._app.consumer)
        if self._app.crashed:
            return self._app.crash_reason or Stalled("a service of Faust crashed")
        for service in self._services():
            if service.crashed:
                return service.crash_reason or Stalled(f"{service.label} crashed")
            if self._ended(service):
                return Stalled(f"a task of {service.label} has ended")
        now = time.monotonic()
        if consumer.flow_stopped_at is not None and now - consumer.flow_stopped_at > FLOW_STOPPED_S:
            return Stalled(f"fetching has been switched off for {FLOW_STOPPED_S:.0f} s")
        return self._stalled_partition()

    def _stalled_partition(self) -> Stalled | None:
        for keeper in self._keepers:
            if keeper.claim is None or not self._keepers.assigned:
                continue
            if keeper.idle_s() > STALLED_S and keeper.reading().lag > 0:
                return Stalled(f"{keeper.tp}: records wait, and none was handed over for {STALLED_S:.0f} s")
        return None

    def _services(self) -> Iterable[Service]:
        app: Any = self._app
        return app.consumer, app.topics, app.tables.recovery, app._fetcher, app.agents  # noqa: SLF001

    def _ended(self, service: Service) -> bool:
        """A task that the service was started with is over, though the service is not."""
        known = self._tasks.setdefault(service.label, set())
        known |= set(service._futures)  # noqa: SLF001
        if service.should_stop:
            known.clear()
        return any(_is_loop(task) and task.done() for task in known)


def _is_loop(task: asyncio.Future[object]) -> bool:
    # Service.task methods are loops for the service's life; other futures of a service come and go.
    name = getattr(getattr(task, "__wrapped__", None), "__qualname__", "")
    return name.endswith(("._restart_recovery", "._fetcher", "._subscriber"))


def dump_stacks() -> None:
    """All threads and all tasks, to stderr."""
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    for task in asyncio.all_tasks():
        stack = io.StringIO()
        task.print_stack(file=stack)
        log.error("task %s: %s", task.get_name(), stack.getvalue())
