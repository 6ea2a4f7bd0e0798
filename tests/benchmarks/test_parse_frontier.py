from benchmarks.parse_frontier import Point, frontier

SLOW_AND_GOOD = Point("slow and good", 0.95, 1.0)
FAST_AND_POOR = Point("fast and poor", 0.6, 300.0)
BETWEEN = Point("between", 0.9, 20.0)


def test_a_reader_beaten_in_both_is_not_on_the_frontier() -> None:
    beaten = Point("beaten", 0.85, 10.0)
    assert frontier([FAST_AND_POOR, beaten, SLOW_AND_GOOD, BETWEEN]) == [SLOW_AND_GOOD, BETWEEN, FAST_AND_POOR]


def test_of_two_as_good_the_faster_is_kept() -> None:
    assert frontier([BETWEEN, Point("slower", 0.9, 10.0)]) == [BETWEEN]
