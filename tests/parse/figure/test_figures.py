from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import docx
import pytest
from PIL import Image

from docpipe.errors import LimitExceeded, PermanentError
from docpipe.isolate import Result, Task
from docpipe.models import Box, Figure, ParsedDocument
from docpipe.parse import formats
from docpipe.parse.figure import figures
from docpipe.parse.figure.figures_progress import FiguresProgress
from docpipe.parse.parts import collect, leave, parts_folder
from docpipe.parse.progress import WholeProgress
from docpipe.parse.stage import ParseStage
from docpipe.settings import Settings, load_settings
from docpipe.stage import Item, Lost, Made
from tests.parse import pictures, samples
from tests.parse.conftest import item, parsed


def made(settings: Settings, one: Item) -> tuple[Made, dict[str, bytes]]:
    """The outcome, and its parts as they are before the stage removes them."""
    ((outcome, parts),) = [
        (outcome, {path.name: path.read_bytes() for path in outcome.parts})
        for outcome in ParseStage(settings).process([one])
        if isinstance(outcome, Made)
    ]
    return outcome, parts


def test_a_figure_is_cut_out_of_its_page(settings: Settings, tmp_path: Path) -> None:
    outcome, parts = made(settings, item(pictures.illustrated(tmp_path / "a.pdf"), formats.PDF))
    found = parsed(outcome)
    (figure,) = found.figures
    assert figure.box
    assert figure.page == figure.box.page == 1
    assert [figure.box.left, figure.box.top, figure.box.right, figure.box.bottom] == pytest.approx([150, 230, 410, 425], abs=2)
    (data,) = parts.values()
    assert hashlib.sha256(data).hexdigest() == figure.sha256
    with Image.open(BytesIO(data)) as picture:
        assert picture.size == (figure.width, figure.height) == pytest.approx((542, 406), abs=10)
        assert picture.format == "JPEG", "a photograph"
    (captioned,) = [one for one in found.document.pictures if one.self_ref == figure.reference]
    assert captioned.caption_text(found.document) == "Figure 1: The harbour at low tide."
    assert not parts_folder(tmp_path / "a.pdf").exists(), "the stage removes what was stored"


def test_figures_of_every_page_are_kept_in_order_up_to_the_limit(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=2, figures=20)
    outcome, parts = made(settings, item(pictures.illustrated(tmp_path / "a.pdf", pages=22), formats.PDF))
    found = parsed(outcome)
    assert [figure.page for figure in found.figures] == list(range(1, 21))
    assert parts.keys() == {figure.sha256 for figure in found.figures}
    assert [one for one in found.warnings if "DOCPIPE_FIGURES" in one] == [
        "2 figures were not kept: DOCPIPE_FIGURES or DOCPIPE_FIGURES_MB allows no more"
    ]


def test_no_figure_is_kept_where_none_is_wanted(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=1, figures=0)
    outcome, parts = made(settings, item(pictures.illustrated(tmp_path / "a.pdf"), formats.PDF))
    assert (parsed(outcome).figures, parsed(outcome).warnings, parts) == ((), (), {})


def test_pictures_of_a_word_file_are_taken_out_of_it(settings: Settings, tmp_path: Path) -> None:
    written = docx.Document()
    written.add_paragraph(samples.LOREM)
    for picture in (pictures.chart(), pictures.photograph(3_000, 2_000), pictures.chart(16, 16), Image.new("RGB", (300, 300), "red")):
        written.add_picture(BytesIO(pictures.png(picture)))
    written.save(str(tmp_path / "a.docx"))
    outcome, parts = made(settings, item(tmp_path / "a.docx", formats.DOCX))
    found = parsed(outcome)
    assert [(one.media_type, one.width, one.height) for one in found.figures] == [("image/png", 400, 300), ("image/jpeg", 1_600, 1_067)]
    assert parts.keys() == {one.sha256 for one in found.figures}
    assert len(outcome.data) < 20_000, "the document itself holds no picture"


def test_an_image_in_the_text_of_a_web_page_is_kept_and_others_are_not_fetched(settings: Settings, tmp_path: Path) -> None:
    import base64

    inside = base64.b64encode(pictures.png(pictures.chart())).decode()
    (tmp_path / "secret.png").write_bytes(pictures.png(pictures.chart(120, 90)))
    others = "".join(
        f'<img src="{place}">' for place in ("secret.png", f"{tmp_path}/secret.png", f"file://{tmp_path}/secret.png", "http://127.0.0.1:9/")
    )
    (tmp_path / "a.html").write_text(f'<h1>Cargo</h1><p>{samples.LOREM}</p><img src="data:image/png;base64,{inside}" alt="Cargo">{others}')
    outcome, _ = made(settings, item(tmp_path / "a.html", formats.HTML))
    assert [(one.width, one.height) for one in parsed(outcome).figures] == [(400, 300)]


def test_what_is_drawn_over_a_figure_belongs_to_it_and_empty_ones_do_not_count(tmp_path: Path) -> None:
    path = pictures.illustrated(tmp_path / "a.pdf")
    boxes = {
        "#/pictures/0": Box(page=1, left=150, top=230, right=410, bottom=425),
        "#/pictures/1": Box(page=1, left=10, top=10, right=60, bottom=60),
        "#/pictures/2": Box(page=9, left=10, top=10, right=60, bottom=60),
    }
    asked = [Figure(reference=name, page=box.page, box=box).model_dump() for name, box in boxes.items()]
    header, body = figures.crop(str(path), formats.PDF, (), asked)
    assert body == b""
    assert [one["reference"] for one in header["figures"]] == ["#/pictures/0"]
    (warning,) = header["warnings"]
    assert warning.startswith("page 9: figure #/pictures/2 could not be cut out")


def test_a_worker_that_lies_about_figures_costs_them_alone(settings: Settings, tmp_path: Path) -> None:
    path = pictures.illustrated(tmp_path / "a.pdf")
    outcome, _ = made(settings, item(path, formats.PDF))
    document = item(path, formats.PDF).document
    whole = WholeProgress(document, path, settings, "module:function")
    uncut = [figure.model_copy(update={"sha256": "", "media_type": ""}) for figure in parsed(outcome).figures]
    head = ParsedDocument.head_of(outcome.data).model_copy(update={"figures": (*uncut, uncut[0].model_copy(update={"reference": "#/2"}))})
    data = ParsedDocument.with_head(outcome.data, head)

    def after(answer: dict[str, object]) -> Made:
        progress = FiguresProgress(whole, document, path, settings)
        (first,) = progress.begin()
        tasks = progress.take(Result(first, ({"counts": {}}, data), None, 1.0))
        assert isinstance(tasks, list)
        (task,) = tasks
        end = progress.take(Result(task, (answer, b""), None, 1.0))
        assert isinstance(end, Made)
        assert end.seconds == 2.0
        return end

    lies: list[dict[str, object]] = [{"figures": found, "warnings": []} for found in (3, [7], [{"reference": "#/no"}])]
    for answer in ({}, *lies):
        kept = ParsedDocument.head_of(after(answer).data)
        assert kept.figures == ()
        assert any("makes no sense" in one for one in kept.warnings)


def test_figures_whose_tasks_fail_are_tried_alone_and_then_given_up(settings: Settings, tmp_path: Path) -> None:
    path = pictures.illustrated(tmp_path / "a.pdf")
    outcome, _ = made(settings, item(path, formats.PDF))
    document = item(path, formats.PDF).document
    names = ["#/pictures/0", "#/pictures/1"]
    uncut = [Figure(reference=name, page=1, box=Box(page=1, left=0, top=0, right=99, bottom=99)) for name in names]
    head = ParsedDocument.head_of(outcome.data).model_copy(update={"figures": tuple(uncut)})
    progress = FiguresProgress(WholeProgress(document, path, settings, "module:function"), document, path, settings)
    (first,) = progress.begin()
    (both,) = progress.take(Result(first, ({"counts": {}}, ParsedDocument.with_head(outcome.data, head)), None, 1.0))  # type: ignore[misc]
    alone = progress.take(Result(both, None, LimitExceeded("too slow"), 1.0))
    assert isinstance(alone, list)
    assert len(alone) == 2
    assert progress.take(Result(alone[0], None, PermanentError("crashed"), 1.0)) == []
    done = {"figures": [uncut[1].model_copy(update={"sha256": "0" * 64, "width": 9}).model_dump()], "warnings": []}
    end = progress.take(Result(alone[1], (done, b""), None, 1.0))
    assert isinstance(end, Made)
    kept = ParsedDocument.head_of(end.data)
    assert [one.reference for one in kept.figures] == ["#/pictures/1"]
    assert any("crashed" in one for one in kept.warnings)


def test_an_answer_that_is_no_document_is_lost(settings: Settings, tmp_path: Path) -> None:
    document = item(pictures.illustrated(tmp_path / "a.pdf"), formats.PDF).document
    progress = FiguresProgress(
        WholeProgress(document, tmp_path / "a.pdf", settings, "module:function"), document, tmp_path / "a.pdf", settings
    )
    end = progress.take(Result(Task("a.pdf", "module:function"), ({"counts": {}}, b"no document"), None, 1.0))
    assert isinstance(end, Lost)
    assert isinstance(end.error, PermanentError)


def test_parts_are_files_that_a_worker_left(tmp_path: Path) -> None:
    source = tmp_path / "source"
    names = [leave(source, data) for data in (b"one", b"two", b"one")]
    assert [path.read_bytes() for path in collect(source, names, 100)] == [b"one", b"two"]
    with pytest.raises(LimitExceeded):
        collect(source, names, 5)
    (parts_folder(source) / ("a" * 64)).symlink_to("/etc/hostname")
    for bad in ("a" * 64, "b" * 64, "../source", "", "\0"):
        with pytest.raises(PermanentError, match="did not leave"):
            collect(source, [bad], 100)


def test_the_recipe_says_how_many_figures_are_kept_and_who_describes_them(tmp_path: Path) -> None:
    def recipe(media_type: str, **overrides: object) -> str:
        one = item(samples.plain(tmp_path / "a.pdf", ["x"]), media_type)
        return ParseStage(load_settings(home=tmp_path, **overrides)).recipe(one.document).text

    vision = {"vision_url": "http://localhost/v1", "vision_model": "eyes"}
    for media_type in (formats.PDF, formats.DOCX):
        made = {recipe(media_type), recipe(media_type, figures=3), recipe(media_type, **vision)}
        assert len(made) == 3
        assert recipe(media_type, **vision) == recipe(media_type, **vision | {"vision_url": "http://other/v1", "vision_key": "k"})
    assert recipe(formats.CSV) == recipe(formats.CSV, figures=3, **vision)
