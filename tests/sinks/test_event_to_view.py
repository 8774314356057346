"""From an event's append to the views that hold it."""

from streams.facts.wire import Progress
from streams.sinks.event_to_view import EventToView


def progress(offset: int, appended_at: int, partition: int = 0) -> Progress:
    return Progress("calls", partition, offset, watermark=0, lag=0, appended_at=appended_at, caught_up=True)


def test_the_delay_of_news_is_measured_and_silence_is_not():
    now = iter((1_300, 9_000, 2_500))
    delay = EventToView(lambda: next(now))

    delay.folded(progress(10, appended_at=100))  # the first news: how old it is says nothing about the way
    delay.folded(progress(11, appended_at=1_000))  # at 1,300
    delay.folded(progress(11, appended_at=1_000))  # nothing new
    delay.folded(progress(5, appended_at=7_000, partition=1))  # another partition's first
    delay.folded(progress(6, appended_at=8_000, partition=1))  # at 9,000

    assert delay() == {"event_to_view_seconds_sum": {(): 1.3}, "event_to_view_seconds_count": {(): 2}}
