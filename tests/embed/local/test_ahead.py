from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from docpipe.embed.local.ahead import ahead


def test_the_same_items_in_the_same_order() -> None:
    assert list(ahead(iter(range(100)), 3)) == list(range(100))
    assert list(ahead(iter([]), 2)) == []


def test_work_goes_on_while_an_item_is_used_and_no_further_than_asked() -> None:
    begun = [threading.Event() for _ in range(10)]

    def items() -> Iterator[int]:
        for number, event in enumerate(begun):
            event.set()
            yield number

    source = ahead(items(), 2)
    assert next(source) == 0
    assert begun[2].wait(10)
    assert not begun[3].is_set()
    source.close()  # type: ignore[attr-defined]


def test_an_error_comes_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    source = ahead(items(), 2)
    assert next(source) == 1
    with pytest.raises(ValueError, match="broken"):
        next(source)


def test_nobody_waits_for_what_nobody_wants() -> None:
    before = threading.active_count()
    source = ahead(iter(range(10)), 2)
    next(source)
    source.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
