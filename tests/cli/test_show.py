"""What `docpipe show` and `docpipe query --pictures` print and write, on an embedded installation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from docpipe.models import DocumentStatus
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from tests.cli.test_commands import answer, clean, invoke, process
from tests.parse import pictures, samples


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a PDF of two pages, one of them with a figure, and a text file."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder: Path = clean.__wrapped__(tmp_path_factory.mktemp("show"), monkeypatch)  # type: ignore[attr-defined]
        pictures.illustrated(folder / "harbour.pdf", pages=2)
        answer("add", str(folder / "harbour.pdf"), str(folder / "gate.txt"))
        process()
        yield folder.parent


def test_how_each_page_was_read(indexed: Path) -> None:
    found = answer("show", "harbour.pdf")
    assert [page["route"] for page in found["parsed"]["pages"]] == ["layout", "layout"]
    assert all(page["reason"] for page in found["parsed"]["pages"])
    assert [figure["page"] for figure in found["parsed"]["figures"]] == [1, 2]
    assert (found["page"], found["picture"], found["hits"]) == (None, None, [])
    shown = invoke("show", "harbour.pdf").stdout
    assert "██" in shown
    assert "2 pages" in shown
    assert "2 figures, 0 of them described" in shown
    assert "the first 1 of 2 pages" in invoke("show", "harbour.pdf", "--rows", "1").stdout


def test_a_page_is_written_with_the_passages_marked(indexed: Path) -> None:
    path = indexed / "out" / "page.png"
    found = answer("show", "harbour.pdf", "--query", "the register of vessels on page 2", "--output", str(path))
    assert found["picture"] == str(path)
    assert found["page"] == found["hits"][0]["pages"][0]
    assert {hit["object_key"] for hit in found["hits"]} == {"harbour.pdf"}
    with Image.open(path) as picture:
        assert picture.size == (1_240, 1_754) or picture.size == (1_240, 1_755)
        assert (255, 240, 130) in {colour for _, colour in picture.convert("RGB").getcolors(10_000_000) or ()}
    assert "passages marked" in invoke("show", "harbour.pdf", "--query", "register", "--output", str(path)).stdout


def test_a_page_goes_into_the_working_folder_and_is_kept_for_the_next_time(indexed: Path) -> None:
    assert answer("show", "harbour.pdf", "--page", "2", "--dpi", "72")["picture"] == "harbour.pdf-2.png"
    first = (indexed / "harbour.pdf-2.png").read_bytes()
    (kept,) = load_settings().home.glob("page_pictures/*/*/*.png")
    assert kept.read_bytes() == first
    pipeline = Pipeline(load_settings())
    kept.write_bytes(b"from the cache")
    invoke("show", "harbour.pdf", "--page", "2", "--dpi", "72")
    assert (indexed / "harbour.pdf-2.png").read_bytes() == b"from the cache"
    kept.write_bytes(first)
    assert pipeline.ledger.documents(["harbour.pdf"])["harbour.pdf"].status is DocumentStatus.INDEXED
    pipeline.ledger.close()


def test_what_cannot_be_shown_says_why(indexed: Path) -> None:
    assert invoke("show", "no such").exit_code == 2
    for arguments, reason in (
        (("show", "gate.txt", "--page", "1"), "no pages to show"),
        (("show", "gate.txt", "--query", "gate"), "--page"),
        (("show", "harbour.pdf", "--page", "7"), "no page 7"),
        (("show", "harbour.pdf", "--page", "1", "--output", str(indexed)), "cannot be written"),
    ):
        result = invoke(*arguments)
        assert result.exit_code != 0
        assert reason in result.output + str(result.exception), result.output


def test_a_query_saves_the_page_of_every_hit(indexed: Path) -> None:
    folder = indexed / "hits"
    shown = invoke("query", "the register of vessels and the gate", "--limit", "5", "--pictures", str(folder)).stdout
    saved = sorted(path.name for path in folder.iterdir())
    assert saved
    assert all("harbour.pdf" in name for name in saved)
    assert "no picture: this format has no pages" in shown


def test_pictures_go_with_their_document(clean: Path) -> None:
    samples.plain(clean / "a.pdf", [samples.LOREM])
    answer("add", str(clean / "a.pdf"))
    process()
    invoke("show", "a.pdf", "--page", "1")
    assert list(load_settings().home.glob("page_pictures/*/*/*.png"))
    answer("remove", "a.pdf")
    process()
    assert not list(load_settings().home.glob("page_pictures/*/*/*.png"))
