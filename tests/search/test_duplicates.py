from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe.search.duplicates import SAME, collapse, said
from docpipe.search.hit import Hit

TEXT = (
    "Switch the pump off and wait until the pressure has fallen to 2 bar before the cover is opened; the valve K-4711 is "
    "closed by hand, and the seal is looked at, cleaned with a dry cloth and put back. A damaged seal is replaced at once."
)
WORDS = tuple(letter * 5 for letter in "abcdefghijklmnopqr")


def hit(key: str, text: str, chunk: int = 0) -> Hit:
    return Hit(key, f"{key}.pdf", 1, chunk, 0.5, text, (), (3,), (), "text", "en", "", "", 1.0)


def similarity(one: str, other: str) -> float:
    return said(one).similarity(said(other))


@pytest.mark.parametrize(
    "other",
    [
        TEXT,
        TEXT.upper(),
        TEXT.replace(" ", "\n"),
        TEXT.replace("off", "oﬀ"),
        TEXT.replace("cleaned", "c1eaned".replace("1", "i")),
        TEXT.replace("dry", "clean"),
        f"{TEXT} Then go on.",
    ],
    ids=["itself", "capitals", "broken lines", "ligature", "a wrong letter", "another word", "a few words more"],
)
def test_the_same_in_other_words_is_the_same(other: str) -> None:
    kept = collapse([hit("a", TEXT), hit("b", other)])
    assert [(one.key, [twin.key for twin in one.duplicates]) for one in kept] == [("a", ["b"])]
    assert SAME <= kept[0].duplicates[0].similarity <= 1


@pytest.mark.parametrize(
    "other",
    [
        TEXT.replace("2 bar", "3 bar"),
        TEXT.replace("K-4711", "K-4712"),
        TEXT.replace("K-4711", "K-٤٧١١"),
        TEXT[: len(TEXT) // 2],
        TEXT[::-1],
        "",
    ],
    ids=["another amount", "another part", "digits of another script", "half of it", "backwards", "nothing"],
)
def test_what_differs_in_a_number_or_in_much_is_something_else(other: str) -> None:
    hits = [hit("a", TEXT), hit("b", other)]
    assert collapse(hits) == hits


@pytest.mark.parametrize("text", ["水泵在打开盖子之前必须关闭。阀门用手关闭。", "ปิดปั๊มก่อนเปิดฝาครอบ", "Да.", "😀", "?!", "", "\udce9"])
def test_every_script_has_shingles(text: str) -> None:
    kept = collapse([hit("a", text), hit("b", f" {text}\n")])
    assert [one.key for one in kept] == (["a"] if text else ["a", "b"])


def test_the_best_one_stays_and_names_the_others_in_their_order() -> None:
    other = "Let the dough rise for two hours in a warm place."
    kept = collapse([hit("b", TEXT), hit("dough", other), hit("a", TEXT.upper(), 7), hit("c", TEXT)])
    assert [one.key for one in kept] == ["b", "dough"]
    twin, last = kept[0].duplicates
    assert (twin.key, twin.object_key, twin.generation, twin.chunk, twin.pages, twin.similarity) == ("a", "a.pdf", 1, 7, (3,), 1.0)
    assert last.key == "c"
    assert kept[1].duplicates == ()


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join), max_size=12))
def test_no_two_that_are_kept_say_the_same_and_none_is_lost(texts: list[str]) -> None:
    hits = [hit(str(number), text) for number, text in enumerate(texts)]
    kept = collapse(hits)
    assert sorted([one.key for one in kept] + [twin.key for one in kept for twin in one.duplicates]) == sorted(one.key for one in hits)
    for place, one in enumerate(kept):
        assert replace(one, duplicates=()) == hits[int(one.key)]
        assert all(similarity(one.text, other.text) < SAME for other in kept[:place])
        assert all(similarity(one.text, texts[int(twin.key)]) == twin.similarity >= SAME for twin in one.duplicates)


def test_a_crowd_of_passages_of_the_same_few_words_is_no_trouble() -> None:
    words = random.Random(0)
    hits = [hit(str(number), " ".join(words.choices(WORDS, k=60))) for number in range(2_000)]
    kept = collapse([*hits, *hits])
    assert [one.key for one in kept] == [one.key for one in hits]
    assert all([twin.key for twin in one.duplicates] == [one.key] for one in kept)
