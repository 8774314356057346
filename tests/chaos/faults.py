"""What really happens: each a function of the campaign that does it to running servers, and returns when it is over."""

import signal
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tests.chaos.campaign import Campaign, Fault


def sigkill(run: Campaign) -> None:
    """The busiest worker is gone at once; its supervisor starts another a little later."""
    run.kill(run.busiest())
    run.rest(2)


def sleeper(run: Campaign) -> None:
    """The busiest worker is suspended past its session, others take over; then it goes on as if nothing were."""
    victim = run.busiest()
    victim.signal(signal.SIGSTOP)
    run.rest(run.plan.session_s + 4)
    victim.signal(signal.SIGCONT)


def short_sleeper(run: Campaign) -> None:
    """Suspended for less than its session: it remains the owner."""
    victim = run.busiest()
    victim.signal(signal.SIGSTOP)
    run.rest(run.plan.session_s / 2)
    victim.signal(signal.SIGCONT)


def rolling_restart(run: Campaign) -> None:
    """Each worker in turn is told to stop, and the next one waits until its successor is ready."""
    for worker in run.running():
        run.end(worker)
        run.tend()
        run.until_ready(run.centre.workers[-1])


def worker_added(run: Campaign) -> None:
    run.size += 1
    run.tend()
    run.until_ready(run.centre.workers[-1])


def worker_removed(run: Campaign) -> None:
    run.size -= 1
    run.end(run.busiest())


def broker_restart(run: Campaign) -> None:
    """In good order, as an upgrade does it."""
    node = run.kafka.nodes[0]
    node.stop()
    node.start()


def broker_killed(run: Campaign) -> None:
    """One of them, without a word; it is back after a while."""
    node = run.kafka.nodes[-1]
    node.kill()
    run.rest(3)
    node.start()


def broker_paused(run: Campaign) -> None:
    """20 s: longer than sessions and transactions may take."""
    node = run.kafka.nodes[0]
    node.signal(signal.SIGSTOP)
    run.rest(20)
    node.signal(signal.SIGCONT)


def redis_emptied(run: Campaign) -> None:
    run.redis.kill()
    run.rest(2)
    run.redis.start()


ROUND: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "worker killed (SIGKILL)": sigkill,
        "Redis killed, restarted empty": redis_emptied,
        "worker added": worker_added,
        "worker suspended past its session": sleeper,
        "rolling restart (SIGTERM)": rolling_restart,
        "broker restarted": broker_restart,
        "worker removed (SIGTERM)": worker_removed,
        "worker suspended for half its session": short_sleeper,
        "broker paused for 20 s": broker_paused,
        "broker killed and started": broker_killed,
    }
)
"""One after another, and again: after a round there are as many workers as before."""

BROKER_DIES: Final[Mapping[str, Fault]] = MappingProxyType({"one of three brokers killed": broker_killed})
