"""What a number is made of adds up to the number, whatever arrives in whatever order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.metrics.settings import Channels
from tests.explain.explaining import Watched
from tests.properties.histories import HOUR_MS, MINUTE_MS, Sent, histories, soups
from tests.properties.wiring import RULES, Centre, fold_settings, variants, window_settings

QUEUES = ("q1", "*", "@both", "#gold", "-")
WINDOWS = ("5m", "previous_interval", "all", "live")


class WatchedCentre(Centre):
    """The same centre, with somebody who looks behind its numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched(fold_settings(RULES), window_settings(RULES), variants(RULES), Channels(), QUEUES)
        self.pipeline = self.watched.pipeline


@pytest.mark.parametrize("kind", [histories(), soups(), soups(most_ms=5 * MINUTE_MS)], ids=["lives", "soups", "late"])
@settings(max_examples=8)
@given(data=st.data(), later_ms=st.sampled_from((0, 1, 20_001, 16 * MINUTE_MS, 5 * HOUR_MS)))
def test_lines_add_up(kind: st.SearchStrategy[list[Sent]], data: st.DataObject, later_ms: int):
    sent = data.draw(kind)
    centre = WatchedCentre()
    middle = len(sent) // 2
    centre.feed(sent[:middle])
    centre.feed(sent[middle:])

    assert list(centre.watched.wrong(sent[-1].arrives + later_ms if sent else 1, WINDOWS)) == []
