"""Asks for every number of a pipeline what it is made of, and names those whose lines do not add up to it."""

from collections import Counter
from collections.abc import Iterable, Iterator

from streams.contacts.history import Entry, History
from streams.contacts.settings import FoldSettings
from streams.explain.attribution import Trace
from streams.explain.explainer import Explainer, Explanation, Question
from streams.metrics.catalogue import BY_ID
from streams.metrics.formulas import Age, Count, DueCount, LiveCount, Mean, NextDue, Quantile, Ratio, TimeAt, TimeShare
from streams.metrics.settings import Channels, Variants, domain_of
from streams.metrics.view import QueueView
from streams.pipeline import Pipeline
from streams.windows.settings import WindowSettings

ADDING_UP = (Count, Ratio, Mean, Quantile, LiveCount, DueCount, TimeAt, TimeShare)
READ = (Age, NextDue)


class Watched:
    """A pipeline with a trace for each of some queues."""

    def __init__(
        self, fold: FoldSettings, windows: WindowSettings, variants: Variants, channels: Channels, queues: Iterable[str]
    ) -> None:
        self.channels = channels
        self.traces = {queue: Trace(None, queue, fold.groups.get(queue.removeprefix("@"), ())) for queue in queues}
        self.pipeline = Pipeline(fold, windows, variants, channels, observer=self._tell)
        self._settings = fold, windows, variants

    def _tell(self, history: History, entry: Entry, sign: int) -> None:
        for trace in self.traces.values():
            trace(history, entry, sign)

    def explain(self, view: QueueView, kpi_id: str, window: str) -> Explanation:
        """What a number of the view is made of."""
        kpi = BY_ID[kpi_id]
        scope = next(scope for scope in self.channels.scopes(view.channel, view.queue) if scope in kpi.scopes)
        values = view.live if window == "live" else view.windows[window]
        explainer = Explainer(self.pipeline.facts, self.traces[view.queue], *self._settings)
        question = Question(view.channel, view.queue, kpi, domain_of(scope), window)
        return explainer.explain(question, values[kpi_id], view.as_of_ms)

    def wrong(self, at: int, windows: Iterable[str]) -> Iterator[str]:
        """The numbers at the instant that are not what they are said to be made of."""
        for view in self.pipeline.views(at):
            if view.queue not in self.traces:
                continue
            for window in windows:
                for kpi_id in view.live if window == "live" else view.windows[window]:
                    explained = self.explain(view, kpi_id, window)
                    yield from (f"{view.channel} {view.queue} {kpi_id} {window}: {text}" for text in _wrong(explained))


def _wrong(explained: Explanation) -> Iterator[str]:
    lines, formula = explained.lines, _formula(explained)
    for part in ("numerator", "denominator"):
        said = getattr(explained, part)
        added = sum(getattr(line, part) or 0 for line in lines)
        if said is not None and said != added:
            yield f"{part} {said}, its lines add up to {added}"
    if not isinstance(formula, Quantile):
        sums = Counter[str]()
        for line in lines:
            sums.update(line.added)
        if {name: n for name, n in sums.items() if n} != {name: n for name, n in explained.sums.items() if n}:
            yield f"sums {dict(explained.sums)}, its lines add up to {dict(sums)}"
    if explained.value != _value(explained):
        yield f"{explained.value} is shown, {_value(explained)} explained"
    counted = sum(line.counted for line in lines)
    if isinstance(formula, READ) and (counted > 0) != (explained.value is not None):
        yield f"{counted} lines are read for {explained.value}"


def _value(explained: Explanation) -> float | None:
    """The number, worked out from its parts."""
    formula, above, below = _formula(explained), explained.numerator, explained.denominator
    if isinstance(formula, Count | LiveCount | DueCount):
        return above
    if isinstance(formula, TimeAt):
        return None if above is None else above / 1000
    if isinstance(formula, Ratio | Mean | TimeShare):
        value = above / below if above is not None and below else None
        return value / 1000 if isinstance(formula, Mean) and value is not None else value
    return explained.value  # read from one line, or beyond what adds up


def _formula(explained: Explanation) -> object:
    """That which the number was explained by: of a variant that is shown, the variant's."""
    return BY_ID[explained.shown_as].formula
