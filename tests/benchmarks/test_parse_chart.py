from pathlib import Path

from PIL import Image

from benchmarks.parse_chart import draw
from benchmarks.parse_frontier import Point


def test_the_chart_is_a_picture(tmp_path: Path) -> None:
    draw([Point("our router", 0.95, 5.0), Point("PyMuPDF text", 0.6, 300.0), Point("slow", 0.9, 1.0)], tmp_path / "chart.png")
    with Image.open(tmp_path / "chart.png") as picture:
        assert picture.width > 800
        assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 10
