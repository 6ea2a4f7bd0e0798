from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.items.table.table import TableItem
from docling_core.types.doc.items.text import TextItem
from docling_core.types.doc.labels import DocItemLabel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from docpipe.chunk.chunker import Chunker
from docpipe.chunk.table import row_text
from docpipe.models import ChunkedDocument, ParsedDocument
from tests.chunk.documents import LOREM, chunk, minilm, paragraphs, report, table, tokenizer

GOLDEN = Path(__file__).parent / "golden" / "report.json"

SCRIPTS = st.sampled_from(
    [
        "plain words of a sentence. ",
        "Straße, naïve café! ",
        "слово за словом. ",
        "مرحبا بالعالم. ",
        "漢字かな交じり文。",
        "한국어 문장입니다. ",
        "नमस्ते दुनिया। ",
        "👩‍👩‍👧🎉🇪🇺 ",
        "e\u0301a\u0300\u0323 ",
        "a" * 300,
        "\u200b\ufeff",
        "\n",
        "\ue000\ue001 ",
        "... ",
        "1,234.50 EUR; ",
    ]
)
TEXTS = st.lists(st.one_of(SCRIPTS, st.text(st.characters(exclude_categories=["Cs"]), max_size=40)), max_size=60).map("".join)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@st.composite
def documents(draw: st.DrawFn) -> DoclingDocument:
    document = DoclingDocument(name="drawn")
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["heading", "title", "text", "list", "code", "table"]))
        if kind == "heading":
            document.add_heading(draw(TEXTS), level=draw(st.integers(1, 4)))
        elif kind == "title":
            document.add_title(draw(TEXTS))
        elif kind == "text":
            document.add_text(DocItemLabel.TEXT, draw(TEXTS))
        elif kind == "list":
            group = document.add_list_group()
            for text in draw(st.lists(TEXTS, max_size=3)):
                document.add_list_item(text, parent=group)
        elif kind == "code":
            document.add_code(draw(TEXTS))
        else:
            document.add_table(table(draw(st.lists(st.lists(TEXTS, min_size=1, max_size=3), max_size=4))))
    return document


def body_texts(document: DoclingDocument) -> list[str]:
    texts = [item.text for item, _ in document.iterate_items() if isinstance(item, TextItem)]
    tables = [item for item, _ in document.iterate_items() if isinstance(item, TableItem)]
    return texts + [cell.text for each in tables for cell in each.data.table_cells]


def visible(text: str) -> str:
    """What a tokenizer may see: no blanks, no control or private characters."""
    return "".join(sign for sign in text if not sign.isspace() and (sign.isprintable() or sign in "\u200d"))


def joined(chunked: ChunkedDocument) -> str:
    """Every chunk's path and own text, in order."""
    return visible("".join("".join(one.heading_path) + one.text[one.overlap :] for one in chunked.chunks))


@SLOW
@given(documents(), st.sampled_from([(254, 50), (64, 20), (16, 8)]))
def test_never_over_the_window_never_empty_and_always_the_same(document: DoclingDocument, sizes: tuple[int, int]) -> None:
    chunked = chunk(document, *sizes)
    for one in chunked.chunks:
        assert one.text.strip()
        assert one.tokens == len(tokenizer().encode(one.embedding_text, add_special_tokens=False).ids) <= sizes[0]
        assert one.tokens > 0
    assert [one.index for one in chunked.chunks] == list(range(len(chunked.chunks)))
    assert chunk(document, *sizes) == chunked


def test_a_lone_mark_is_never_a_chunk() -> None:
    document = DoclingDocument(name="marks")
    document.add_heading("a" * 300)
    document.add_text(DocItemLabel.TEXT, "नमस्ते दुनिया। ")
    chunked = chunk(document, 16, 8)
    assert all(one.tokens for one in chunked.chunks)
    assert "".join(one.text[one.overlap :] for one in chunked.chunks if "a" not in one.text).replace(" ", "") == "नमस्तेदुनिया।"


def test_an_invisible_heading_hides_no_title() -> None:
    document = DoclingDocument(name="invisible")
    document.add_title("plain words of a sentence.")
    document.add_heading("\u200b\ufeff")
    assert [one.text for one in chunk(document, 254, 50).chunks] == ["plain words of a sentence."]


@SLOW
@given(documents(), st.sampled_from([(254, 50), (64, 20), (16, 8)]))
def test_every_word_of_the_body_is_in_a_chunk(document: DoclingDocument, sizes: tuple[int, int]) -> None:
    chunked = chunk(document, *sizes)
    whole = joined(chunked)
    texts = [one.embedding_text for one in chunked.chunks]
    for text in body_texts(document):
        for word in text.split():
            shown = visible(word)
            seen = tokenizer().encode(word, add_special_tokens=False).ids
            assert not seen or shown in whole or any(shown in visible(each) for each in texts) or _in_pieces(shown, whole)


def _in_pieces(word: str, whole: str) -> bool:
    """A word cut at token boundaries between chunks: its pieces follow each other, with headings between."""
    pattern = ".*?".join(map(re.escape, word))
    return re.search(pattern, whole, re.DOTALL) is not None


@SLOW
@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.sampled_from([(254, 50), (64, 20)]))
def test_table_rows_are_whole_below_their_header(lengths: list[int], sizes: tuple[int, int]) -> None:
    rows = [["Name", "Value"]] + [
        [f"row {number}", " ".join(["word"] * min(length, sizes[0] // 3))] for number, length in enumerate(lengths)
    ]
    document = DoclingDocument(name="table")
    document.add_table(table(rows))
    chunks = chunk(document, *sizes).chunks
    lines = [line for one in chunks for line in one.text.split("\n")]
    assert all(one.text.startswith("Name | Value\n") for one in chunks)
    assert [line for line in lines if line != "Name | Value"] == [row_text(row) for row in rows[1:]]
    assert {one.kind for one in chunks} == {"table"}


def test_a_row_over_the_budget_is_cut_between_cells_then_inside_them_below_its_header() -> None:
    document = DoclingDocument(name="table")
    document.add_table(table([["A", "B", "C"], ["short", LOREM * 3, LOREM * 30]]))
    chunks = chunk(document).chunks
    assert len(chunks) > 2
    assert all(one.text.startswith("A | B | C\n") for one in chunks)
    assert chunks[0].text == f"A | B | C\nshort | {LOREM.strip()} {LOREM.strip()} {LOREM.strip()} |" + chunks[0].text.split("|")[-1]
    assert visible("".join(one.text.removeprefix("A | B | C\n") for one in chunks)) == visible(f"short | {LOREM * 3} | {LOREM * 30}")


def test_a_header_of_more_than_a_third_of_the_budget_stands_once() -> None:
    document = DoclingDocument(name="table")
    document.add_table(table([["heading " * 50, "other " * 50], *([f"r{number}", LOREM] for number in range(30))]))
    chunks = chunk(document).chunks
    assert len(chunks) > 2
    assert sum("heading" in one.text for one in chunks) == 1
    assert all(len(line.split(" | ")) == 2 for one in chunks for line in one.text.split("\n"))


def test_small_tables_under_one_heading_share_a_chunk() -> None:
    document = DoclingDocument(name="tables")
    document.add_table(table([["A"], ["1"]]))
    document.add_table(table([["B"], ["2"]]))
    assert [one.text for one in chunk(document).chunks] == ["A\n1\nB\n2"]


def test_a_cut_paragraph_repeats_its_end_from_a_sentence_on() -> None:
    chunks = chunk(paragraphs(LOREM * 60)).chunks
    assert len(chunks) > 3
    for before, after in pairwise(chunks):
        repeated = after.text[: after.overlap]
        assert before.text.endswith(repeated)
        assert repeated.startswith("The committee")
        assert 25 <= len(tokenizer().encode(repeated, add_special_tokens=False).ids) <= 50
    assert chunks[0].overlap == 0
    assert " ".join(one.text[one.overlap :].strip() for one in chunks) == (LOREM * 60).strip()


def test_nothing_is_repeated_across_a_heading_or_a_table() -> None:
    document = paragraphs(LOREM * 10)
    document.add_table(table([["A"], ["1"]]))
    document.add_text(DocItemLabel.TEXT, LOREM)
    document.add_heading("Next")
    document.add_text(DocItemLabel.TEXT, LOREM)
    assert [(one.kind, one.overlap) for one in chunk(document).chunks] == [("text", 0), ("table", 0), ("text", 0), ("text", 0)]


def test_short_neighbours_are_merged_under_their_heading_only() -> None:
    document = paragraphs("One.", "Two.")
    document.add_heading("Next")
    document.add_text(DocItemLabel.TEXT, "Three.")
    chunks = chunk(document).chunks
    assert [(one.heading_path, one.text) for one in chunks] == [((), "One.\nTwo."), (("Next",), "Three.")]


def test_a_long_heading_path_gives_way_from_outside_and_loses_nothing() -> None:
    document = DoclingDocument(name="deep")
    for level in range(1, 6):
        document.add_heading(f"Level {level} " + f"outline{level} " * 12, level=level)
    document.add_text(DocItemLabel.TEXT, "The text.")
    chunks = chunk(document).chunks
    paths = {one.heading_path for one in chunks}
    assert len(paths) == 1
    assert next(iter(paths))[-1].startswith("Level 5")
    assert len(tokenizer().encode("\n".join(next(iter(paths))), add_special_tokens=False).ids) <= 254 // 3
    assert all(any(f"Level {level}" in one.embedding_text for one in chunks) for level in range(1, 6))


def test_headings_without_text_are_content() -> None:
    document = DoclingDocument(name="agenda")
    document.add_heading("Agenda", level=1)
    for name in ("Opening", "Budget", "Close"):
        document.add_heading(name, level=2)
    assert [(one.heading_path, one.text) for one in chunk(document).chunks] == [(("Agenda",), "Opening\nBudget\nClose")]


@pytest.mark.parametrize("text", ["", " \n\t ", "\x00\x01", "\ue000" * 50])
def test_a_document_without_visible_text_has_no_chunks(text: str) -> None:
    assert chunk(paragraphs(text)).chunks == ()


def test_an_empty_document_has_no_chunks() -> None:
    assert chunk(DoclingDocument(name="empty")) == ChunkedDocument(title="", chunks=())


@pytest.mark.parametrize("sign", ["a", "漢", "👩", ".", "(", "-", "ﷺ"])
def test_one_character_repeated_is_cut_into_bounded_chunks(sign: str) -> None:
    chunks = chunk(paragraphs("x" + sign * 100_000)).chunks
    assert "".join(one.text[one.overlap :] for one in chunks) == "x" + sign * 100_000
    assert max(len(one.text) for one in chunks) <= 254 * 16 + 1


def test_code_is_kept_verbatim() -> None:
    code = "    def total(rows):\n        return sum(\n            row.value  for row in rows)"
    document = DoclingDocument(name="code")
    document.add_code(code)
    assert chunk(document).chunks[0].text == code
    document = DoclingDocument(name="code")
    document.add_code("\n".join([code] * 40))
    chunks = chunk(document).chunks
    assert len(chunks) > 2
    assert "\n".join(one.text[one.overlap :].removeprefix("\n") for one in chunks) == "\n".join([code] * 40)


def test_a_tokenizer_whose_tokens_cross_words_is_held_to_the_budget_too() -> None:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trained.decoder = decoders.ByteLevel()
    trained.train_from_iterator([LOREM * 5], trainers.BpeTrainer(vocab_size=400, show_progress=False))
    document, pages = report()
    document.add_text(DocItemLabel.TEXT, "Unseen words, число 漢字, " * 200)
    chunked = Chunker(trained, 40, 10).chunk(ParsedDocument(document, pages))
    for one in chunked.chunks:
        assert one.tokens == len(trained.encode(one.embedding_text, add_special_tokens=False).ids) <= 40
    assert joined(chunked).count("число") == 200


def test_fits_the_window_of_the_model_with_its_special_tokens() -> None:
    model = minilm()
    chunks = chunk(paragraphs("unbelievably hyperventilating " * 2_000), model.window - model.special_tokens).chunks
    assert max(len(model.tokenizer().encode(one.embedding_text).ids) for one in chunks) <= model.window


def test_golden_report() -> None:
    document, pages = report()
    made = json.loads(chunk(document, pages=pages).to_bytes())
    assert made == json.loads(GOLDEN.read_text(encoding="utf-8"))
