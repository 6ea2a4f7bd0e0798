"""Documents through the describing half of the stage, with a real server, real workers and a real artifact store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from docpipe.describe import open_descriptions
from docpipe.describe.prompt import Prompt
from docpipe.errors import ConfigurationError, TransientError
from docpipe.models import ParsedDocument
from docpipe.parse import formats
from docpipe.parse.parts import leave, parts_folder
from docpipe.render import Look, PagePicture, PagePictures
from docpipe.settings import Settings
from docpipe.stage import Item, Lost, Made, Outcome
from tests.describe.conftest import VisionSettings
from tests.describe.test_writing import document
from tests.openai_server import OpenAIServer
from tests.parse import pictures, samples
from tests.parse.conftest import item, parsed, run
from tests.scripted_server import failure


def undescribed(folder: Path, name: str, unread: Sequence[int] = ()) -> tuple[Item, Made]:
    """A document of three pages as parsing leaves it: with a figure on the third page, and pages that nothing could read."""
    source = samples.plain(folder / name, ["one", "two", "three"])
    made = document()
    part = leave(source, pictures.png(pictures.photograph(seed=len(name))))
    pages = tuple(page.model_copy(update={"unread": "OCR is unsure" if page.number in unread else ""}) for page in made.pages)
    figure = made.figures[0].model_copy(update={"sha256": part, "media_type": "image/png"})
    made = replace(made, pages=pages, figures=(figure,))
    return item(source, formats.PDF), Made(name, made.to_bytes(), made.counts, 1.0, [parts_folder(source) / part])


def described(settings: Settings, folder: Path, *documents: tuple[Item, Made]) -> dict[str, Outcome]:
    descriptions = open_descriptions(settings)
    assert descriptions
    items = {one.document.key: one for one, _ in documents}
    (folder / "spool").mkdir(exist_ok=True)
    outcomes = list(descriptions.added_to((made for _, made in documents), items, folder / "spool"))
    assert not list((folder / "spool").iterdir()) or any(isinstance(one, Lost) for one in outcomes)
    return {outcome.key: outcome for outcome in outcomes}


def test_figures_are_described_and_unread_pages_transcribed(vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path) -> None:
    server.say = lambda asked: "A crane." if asked.prompt == Prompt.FIGURE else "The text of the page."
    outcome = described(vision_settings(), tmp_path, undescribed(tmp_path, "a.pdf", unread=[2]))["a.pdf"]
    found = parsed(outcome)
    assert found.figures[0].description == "A crane."
    assert [page.route for page in found.pages] == ["ocr", "vision", "ocr"]
    assert isinstance(outcome, Made)
    assert outcome.counts["vision_tokens"] == 240
    assert len(outcome.parts) == 1
    pages = [one for one in server.asked if one.prompt == Prompt.PAGE]
    assert [one.media_type for one in pages] == ["image/png"]


def test_what_was_answered_once_is_not_asked_again(vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path) -> None:
    for tokens in (240, 0):
        outcome = described(vision_settings(), tmp_path, undescribed(tmp_path, "a.pdf", unread=[2]))["a.pdf"]
        assert isinstance(outcome, Made)
        assert outcome.counts["vision_tokens"] == tokens
        assert parsed(outcome).figures[0].description == "a picture"
    assert len(server.asked) == 2
    described(vision_settings(vision_model="other eyes"), tmp_path, undescribed(tmp_path, "a.pdf"))
    assert len(server.asked) == 3, "another model may say something else"


def test_requests_of_many_documents_run_together_up_to_the_limit(
    vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path
) -> None:
    server.seconds = 0.3
    documents = [undescribed(tmp_path, f"{'x' * number}.pdf") for number in range(1, 10)]
    found = described(vision_settings(vision_requests=3), tmp_path, *documents)
    assert all(parsed(outcome).figures[0].description for outcome in found.values())
    assert (len(found), server.most_at_once) == (9, 3)


def test_pages_are_rendered_no_faster_than_they_are_looked_at(
    vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.seconds = 0.2
    rendered: list[int] = []
    ahead: list[int] = []
    render = PagePictures.pages

    def counted(self: PagePictures, source: Path, media_type: str, numbers: Iterable[int], look: Look) -> Iterator[PagePicture]:
        for picture in render(self, source, media_type, numbers, look):
            rendered.append(picture.number)
            ahead.append(len(rendered) - len(server.asked))
            yield picture

    monkeypatch.setattr(PagePictures, "pages", counted)
    source = samples.plain(tmp_path / "long.pdf", [f"page {number}" for number in range(1, 13)])
    page = document().pages[0]
    pages = tuple(page.model_copy(update={"number": number, "unread": "OCR is unsure"}) for number in range(1, 13))
    made = replace(document(), pages=pages, figures=())
    settings = vision_settings(vision_requests=1)
    outcome = described(settings, tmp_path, (item(source, formats.PDF), Made("long.pdf", made.to_bytes(), made.counts, 1.0)))["long.pdf"]
    assert [page.route for page in parsed(outcome).pages] == ["vision"] * 12
    assert max(ahead) <= 3


def test_a_busy_server_is_tried_again(vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path) -> None:
    server.replies.extend([failure(429, retry_after="0.01"), failure(503)])
    outcome = described(vision_settings(), tmp_path, undescribed(tmp_path, "a.pdf"))["a.pdf"]
    assert parsed(outcome).figures[0].description == "a picture"
    assert len(server.asked) == 3


def test_a_server_that_stays_away_loses_the_document_for_now(vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path) -> None:
    server.always = failure(500)
    outcome = described(vision_settings(max_attempts=2), tmp_path, undescribed(tmp_path, "a.pdf"))["a.pdf"]
    assert isinstance(outcome, Lost)
    assert isinstance(outcome.error, TransientError)
    assert len(server.asked) == 2


def test_a_picture_that_is_refused_costs_a_warning(vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path) -> None:
    server.replies.append(failure(400, "cannot look at this"))
    outcome = described(vision_settings(vision_requests=1), tmp_path, undescribed(tmp_path, "a.pdf", unread=[1]))["a.pdf"]
    found = parsed(outcome)
    assert found.figures[0].description == ""
    assert found.pages[0].route == "vision"
    assert found.warnings[-1].startswith("figure #/pictures/0 was not described: HTTP 400 from the vision model")
    assert "cannot look at this" in found.warnings[-1]


def test_a_wrong_key_ends_the_run(vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path) -> None:
    server.always = failure(401)
    with pytest.raises(ConfigurationError, match="DOCPIPE_VISION_KEY"):
        described(vision_settings(), tmp_path, *(undescribed(tmp_path, f"{number}.pdf") for number in range(20)))
    assert len(server.asked) < 20


def test_documents_without_pictures_pass_through(vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path) -> None:
    one, made = undescribed(tmp_path, "a.pdf")
    plain = replace(made, data=replace(ParsedDocument.from_bytes(made.data), figures=()).to_bytes())
    assert described(vision_settings(), tmp_path, (one, plain)) == {"a.pdf": plain}
    assert server.asked == []


def test_parsing_describes_where_a_model_is_configured(vision_settings: VisionSettings, server: OpenAIServer, tmp_path: Path) -> None:
    server.say = lambda asked: "A photograph of the basin."
    found = parsed(run(vision_settings(), [item(pictures.illustrated(tmp_path / "a.pdf"), formats.PDF)])["a.pdf"])
    assert found.figures[0].description == "A photograph of the basin."
    assert [asked.media_type for asked in server.asked] == ["image/jpeg"]
    assert parsed(run(vision_settings(vision_url="", vision_model=""), [item(tmp_path / "a.pdf", formats.PDF)])["a.pdf"]).figures[0].sha256
