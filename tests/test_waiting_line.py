"""Priority overtakes, and age overtakes priority: on values, without a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from docpipe.waiting_line import HIGHEST, LOWEST, PRIORITY_SECONDS, in_line, place

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class One:
    key: str
    priority: int
    minute: int

    @property
    def since(self) -> datetime:
        return START + timedelta(minutes=self.minute)


waiting = st.lists(st.builds(One, st.uuids().map(str), st.integers(LOWEST, HIGHEST), st.integers(0, 10_000)), unique_by=lambda one: one.key)


def test_the_higher_priority_goes_first_and_among_equals_who_came_first() -> None:
    queues = [[One("a", 0, 1), One("b", 0, 2)], [One("urgent", 10, 3)], [One("low", -10, 0)]]
    assert [one.key for one in in_line(queues)] == ["urgent", "a", "b", "low"]


@given(waiting)
def test_joined_queues_of_one_priority_each_are_the_one_line(every: list[One]) -> None:
    queues = [sorted((one for one in every if one.priority == level), key=place) for level in {one.priority for one in every}]
    assert list(in_line(queues)) == sorted(every, key=place)


def test_under_a_steady_stream_of_urgent_documents_an_old_one_is_taken_within_its_bound() -> None:
    # Each minute brings one more urgent document than can be taken, and it never ends.
    urgent, taken_a_minute = 10, 3
    bound = round(PRIORITY_SECONDS * urgent / 60)
    line = [One("old", 0, 0)]
    for minute in range(bound * 10):
        line += [One(f"urgent {minute} {number}", urgent, minute) for number in range(taken_a_minute + 1)]
        line.sort(key=place)
        taken, line = line[:taken_a_minute], line[taken_a_minute:]
        if any(one.key == "old" for one in taken):
            break
    else:
        raise AssertionError("starved")
    # In front of it are those alone that arrived before the bound, and they go at the pace at which anything goes.
    assert minute <= bound * (taken_a_minute + 1) / taken_a_minute + 1
    assert minute > bound
