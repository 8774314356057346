"""A running total is the sum over its range, however it came there."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.windows.totals import RunningTotal, add

panes = st.integers(0, 30)
bags = st.dictionaries(st.integers(1, 4), st.integers(-3, 3), max_size=3)
adding, moving = st.tuples(st.just("add"), panes, bags), st.tuples(st.just("move"), panes, panes)
changes = st.lists(st.one_of(adding, moving), max_size=40)


def naive(kept, low, high):
    total = Counter()
    for pane, bag in kept.items():
        if low <= pane <= high:
            total.update(bag)
    return {primitive: n for primitive, n in total.items() if n}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(changes)
def test_it_equals_the_naive_sum(line):
    kept, low, high = {}, 0, -1
    total = RunningTotal(kept)
    for step in line:
        if step[0] == "add":
            _, pane, bag = step
            add(kept.setdefault(pane, {}), bag)
            total.add(pane, bag)
        else:
            low, high = min(step[1:]), max(step[1:])
            total.move(low, high)

        assert total.bag == naive(kept, low, high)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(changes)
def test_an_equal_version_means_an_equal_bag(line):
    kept = {}
    total = RunningTotal(kept)
    seen = {total.version: {}}
    for step in line:
        if step[0] == "add":
            add(kept.setdefault(step[1], {}), step[2])
            total.add(*step[1:])
        else:
            total.move(min(step[1:]), max(step[1:]))

        assert seen.setdefault(total.version, dict(total.bag)) == total.bag


def test_a_window_that_slides_over_nothing_keeps_its_version():
    total = RunningTotal({5: {1: 1}})
    total.move(0, 10)
    version = total.version
    total.move(2, 12)

    assert (total.version, total.bag) == (version, {1: 1})


def test_primitives_that_come_to_nothing_leave():
    bag = {1: 2, 2: 1}
    add(bag, {1: 2, 3: 4}, -1)

    assert bag == {2: 1, 3: -4}
