from __future__ import annotations

from docpipe.parse.page.rectangles import joined


def test_strips_become_one_rectangle() -> None:
    assert joined([(0, 0, 10, 5), (0, 5.5, 10, 10), (50, 0, 60, 10)], 1.0) == [(0, 0, 10, 10), (50, 0, 60, 10)]


def test_what_only_the_joined_rectangle_touches_joins_it_too() -> None:
    # The third joins the first two; the one around them covers the one in the corner, which none of them touched.
    corner, left, top, last = (70.0, 70.0, 80.0, 80.0), (0.0, 0.0, 10.0, 90.0), (20.0, 0.0, 90.0, 10.0), (8.0, 2.0, 22.0, 4.0)
    assert joined([corner, left, top, last], 1.0) == [(0.0, 0.0, 90.0, 90.0)]
