from pathlib import Path

import pymupdf
import pytest

from benchmarks.documents import make_documents, make_objects, make_tiny_documents


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_documents(tmp_path_factory.mktemp("documents"), 25)


def test_documents_have_the_promised_size(documents: list[Path]) -> None:
    pages, words = [], []
    for path in documents:
        with pymupdf.open(path) as document:
            pages.append(document.page_count)
            words += [len(page.get_text().split()) for page in document]
    assert min(pages) >= 2
    assert max(pages) <= 12
    assert 3.5 < sum(pages) / len(pages) < 6.5
    assert 350 < sum(words) / len(words) < 500


def test_no_two_documents_are_alike(documents: list[Path]) -> None:
    texts = set()
    for path in documents:
        with pymupdf.open(path) as document:
            texts.add("".join(page.get_text() for page in document))
    assert len(texts) == len(documents)


def test_text_stays_on_the_page(documents: list[Path]) -> None:
    for path in documents[:8]:
        with pymupdf.open(path) as document:
            for page in document:
                for box in page.get_text("blocks"):
                    assert page.rect.contains(pymupdf.Rect(box[:4])), path.name


def test_a_document_depends_on_the_seed_and_its_number_alone(documents: list[Path], tmp_path: Path) -> None:
    again = make_documents(tmp_path / "again", 3)
    other = make_documents(tmp_path / "other", 3, seed=8)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in documents[:3]]
    assert all(one.read_bytes() != two.read_bytes() for one, two in zip(again, other, strict=True))


def test_tiny_documents_are_one_heading_and_one_paragraph(tmp_path: Path) -> None:
    paths = make_tiny_documents(tmp_path, 1_003)
    assert len(set(paths)) == 1_003
    assert len(list(tmp_path.iterdir())) == 2
    heading, body = paths[-1].read_text(encoding="utf-8").strip().split("\n\n")
    assert heading.startswith("# ")
    assert 40 <= len(body.split()) <= 90


def test_objects_come_sorted_and_unique() -> None:
    objects = list(make_objects(25_000))
    keys = [one.key for one in objects]
    assert keys == sorted(set(keys))
    assert len({one.etag for one in objects}) == 25_000
    assert all(one.size > 0 for one in objects)
    assert objects[:10] == list(make_objects(10))
