from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docpipe.partition_key import MAX_CHARACTERS, document_id, partition_key

_object_keys = st.text(min_size=1, max_size=400).filter(lambda key: len(key.encode("utf-8", "surrogatepass")) <= 1024)


@pytest.mark.parametrize(
    "key", ["a", "reports/2024/q1.pdf", "Ü ber/größe.pdf", "文書/報告.pdf", "टिप्पणी.txt", "a_b-c.d", "x" * MAX_CHARACTERS]
)
def test_a_safe_object_key_is_its_own_partition_key(key: str) -> None:
    assert partition_key(key) == key


@pytest.mark.parametrize(
    ("key", "slug"),
    [
        ("../../etc/passwd", "_/_/etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("a//b", "a_b"),
        ("a, b", "a_ b"),
        (" a ", "a"),
        ("a...b", "a_b"),
        ("a\nb\0", "a_b_"),
        ("[a]|'b'\"", "_a___b__"),
        ("a~0", "a_0"),
        ("..", "_"),
        ("/", "_"),
        ("💥.pdf", "_.pdf"),
    ],
)
def test_trouble_becomes_a_slug_and_a_hash(key: str, slug: str) -> None:
    found, _, digest = partition_key(key).rpartition("~")
    assert found == slug
    assert len(digest) == 32


def test_a_long_key_keeps_its_end() -> None:
    assert "/the-name.pdf~" in partition_key("folder/" * 140 + "the-name.pdf")


def test_normal_forms_stay_apart() -> None:
    composed, decomposed = (unicodedata.normalize(form, "größe.pdf") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert partition_key(composed) != partition_key(decomposed)
    long = "é" * 200
    assert partition_key(long) != partition_key(unicodedata.normalize("NFD", long))


@given(_object_keys)
@example("a\ud800")
@example("/" * 1024)
def test_a_partition_key_is_safe_and_stable(object_key: str) -> None:
    key = partition_key(object_key)
    assert key == partition_key(object_key)
    assert 0 < len(key) <= MAX_CHARACTERS
    assert not key.startswith((" ", "/"))
    assert not key.endswith((" ", "/"))
    assert ".." not in key
    assert "//" not in key
    for character in key:
        category = unicodedata.category(character)
        assert category[0] in "LM" or category == "Nd" or character in "._-/ ~"
    assert key == object_key or key.count("~") == 1


@given(st.lists(_object_keys, min_size=2, max_size=20, unique=True))
def test_two_object_keys_never_share_a_partition_key(object_keys: list[str]) -> None:
    assert len({partition_key(key) for key in object_keys}) == len(object_keys)


@given(_object_keys)
def test_a_partition_key_cannot_be_uploaded_to_meet_another(object_key: str) -> None:
    # An attacker who knows the key of a document uploads an object of that very name.
    key = partition_key(object_key)
    assert (partition_key(key) == key) == (key == object_key)


def test_document_id_names_a_folder() -> None:
    # Fixed: artifacts are found by it for as long as they are kept.
    assert document_id("a/b.pdf") == "e06332908d7e55f070620defd247c35a"
    assert document_id("ü") != document_id("u\u0308")
