"""The watchdog: Faust can sit in its group, heartbeating, with consumption dead. Then the process ends.

A start is cheap.
"""

import asyncio
import contextlib
import faulthandler
import io
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, cast

import faust
from faust.types import TP
from mode import Service

from streams.worker.keeper import Claim, Keeper
from streams.worker.keepers import Keepers
from streams.worker.settings import Patience
from streams.worker.transport import BatchConsumer

EVERY_S: Final = 1.0

log = logging.getLogger(__name__)


class Stalled(Exception):
    """Consumption is dead: the message says how that shows."""


class Watchdog:
    """Looks once a second; `fail` hears of what it finds, after the stacks were written to stderr."""

    def __init__(
        self, app: faust.App, keepers: Keepers, patience: Patience, fail: Callable[[BaseException], None]
    ) -> None:
        self._app = app
        self._consumer = cast("BatchConsumer", app.consumer)
        self._keepers = keepers
        self._patience = patience
        self._fail = fail
        self._tasks: dict[str, set[asyncio.Future[object]]] = {}
        self._waiting: dict[TP, tuple[tuple[int, int], float]] = {}
        """Partition → its owner's token and its book's offset, and since when records have waited there, monotonic
        clock."""

    async def run(self) -> None:
        with self._dead_mans_switch() as turning:
            while True:
                await asyncio.sleep(EVERY_S)
                turning()
                finding = self.finding()
                if finding is not None:
                    dump_stacks()
                    self._fail(finding)
                    return

    @contextlib.contextmanager
    def _dead_mans_switch(self) -> Iterator[Callable[[], None]]:
        """A loop that does not turn finds nothing itself: a thread of C writes the stacks and ends the process."""

        def turning() -> None:
            faulthandler.dump_traceback_later(self._patience.loop_s, exit=True)

        turning()
        try:
            yield turning
        finally:
            faulthandler.cancel_dump_traceback_later()

    def finding(self) -> BaseException | None:
        """What is wrong now; None: nothing."""
        return self._crashed() or self._nothing_fetched() or self._stalled_partition()

    def _crashed(self) -> BaseException | None:
        if self._app.crashed:
            return self._app.crash_reason or Stalled("a service of Faust crashed")
        for service in self._services():
            if service.crashed:
                return service.crash_reason or Stalled(f"{service.label} crashed")
            if self._ended(service):
                return Stalled(f"a task of {service.label} has ended")
        return None

    def _nothing_fetched(self) -> Stalled | None:
        now, flow_s = time.monotonic(), self._patience.flow_s
        stopped_at = self._consumer.flow_stopped_at
        if stopped_at is not None and now - stopped_at > flow_s:
            return Stalled(f"fetching has been switched off for {flow_s:.0f} s")
        if now - self._consumer.looked_at > flow_s:
            return Stalled(f"the consumer's thread has not moved for {flow_s:.0f} s")
        return None

    def _stalled_partition(self) -> Stalled | None:
        if not self._keepers.assigned:
            self._waiting.clear()  # nobody folds in a rebalance
            return None
        records_s, restore_s = self._patience.records_s, self._patience.restore_s
        for keeper in self._keepers:
            if keeper.claim is None and keeper.opening.stuck_s() > restore_s:
                return Stalled(f"{keeper.tp}: {keeper.opening}, and nothing moved for {restore_s:.0f} s")
            if keeper.claim is not None and self._waiting_s(keeper, keeper.claim) > records_s:
                return Stalled(f"{keeper.tp}: records wait, and none was handed over for {records_s:.0f} s")
        return None

    def _waiting_s(self, keeper: Keeper, claim: Claim) -> float:
        """How long records have been seen to wait while none was folded; 0 while some are on their way.

        A partition may well have been silent for an hour when a record comes, and is then seen before it is folded.
        Who has just taken one over, which may take a while, finds records that wait.
        """
        now, position, waits = time.monotonic(), (claim.token, keeper.position()), keeper.records_wait()
        before, since = self._waiting.get(keeper.tp, (None, now))
        if position != before or waits is False:
            since = now
        self._waiting[keeper.tp] = position, since
        return now - since if waits and not keeper.chunks_wait() else 0.0

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
