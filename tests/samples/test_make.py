import json
import re
import zipfile
from email import message_from_bytes, policy
from pathlib import Path

import pymupdf
import pytest
from docx import Document
from openpyxl import load_workbook
from PIL import Image
from pptx import Presentation

from samples import bad, company
from samples.make import DOCUMENTS, make

QUESTIONS = json.loads((DOCUMENTS.parent / "questions.json").read_text(encoding="utf-8"))
PAGES = {"report.pdf": 13, "two-column-paper.pdf": 4, "scanned-page.pdf": 1, "rotated-scan.pdf": 1}
RANDOM = {"bad/password.pdf"}


def text_of(path: Path, password: str = "") -> list[str]:
    """The text of each page of a PDF."""
    with pymupdf.open(path) as document:
        if password:
            assert document.authenticate(password)
        return [page.get_text() for page in document]


def spoken(text: str) -> str:
    """Without line ends and what a typesetter did to the words."""
    return " ".join(text.split())


def pages_of(data: bytes) -> list[str]:
    with pymupdf.open(stream=data) as document:
        return [page.get_text() for page in document]


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    make(folder)
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_committed_documents_are_all_there_and_small(regenerated: Path) -> None:
    assert names(DOCUMENTS) == names(regenerated)
    assert sum(path.stat().st_size for path in DOCUMENTS.rglob("*") if path.is_file()) < 3_000_000


def test_two_runs_write_the_same_bytes(regenerated: Path, tmp_path: Path) -> None:
    make(tmp_path)
    for name in names(regenerated) - RANDOM:
        assert (tmp_path / name).read_bytes() == (regenerated / name).read_bytes(), name


@pytest.mark.parametrize("name", PAGES)
def test_committed_pdfs_say_what_the_sources_say(regenerated: Path, name: str) -> None:
    assert text_of(DOCUMENTS / name) == text_of(regenerated / name)
    assert len(text_of(DOCUMENTS / name)) == PAGES[name]


@pytest.mark.parametrize("name", ["handbook.docx", "quarterly.pptx", "figures.xlsx", "bad/contract.pdf"])
def test_committed_office_files_say_what_the_sources_say(regenerated: Path, name: str) -> None:
    with zipfile.ZipFile(DOCUMENTS / name) as committed, zipfile.ZipFile(regenerated / name) as fresh:
        assert committed.namelist() == fresh.namelist()
        for member in committed.namelist():
            if member.endswith(".xml"):
                assert committed.read(member) == fresh.read(member), member


@pytest.mark.parametrize("name", ["prices.csv", "article.html", "notes.md", "readme.txt", "bad/minutes.docx", "bad/unknown.bin"])
def test_committed_text_files_are_what_the_sources_make(regenerated: Path, name: str) -> None:
    assert (DOCUMENTS / name).read_bytes() == (regenerated / name).read_bytes()


def test_the_report_has_bookmarks_running_heads_and_a_table_over_two_pages() -> None:
    with pymupdf.open(DOCUMENTS / "report.pdf") as report:
        contents = report.get_toc()
        pages = [page.get_text() for page in report]
    assert {level for level, _, _ in contents} == {1, 2, 3}
    for _, title, page in contents:
        assert spoken(title) in spoken(pages[page - 1])
    for number, text in enumerate(pages[2:], 3):
        assert f"Page {number}" in text
        assert "Annual Report 2024" in text
    assert "Table 5: Unplanned stops" in pages[8]
    assert "Table 5 (continued)" in pages[9]
    listed = pages[8] + pages[9]
    assert all(stop.turbine in listed for stop in company.stops())


def test_the_table_of_contents_gives_the_right_pages() -> None:
    with pymupdf.open(DOCUMENTS / "report.pdf") as report:
        contents = spoken(report[1].get_text())
        for level, title, page in report.get_toc():
            if title[0].isdigit() and level < 3:
                assert re.search(rf"{re.escape(title)}[ .]+{page}\b", contents), title


@pytest.mark.parametrize("name", ["scanned-page.pdf", "rotated-scan.pdf"])
def test_scans_are_pictures_without_a_text_layer(name: str) -> None:
    assert text_of(DOCUMENTS / name) == [""]
    with pymupdf.open(DOCUMENTS / name) as scan:
        assert scan[0].rotation == 0
        width, height = scan[0].get_images()[0][2:4]
        assert {width, height} == {1240, 1755}
        assert (width > height) == (name == "rotated-scan.pdf")


def test_the_picture_opens() -> None:
    with Image.open(DOCUMENTS / "scan.png") as picture:
        assert picture.size == (1240, 877)
        assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_office_files_open_with_what_they_should_hold() -> None:
    handbook = Document(str(DOCUMENTS / "handbook.docx"))
    assert len(handbook.tables) == 2
    assert len(handbook.inline_shapes) == 1
    deck = Presentation(str(DOCUMENTS / "quarterly.pptx"))
    assert len(deck.slides) == 8
    assert "burial mound" in deck.slides[5].notes_slide.notes_text_frame.text
    formulas = load_workbook(DOCUMENTS / "figures.xlsx")
    values = load_workbook(DOCUMENTS / "figures.xlsx", data_only=True)
    assert formulas.sheetnames == ["Production", "Orders", "Stops"]
    assert formulas["Production"]["G8"].value == "=SUM(G2:G7)"
    assert values["Production"]["G8"].value == sum(sum(farm.quarters) for farm in company.FARMS)
    assert values["Orders"]["B2"].value.date().isoformat() == "2024-09-21"


def test_the_mail_holds_text_html_and_two_attachments() -> None:
    mail = message_from_bytes((DOCUMENTS / "mail.eml").read_bytes(), policy=policy.default)
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "text/csv", "application/pdf"]
    assert [part.get_filename() for part in mail.iter_attachments()] == ["vibration.csv", "Offer 24-3051.pdf"]


def test_the_committed_mail_says_what_the_sources_say(regenerated: Path) -> None:
    committed, fresh = (
        message_from_bytes((folder / "mail.eml").read_bytes(), policy=policy.default) for folder in (DOCUMENTS, regenerated)
    )
    assert committed.items() == fresh.items()
    for old, new in zip(committed.walk(), fresh.walk(), strict=True):
        if old.get_content_type() == "application/pdf":
            assert pages_of(old.get_content()) == pages_of(new.get_content())
            assert "60 months" in spoken(pages_of(old.get_content())[0])
        elif not old.is_multipart():
            assert old.get_content() == new.get_content()


def test_bad_files_are_bad_in_the_way_their_names_say() -> None:
    with pytest.raises(pymupdf.FileDataError), pymupdf.open(DOCUMENTS / "bad" / "truncated.pdf") as document:
        document.load_page(0)
    with pymupdf.open(DOCUMENTS / "bad" / "password.pdf") as locked:
        assert locked.needs_pass
        assert not locked.authenticate("")
    assert "EUR 212 million" in spoken("".join(text_of(DOCUMENTS / "bad" / "password.pdf", bad.PASSWORD)))
    assert (DOCUMENTS / "bad" / "empty.pdf").stat().st_size == 0
    assert Document(str(DOCUMENTS / "bad" / "contract.pdf")).paragraphs
    assert not zipfile.is_zipfile(DOCUMENTS / "bad" / "minutes.docx")


def test_the_numbers_of_the_company_add_up() -> None:
    for farm in company.FARMS:
        assert sum(farm.quarters) == farm.production[2], farm.name
    assert sum(farm.production[2] for farm in company.FARMS) == 2926
    assert sum(farm.turbines for farm in company.FARMS) == 148
    assert sum(stop.hours for stop in company.stops()) == 9947


def test_questions_ask_for_documents_that_exist() -> None:
    assert len(QUESTIONS) >= 12
    attached = {"mail.eml!//02-Offer 24-3051.pdf"}
    assert attached < {question["document"] for question in QUESTIONS} <= names(DOCUMENTS) | attached
    assert {question["language"] for question in QUESTIONS} == {"en", "de", "fr"}
    assert {question["kind"] for question in QUESTIONS} == {"text", "table", "scan"}


@pytest.mark.parametrize(
    "question", [one for one in QUESTIONS if one["document"] in ("report.pdf", "two-column-paper.pdf")], ids=lambda one: one["question"]
)
def test_answers_stand_on_the_page_that_the_question_names(question: dict[str, str | int]) -> None:
    pages = text_of(DOCUMENTS / str(question["document"]))
    assert str(question["expected"]) in spoken(pages[int(question["page"]) - 1])


@pytest.mark.parametrize(
    "question", [one for one in QUESTIONS if one["document"].endswith((".txt", ".md", ".csv", ".html"))], ids=lambda one: one["question"]
)
def test_answers_stand_in_the_text_file_that_the_question_names(question: dict[str, str]) -> None:
    assert question["expected"] in spoken((DOCUMENTS / question["document"]).read_text(encoding="utf-8"))
