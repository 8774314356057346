"""The long form: `make chaos`. Faults over a stream of events, then every sabotage; the report goes into a file.

python -m tests.chaos --faults 30 --events 3000000 --rate 10000 --workers 3 --report build/chaos.md
"""

import itertools
import logging
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tests.chaos.campaign import Campaign, Plan, campaign
from tests.chaos.faults import BROKER_DIES, ROUND
from tests.chaos.report import report
from tests.chaos.sabotage import OCCASIONS, SABOTAGE
from tests.chaos.sabotaged import findings


def main() -> int:
    """0: every guarantee held, and each sabotage was noticed; 1: not so."""
    asked = _arguments()
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    plan = Plan(asked.seed, asked.rate, asked.workers, asked.partitions, asked.session, patience_s=asked.patience)
    chapters = [("One broker", _faults(asked, plan))]
    if not asked.only_faults:
        three = plan._replace(rate=min(asked.rate, 3_000), brokers=3)
        chapters += [("Three brokers, one of them killed", _brokers(three)), ("Sabotage", _sabotage())]
    text = "\n".join(f"## {title}\n\n{body}" for title, (body, _) in chapters)
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    asked.report.write_text(f"# Chaos, {time.strftime('%Y-%m-%d')}\n\n{text}", encoding="utf-8")
    _tell(f"\n{text}\nwritten to {asked.report}")
    return 0 if all(held for _, (_, held) in chapters) else 1


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--events", type=int, default=3_000_000, help="at least so many")
    parser.add_argument("--rate", type=float, default=10_000, help="events a second")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=4, help="of each topic")
    parser.add_argument("--patience", type=float, default=90, help="seconds for everything to be live after a fault")
    parser.add_argument("--session", type=int, default=10, help="session timeout, seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=Path("build/chaos.md"))
    parser.add_argument("--only-faults", action="store_true", help="neither three brokers nor sabotage")
    return parser.parse_args()


def _faults(asked: Namespace, plan: Plan) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory, campaign(plan, Path(directory)) as run:
        for name, fault in itertools.islice(itertools.cycle(ROUND.items()), asked.faults):
            run.inject(name, fault)
        while run.load.taken < asked.events:
            run.tend()
            run.rest(1)
        return _judged(run)


def _brokers(plan: Plan) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory, campaign(plan, Path(directory)) as run:
        for name, fault in BROKER_DIES.items():
            run.inject(name, fault)
        return _judged(run)


def _judged(run: Campaign) -> tuple[str, bool]:
    verdict = run.judged()
    return report(run.plan, run.injected, verdict, run.ends), not verdict.wrong


def _sabotage() -> tuple[str, bool]:
    """What is done to workers, whether that must be noticed, and what was found."""
    rows, held = ["| sabotage | must be | first finding |", "|---|---|---|"], True
    for which in (*OCCASIONS, *SABOTAGE):
        with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
            found = findings(which, Path(directory))
        held &= bool(found) == (which in SABOTAGE)
        first = found[0].splitlines()[0][:160].replace("|", "\\|") if found else "none"
        rows.append(f"| {which} | {'noticed' if which in SABOTAGE else 'harmless'} | {first} |")
        _tell(rows[-1])
    return "\n".join([*rows, ""]), held


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
