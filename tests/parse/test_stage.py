from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest
from docling_core.types.doc.items.text import SectionHeaderItem

from docpipe.errors import DocumentRefused, LimitExceeded, ParseFailed
from docpipe.models import Document, DocumentStatus
from docpipe.parse import formats
from docpipe.parse.stage import ParseStage
from docpipe.settings import Settings, load_settings
from docpipe.stage import Item, Lost, Made
from tests.parse import hostile, samples
from tests.parse.conftest import item, parsed, run

SCAN = ["Harbour register", "Vessel Aurora arrived", "Cargo of timber unloaded"]


def lost(outcome: object) -> Exception:
    assert isinstance(outcome, Lost), outcome
    return outcome.error


def test_a_report_keeps_its_structure(settings: Settings, tmp_path: Path) -> None:
    outcome = run(settings, [item(samples.report(tmp_path / "report.pdf", pages=1), formats.PDF)])["report.pdf"]
    found = parsed(outcome)
    assert isinstance(outcome, Made)
    assert outcome.counts == found.counts
    assert outcome.seconds > 0
    assert found.document.name == "report.pdf"
    assert [(page.number, page.route, page.error) for page in found.pages] == [(1, "layout", "")]
    markdown = found.document.export_to_markdown(compact_tables=True)
    assert markdown == "\n\n".join(
        (
            "## 1 Arrivals of the year",
            samples.LOREM,
            "### 1.1 Rules of the basin",
            samples.LOREM,
            "- The pilot boards at the outer buoy.\n- The tug waits at the lock.\n- The crew stays on board.",
            "| Vessel | Cargo | Tons |\n| - | - | - |\n| Aurora | Timber | 420 |\n| Borealis | Coal | 1310 |\n| Cygnus | Salt | 95 |",
        )
    )


def test_columns_are_read_one_after_the_other(settings: Settings, tmp_path: Path) -> None:
    found = parsed(run(settings, [item(samples.two_columns(tmp_path / "a.pdf"), formats.PDF)])["a.pdf"])
    starts = [text.text.split()[0] for text in found.document.texts if "starts here" in text.text]
    assert starts == ["alpha", "beta", "gamma", "delta"]


def test_scans_are_read_however_they_lie(settings: Settings, tmp_path: Path) -> None:
    items = [item(samples.scan(tmp_path / f"{turn}.pdf", SCAN, turn), formats.PDF) for turn in (0, 90, 180, 270)]
    items.append(item(samples.scan(tmp_path / "a.png", SCAN, media="png"), formats.PNG))
    outcomes = run(settings, items)
    for outcome in outcomes.values():
        found = parsed(outcome)
        assert " ".join(text.text for text in found.document.texts) == " ".join(SCAN)
        (page,) = found.pages
        assert page.route == "ocr"
        place = found.document.texts[0].prov[0].bbox.to_top_left_origin(page.height)
        assert 0 <= place.l < place.r <= page.width
        assert 0 <= place.t < place.b <= page.height
    upright = parsed(outcomes["0.pdf"]).document.texts[0].prov[0].bbox.to_top_left_origin(300)
    fallen = parsed(outcomes["180.pdf"]).document.texts[0].prov[0].bbox.to_top_left_origin(300)
    assert fallen.t == pytest.approx(300 - upright.b, abs=4), "boxes lie where the page as it is shown has them"


def test_text_on_turned_pages_is_read_and_placed(settings: Settings, tmp_path: Path) -> None:
    with pymupdf.open(samples.report(tmp_path / "flat.pdf", pages=1)) as document:
        document[0].set_rotation(90)
        document.save(tmp_path / "turned.pdf")
    found = parsed(run(settings, [item(tmp_path / "turned.pdf", formats.PDF)])["turned.pdf"])
    (page,) = found.pages
    assert (round(page.width), round(page.height)) == (842, 595)
    assert "The register is closed at midnight" in found.document.export_to_text()


def test_one_bad_document_does_not_touch_the_others(settings: Settings, tmp_path: Path) -> None:
    good = samples.plain(tmp_path / "good.pdf", [samples.LOREM])
    (tmp_path / "truncated.pdf").write_bytes(good.read_bytes()[:300])
    (tmp_path / "rubbish.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 20)
    samples.encrypted(tmp_path / "locked.pdf", "owner", "secret")
    samples.encrypted(tmp_path / "open.pdf", "owner", "")
    (tmp_path / "cut.png").write_bytes(samples.scan(tmp_path / "whole.png", ["word"], media="png").read_bytes()[:200])
    (tmp_path / "unknown.bin").write_bytes(b"\x01\x02")
    pdfs = [item(tmp_path / name, formats.PDF) for name in ("truncated.pdf", "rubbish.pdf", "locked.pdf", "open.pdf", "good.pdf")]
    outcomes = run(settings, [*pdfs, item(tmp_path / "cut.png", formats.PNG), item(tmp_path / "unknown.bin", "")])
    assert "harbour office" in parsed(outcomes["good.pdf"]).document.export_to_text()
    assert "harbour office" in parsed(outcomes["open.pdf"]).document.export_to_text()
    assert isinstance(lost(outcomes["truncated.pdf"]), ParseFailed)
    assert isinstance(lost(outcomes["rubbish.pdf"]), ParseFailed)
    assert isinstance(lost(outcomes["cut.png"]), ParseFailed)
    assert isinstance(lost(outcomes["unknown.bin"]), ParseFailed)
    assert isinstance(lost(outcomes["locked.pdf"]), DocumentRefused)
    assert "DOCPIPE_PASSWORDS" in str(lost(outcomes["locked.pdf"]))


def test_a_known_password_opens(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=1, passwords="wrong,secret")
    path = samples.encrypted(tmp_path / "a.pdf", "owner", "secret")
    assert "harbour office" in parsed(run(settings, [item(path, formats.PDF)])["a.pdf"]).document.export_to_text()


def test_a_file_without_pages_has_failed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(
        b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Count 0/Kids[]>>\nendobj\n"
        b"trailer\n<</Size 3/Root 1 0 R>>\nstartxref\n0\n%%EOF\n"
    )
    error = lost(run(settings, [item(tmp_path / "a.pdf", formats.PDF)])["a.pdf"])
    assert isinstance(error, ParseFailed)


def test_a_blank_document_is_no_failure(settings: Settings, tmp_path: Path) -> None:
    found = parsed(run(settings, [item(samples.plain(tmp_path / "a.pdf", ["", ""]), formats.PDF)])["a.pdf"])
    assert [(page.reason, page.error) for page in found.pages] == [("blank", "")] * 2
    assert not found.document.texts


def test_a_long_document_is_read_in_ranges_and_joined_in_order(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    with pymupdf.open() as document:
        for number in range(1, 41):
            page = document.new_page()
            page.insert_text((72, 80), f"Chapter {number}", fontsize=20, fontname="hebo")
            page.insert_textbox((72, 120, 520, 400), f"This is page number {number}. {samples.LOREM}", fontsize=11)
        document.save(path)
    found = parsed(run(settings, [item(path, formats.PDF)])["long.pdf"])
    assert [page.number for page in found.pages] == list(range(1, 41))
    headings = [text for text in found.document.texts if isinstance(text, SectionHeaderItem)]
    assert [(text.text, text.level, text.prov[0].page_no) for text in headings] == [
        (f"Chapter {number}", 1, number) for number in range(1, 41)
    ]


def test_five_thousand_pages_take_the_text_route(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=2)
    path = samples.raw(tmp_path / "huge.pdf", [samples.text_content(f"This is page number {number}.") for number in range(1, 5001)])
    found = parsed(run(settings, [item(path, formats.PDF)])["huge.pdf"])
    assert len(found.pages) == 5000
    assert {page.route for page in found.pages} == {"text"}
    assert found.document.texts[-1].text == "This is page number 5000."
    assert found.document.texts[-1].prov[0].page_no == 5000
    assert "DOCPIPE_LAYOUT_MAX_PAGES" in found.warnings[0]


def test_a_page_of_ten_megabytes_of_text(settings: Settings, tmp_path: Path) -> None:
    line = b"(" + b"abcdefghi " * 100 + b") Tj T*\n"
    content = b"BT /F 1 Tf 0.07 TL 10 800 Td\n" + line * 10_000 + b"ET"
    path = samples.raw(tmp_path / "a.pdf", [content, samples.text_content("after it")], box=(0, 0, 900, 842))
    found = parsed(run(settings, [item(path, formats.PDF)])["a.pdf"])
    assert [page.error for page in found.pages] == ["", ""]
    assert found.pages[0].characters > 9_000_000
    assert found.pages[1].characters == len("after it")


def test_a_page_that_never_ends_costs_itself_alone(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=2, task_seconds=6, layout=False, ocr=False)
    found = parsed(run(settings, [item(hostile.slow(tmp_path / "a.pdf"), formats.PDF)])["a.pdf"])
    assert [text.text for text in found.document.texts] == ["first page", "third page"]
    assert [bool(page.error) for page in found.pages] == [False, True, False]
    assert any(warning.startswith("page 2:") for warning in found.warnings)


def test_no_more_of_a_document_is_begun_once_it_took_too_long(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=1, document_seconds=2, layout=False, ocr=False)
    items = [
        item(hostile.slow(tmp_path / "a.pdf"), formats.PDF),
        item(samples.raw(tmp_path / "b.pdf", [samples.text_content("only page")]), formats.PDF),
    ]
    outcomes = run(settings, items)
    error = lost(outcomes["a.pdf"])
    assert isinstance(error, LimitExceeded)
    assert "DOCPIPE_DOCUMENT_SECONDS" in str(error)
    assert [text.text for text in parsed(outcomes["b.pdf"]).document.texts] == ["only page"]


def test_without_layout_headings_come_from_the_font(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=1, layout=False)
    found = parsed(run(settings, [item(samples.report(tmp_path / "a.pdf"), formats.PDF)])["a.pdf"])
    assert {page.route for page in found.pages} == {"text"}
    headings = [(text.level, text.text) for text in found.document.texts if isinstance(text, SectionHeaderItem)]
    assert headings[:2] == [(1, "1 Arrivals of the year"), (2, "1.1 Rules of the basin")]


def test_without_ocr_a_scan_says_why_it_is_empty(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=1, ocr=False)
    found = parsed(run(settings, [item(samples.scan(tmp_path / "a.pdf", SCAN), formats.PDF)])["a.pdf"])
    assert "DOCPIPE_OCR" in found.pages[0].reason


def test_an_absurd_page_is_read_without_being_rendered(settings: Settings, tmp_path: Path) -> None:
    path = samples.raw(tmp_path / "a.pdf", [samples.text_content("small text")], box=(0, 0, 2_000_000, 2_000_000))
    found = parsed(run(settings, [item(path, formats.PDF)])["a.pdf"])
    assert [text.text for text in found.document.texts] == ["small text"]


def test_a_picture_of_absurd_size_is_refused_unread(settings: Settings, tmp_path: Path) -> None:
    png = bytearray(samples.scan(tmp_path / "a.png", ["word"], media="png").read_bytes())
    png[16:24] = (60_000).to_bytes(4, "big") * 2
    (tmp_path / "b.png").write_bytes(png)
    error = lost(run(settings, [item(tmp_path / "b.png", formats.PNG)])["b.png"])
    assert isinstance(error, ParseFailed | LimitExceeded)


def test_parsing_twice_gives_the_same_items(settings: Settings, tmp_path: Path) -> None:
    items = [item(samples.report(tmp_path / "a.pdf"), formats.PDF, key=key) for key in ("one", "two")]
    outcomes = run(settings, items)
    one, two = (parsed(outcomes[key]).document for key in ("one", "two"))
    assert one == two


def test_the_recipe_names_what_shapes_the_result(tmp_path: Path) -> None:
    def recipe(media_type: str, **overrides: object) -> str:
        document = Document("k", "k", 1, media_type, 1, "e", "", DocumentStatus.PENDING)
        return ParseStage(load_settings(home=tmp_path, **overrides)).recipe(document).text

    assert "pymupdf" in recipe(formats.PDF)
    assert recipe(formats.PDF) == recipe(formats.PDF, workers=7, task_seconds=1.0, document_seconds=1.0, passwords="x")
    assert recipe(formats.PDF) != recipe(formats.PDF, layout=False)
    assert recipe(formats.DOCX) == recipe(formats.DOCX, layout=False, ocr=False)
    assert recipe(formats.DOCX) != recipe(formats.PPTX)
    assert recipe("") != recipe(formats.PDF)
    weights = tmp_path / "docling-project--docling-layout-heron" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"one")
    before = recipe(formats.PDF, docling_models=str(tmp_path))
    weights.write_bytes(b"another")
    assert recipe(formats.PDF, docling_models=str(tmp_path)) != before


def test_a_document_without_a_local_copy_is_an_error_of_the_caller(settings: Settings) -> None:
    document = Document("k", "k", 1, formats.TEXT, 1, "e", "", DocumentStatus.PENDING)
    with pytest.raises(ValueError, match="local copy"):
        list(ParseStage(settings).process([Item(document)]))
