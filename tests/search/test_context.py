from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from docpipe.errors import ConfigurationError, QueryInvalid
from docpipe.index import IndexReader, Passage, open_reader
from docpipe.search.context import Around, Context, contexts
from docpipe.settings import Settings
from tests.chunk.documents import chunk, paragraphs
from tests.search.passages import entry, passage, store

SECTION = Around(section=True)
LONG = " ".join(f"Sentence {number} speaks of the matter at some length, for it has to." for number in range(100))


@dataclass(frozen=True)
class Place:
    key: str
    chunk: int = 0
    generation: int = 2


def sections(*sizes: int) -> list[Passage]:
    """One-word passages, so many under each heading."""
    numbers = [number for number, size in enumerate(sizes) for _ in range(size)]
    return [passage(f"word{chunk}", chunk, heading_path=[f"H{number}"], pages=[number]) for chunk, number in enumerate(numbers)]


def chunked(overlap: int) -> list[Passage]:
    chunks = chunk(paragraphs(LONG, "The end."), 60, overlap).chunks
    assert (sum(one.overlap > 0 for one in chunks) > 10) == (overlap > 0)
    return [passage(one.text, one.index, overlap=one.overlap, heading_path=[]) for one in chunks]


OVERLAPS = (0, 5, 25)
DOCUMENTS = {
    "two": sections(2, 4),
    "three": sections(2, 3, 1),
    "long": sections(2, 60, 2),
    "wrong": [passage("word0", 0), passage("word1", 1, overlap=4)],
    "foreign": [passage("word0", 0), Passage(1, "word1", {})],
} | {f"overlap {overlap}": chunked(overlap) for overlap in OVERLAPS}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexReader]:
    made = Settings(home=tmp_path_factory.mktemp("context"), _env_file=None)  # type: ignore[call-arg]
    store(made, [entry(made, key, passages) for key, passages in DOCUMENTS.items()])
    with open_reader(made) as reader:
        yield reader


def context(index: IndexReader, around: Around, key: str, number: int) -> Context:
    (found,) = contexts(index, [Place(key, number)], around)
    assert found
    assert found.text[found.start : found.end] == DOCUMENTS[key][number].text
    return found


def test_neighbours_stand_around_a_passage(index: IndexReader) -> None:
    found = context(index, Around(neighbours=1), "two", 3)
    assert (found.text, found.first, found.last, found.pages) == ("word2\nword3\nword4", 2, 4, (1,))
    across = context(index, Around(neighbours=2), "two", 1)
    assert (across.text, across.pages) == ("word0\nword1\n\nword2\nword3", (0, 1))
    assert context(index, Around(neighbours=20), "two", 0).last == 5
    assert not across.cut


def test_a_section_ends_where_the_headings_change(index: IndexReader) -> None:
    texts = [context(index, SECTION, "three", number).text for number in (0, 3, 5)]
    assert texts == ["word0\nword1", "word2\nword3\nword4", "word5"]


@pytest.mark.parametrize("number", [2, 30, 61])
def test_a_section_of_any_number_of_chunks_is_found_whole(index: IndexReader, number: int) -> None:
    found = context(index, SECTION, "long", number)
    assert (found.first, found.last, found.cut) == (2, 61, False)


def test_a_long_section_is_cut_evenly_around_the_passage_and_says_so(index: IndexReader) -> None:
    found = context(index, Around(section=True, longest=40), "long", 30)
    assert (found.first, found.last, found.cut) == (28, 33, True)
    assert len(found.text.replace("\n", "")) <= 40


def test_a_passage_over_the_bound_is_whole(index: IndexReader) -> None:
    found = context(index, Around(section=True, longest=1), "long", 3)
    assert (found.text, found.cut) == ("word3", True)


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_what_chunks_repeat_stands_once(index: IndexReader, overlap: int) -> None:
    key = f"overlap {overlap}"
    for number in (0, len(DOCUMENTS[key]) // 2, len(DOCUMENTS[key]) - 1):
        found = context(index, Around(section=True, longest=100_000), key, number)
        # Without an overlap it is not known what stood between two chunks.
        assert " ".join(found.text.split()) == f"{LONG} The end."
        assert overlap == 0 or found.text == f"{LONG}\nThe end."


def test_an_overlap_that_is_none_takes_nothing_away(index: IndexReader) -> None:
    assert context(index, SECTION, "wrong", 1).text == "word0\nword1"


def test_many_passages_at_once_and_one_of_a_generation_that_is_gone(index: IndexReader) -> None:
    wanted = [Place("two", 2), Place("two", generation=1), Place("three"), Place("gone"), Place("three")]
    found = contexts(index, wanted, Around(neighbours=1))
    assert [one.text if one else None for one in found] == ["word1\n\nword2\nword3", None, "word0\nword1", None, "word0\nword1"]
    assert contexts(index, [], SECTION) == []


@pytest.mark.parametrize(("neighbours", "section", "longest"), [(-1, False, 10), (21, False, 10), (1, True, 10), (0, True, 0)])
def test_what_cannot_be_shown_is_said_at_once(neighbours: int, section: bool, longest: int) -> None:
    with pytest.raises(QueryInvalid, match="ask for"):
        Around(neighbours, section, longest)


def test_points_of_someone_else_are_named(index: IndexReader) -> None:
    with pytest.raises(ConfigurationError, match="DOCPIPE_COLLECTION"):
        contexts(index, [Place("foreign")], SECTION)
