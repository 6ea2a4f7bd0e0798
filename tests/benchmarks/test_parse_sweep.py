from pathlib import Path

from benchmarks.parse_documents import make_cases
from benchmarks.parse_sweep import VALUES, sweep
from docpipe.parse.page.route import Thresholds


def test_every_threshold_is_swept_through_its_default() -> None:
    assert set(VALUES) == set(Thresholds.__slots__)
    assert all(getattr(Thresholds(), name) in values for name, values in VALUES.items())


def test_a_sweep_routes_pages_by_the_value(tmp_path: Path) -> None:
    cases = [case for case in make_cases(tmp_path, quick=True) if case.name == "prose-0"]
    rows = {(row["threshold"], row.get("value")): row for row in sweep(cases, tmp_path / "home")}
    default = rows["all defaults", None]
    assert default["quality"] > 0.9
    assert default["text"] == cases[0].pages
    assert rows["prose", "False"]["layout"] == cases[0].pages
    assert rows["layout_characters", "1000"]["layout"] == 0
