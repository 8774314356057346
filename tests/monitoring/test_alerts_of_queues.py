"""When an alert on a queue fires, when it does not, and what it says."""

from collections.abc import Iterator

import pytest

from streams.config import Config
from streams.config.model import QueueConfig
from tests.monitoring.promtool import Fired, Series, check, of_queue, steady

pytestmark = pytest.mark.promtool

BILLING = {"job": "contact-streams", "channel": "voice", "queue": "billing"}
TICKETS = {"job": "contact-streams", "channel": "ticket", "queue": "returns"}


def service(windows: dict[str, tuple[float, int]], queue: str = "billing") -> Iterator[Series]:
    """Service level and answered visits, by window."""
    for window, (level, answered) in windows.items():
        yield of_queue("contact_window_service_level_ratio", level, queue, window=window, variant="configured")
        yield of_queue("contact_window_answered", answered, queue, window=window)
        yield of_queue("contact_window_abandoned", 4, queue, window=window)
        yield of_queue("contact_window_short_abandoned", 2, queue, window=window)


def abandons(rate: float, abandoned: int, short: int = 0) -> Iterator[Series]:
    """Of the last five minutes."""
    yield of_queue("contact_window_abandon_rate_ratio", rate, window="5m", variant="configured")
    yield of_queue("contact_window_abandoned", abandoned, window="5m")
    yield of_queue("contact_window_short_abandoned", short, window="5m")


def staffing(waiting: int, staffed: int | None) -> Iterator[Series]:
    yield of_queue("contact_waiting", waiting)
    if staffed is not None:
        yield of_queue("contact_window_staffed", staffed, window="5m")


def backlog(before: int, after: int) -> list[Series]:
    """For an hour the one, then the other; minute by minute."""
    return [of_queue("contact_backlog", f"{before}+0x59 {after}+0x35", "returns", "ticket")]


IN_DANGER = Fired(
    "critical", "business", BILLING,
    "billing (voice): service level 35%, goal 80%",
    "Of 26 visits in the last 15m, 35% were answered within the target; in the last 5m 20%. The goal is 80%: misses "
    "come 3.2 times as fast as it allows, the limit is 3.",
)  # fmt: skip
IN_DANGER_SLOWLY = Fired(
    "warning", "business", BILLING,
    "billing (voice): service level 65%, goal 80%",
    "Of 102 visits in the last 60m, 65% were answered within the target; in the last 15m 60%. The goal is 80%: misses "
    "come 1.7 times as fast as it allows, the limit is 1.5.",
)  # fmt: skip
FAST = {"5m": (0.2, 8), "15m": (0.35, 24), "60m": (0.9, 100)}


@pytest.mark.parametrize(
    ("windows", "fired"),
    [
        pytest.param(FAST, [IN_DANGER], id="both short windows are far below the goal"),
        pytest.param({**FAST, "5m": (0.9, 8)}, [], id="it is over by now"),
        pytest.param({**FAST, "15m": (0.75, 24)}, [], id="a bad moment of a fair quarter of an hour"),
        pytest.param({**FAST, "15m": (0.35, 17)}, [], id="too few visits to say so"),
        pytest.param({"5m": (0.5, 0), "15m": (0.5, 0), "60m": (0.5, 0)}, [], id="never on 1 of 2 calls"),
        pytest.param(
            {"5m": (0.9, 8), "15m": (0.6, 24), "60m": (0.65, 100)}, [IN_DANGER_SLOWLY], id="below the goal for long"
        ),
        pytest.param({"5m": (0.8, 8), "15m": (0.8, 24), "60m": (0.8, 100)}, [], id="the goal is just kept"),
    ],
)
def test_service_level_in_danger(tmp_path, windows, fired):
    assert check(tmp_path, "ServiceLevelInDanger", service(windows), "5m", fired) == ""


def test_a_queue_of_any_name_is_told_with_its_values(tmp_path):
    name = 'Zürich "A" \\ {x}'
    written = name.replace("\\", "\\\\").replace('"', '\\"')
    fired = IN_DANGER._replace(
        labels={**BILLING, "queue": name}, summary=f"{name} (voice): service level 35%, goal 80%"
    )

    assert check(tmp_path, "ServiceLevelInDanger", service(FAST, written), "5m", [fired]) == ""


def test_a_whole_channel_and_a_group_have_no_alert_of_their_own(tmp_path):
    series = [*service(FAST, "*"), *service(FAST, "@sales"), *service(FAST, "#gold"), *service(FAST, "-")]

    assert check(tmp_path, "ServiceLevelInDanger", series, "5m", []) == ""


@pytest.mark.parametrize(
    ("wait", "at", "fired"),
    [
        pytest.param("170+15x40", "30s", [Fired(
            "warning", "business", BILLING,
            "billing (voice): somebody has been waiting for 3m 20s", "The longest wait is 3m 20s, the limit 180 s.",
        )], id="over the limit"),
        pytest.param(steady(180), "5m", [], id="just at the limit"),
        pytest.param("200 200 stale", "3m", [], id="nobody waits any more"),
    ],
)  # fmt: skip
def test_longest_wait_over_limit(tmp_path, wait, at, fired):
    series = [of_queue("contact_longest_wait_seconds", wait)]

    assert check(tmp_path, "LongestWaitOverLimit", series, at, fired) == ""


def test_a_scrape_that_fails_ends_no_alert(tmp_path):
    series = [of_queue("contact_longest_wait_seconds", "300 300 stale _ 300 300")]
    fired = Fired(
        "warning", "business", BILLING,
        "billing (voice): somebody has been waiting for 5m 0s", "The longest wait is 5m 0s, the limit 180 s.",
    )  # fmt: skip

    assert check(tmp_path, "LongestWaitOverLimit", series, "45s", [fired]) == ""


@pytest.mark.parametrize(
    ("series", "fired"),
    [
        pytest.param(abandons(0.3, 9, 2), [Fired(
            "warning", "business", BILLING, "billing (voice): 30% abandon",
            "7 customers gave up in the last 5m, 30% of the visits that came to an end; the limit is 10% with at least "
            "5 of them.",
        )], id="many at once"),
        pytest.param(abandons(0.5, 1), [], id="never on 1 of 2 calls"),
        pytest.param(abandons(0.3, 9, 5), [], id="most of them gave up at once"),
        pytest.param(abandons(0.08, 20), [], id="a small share of many"),
    ],
)  # fmt: skip
def test_abandon_burst(tmp_path, series, fired):
    assert check(tmp_path, "AbandonBurst", series, "2m", fired) == ""


@pytest.mark.parametrize(
    ("series", "at", "fired"),
    [
        pytest.param(staffing(3, 0), "2m", [Fired(
            "critical", "business", BILLING, "billing (voice): 3 waiting, nobody staffed",
            "3 customers wait, and no agent of the queue is logged in, not even on a break.",
        )], id="three wait for nobody"),
        pytest.param(staffing(3, 0), "30s", [], id="for a moment"),
        pytest.param(staffing(0, 0), "2m", [], id="nobody there, nobody waits"),
        pytest.param(staffing(3, 1), "2m", [], id="somebody is there"),
        pytest.param(staffing(3, None), "2m", [], id="of agents nothing is known"),
    ],
)  # fmt: skip
def test_nobody_staffed(tmp_path, series, at, fired):
    assert check(tmp_path, "NobodyStaffed", series, at, fired) == ""


@pytest.mark.parametrize(
    ("soon", "fired"),
    [
        pytest.param(2, [Fired(
            "warning", "business", TICKETS, "returns (ticket): 2 ticket targets due within 30m",
            "2 targets of open tickets are due within 30m and not fulfilled yet.",
        )], id="two"),
        pytest.param(0, [], id="none"),
    ],
)  # fmt: skip
def test_ticket_targets_due_soon(tmp_path, soon, fired):
    series = [of_queue("contact_sla_due_soon", soon, "returns", "ticket")]

    assert check(tmp_path, "TicketTargetsDueSoon", series, "2m", fired) == ""


def breached(severity: str, number: int, limit: int) -> Fired:
    return Fired(
        severity, "business", TICKETS, f"returns (ticket): {number} ticket targets breached",
        f"{number} targets of open tickets are past due and not fulfilled; told from {limit} on.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "fired"),
    [
        pytest.param(0, [], id="none"),
        pytest.param(1, [breached("warning", 1, 1)], id="one"),
        pytest.param(5, [breached("warning", 5, 1), breached("critical", 5, 5)], id="many: Alertmanager tells one"),
    ],
)
def test_ticket_targets_breached(tmp_path, number, fired):
    series = [of_queue("contact_sla_breached_open", number, "returns", "ticket")]

    assert check(tmp_path, "TicketTargetsBreached", series, "2m", fired) == ""


@pytest.mark.parametrize(
    ("series", "at", "fired"),
    [
        pytest.param(backlog(40, 55), "78m", [Fired(
            "warning", "business", TICKETS, "returns (ticket): the backlog grows",
            "55 tickets are open, 15 more than an hour ago; told from 10 and 20% more on.",
        )], id="by more than a third"),
        pytest.param(backlog(40, 55), "70m", [], id="not for a quarter of an hour yet"),
        pytest.param(backlog(100, 115), "78m", [], id="by a small share"),
        pytest.param(backlog(4, 9), "78m", [], id="doubled, by five tickets"),
        pytest.param(backlog(55, 40), "78m", [], id="it falls"),
    ],
)  # fmt: skip
def test_backlog_growing(tmp_path, series, at, fired):
    assert check(tmp_path, "BacklogGrowing", series, at, fired, step_s=60) == ""


VIP = {"job": "centre", "channel": "voice", "queue": "vip"}


class TestLimitsOfTheirOwn:
    """A queue is judged by its own goal, limits and variants; all others by the defaults."""

    CONFIG = Config(
        queues={
            "vip": QueueConfig(longest_wait_limit_s=30, service_level_goal=0.95, service_level="with_flow_out"),
            'a|b \\ "c" (d.e)': QueueConfig(longest_wait_limit_s=30),
        },
        alerts={"job": "centre", "runbooks": "https://wiki.example/runbooks/", "min_visits": 10},
    )

    @pytest.mark.parametrize("queue", ["vip", 'a|b \\\\ \\"c\\" (d.e)'])
    def test_a_lower_limit(self, tmp_path, queue):
        series = [
            of_queue("contact_longest_wait_seconds", 40, queue, job="centre"),
            of_queue("contact_longest_wait_seconds", 40, "billing", job="centre"),
        ]
        name = queue.replace("\\\\", "\\").replace('\\"', '"')
        fired = Fired(
            "warning", "business", {**VIP, "queue": name},
            f"{name} (voice): somebody has been waiting for 40s", "The longest wait is 40s, the limit 30 s.",
        )  # fmt: skip

        objections = check(tmp_path, "LongestWaitOverLimit", series, "2m", [fired], self.CONFIG)

        assert objections == ""

    def test_a_higher_goal_and_another_denominator(self, tmp_path):
        windows = {"5m": 0.84, "15m": 0.84, "60m": 0.96}
        series = [
            of_queue(name, value, queue, window=window, job="centre", **labels)
            for queue in ("vip", "billing")
            for window, level in windows.items()
            for name, value, labels in (
                ("contact_window_service_level_ratio", level, {"variant": "configured"}),
                ("contact_window_answered", 6, {}),
                ("contact_window_abandoned", 1, {}),
                ("contact_window_flowed_out", 4, {}),
            )
        ]
        fired = Fired(
            "critical", "business", VIP, "vip (voice): service level 84%, goal 95%",
            "Of 11 visits in the last 15m, 84% were answered within the target; in the last 5m 84%. The goal is 95%: "
            "misses come 3.2 times as fast as it allows, the limit is 3.",
        )  # fmt: skip

        assert check(tmp_path, "ServiceLevelInDanger", series, "2m", [fired], self.CONFIG) == ""
