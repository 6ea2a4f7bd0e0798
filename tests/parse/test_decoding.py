from __future__ import annotations

import pytest

from docpipe.parse.decoding import decode, encoding_of

GREEK = "Η θάλασσα είναι ήρεμη σήμερα και τα πλοία περιμένουν στο λιμάνι. " * 20
CYRILLIC = "Корабль стоит у причала и ждёт разгрузки до самого утра. " * 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_exactly(encoding: str) -> None:
    assert decode(GREEK.encode(encoding)) == GREEK


@pytest.mark.parametrize(("text", "encoding"), [(GREEK, "cp1253"), (CYRILLIC, "cp1251"), ("Käse für 5 € – größer\n" * 9, "cp1252")])
def test_old_encodings_are_guessed(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_line_ends_become_one() -> None:
    assert decode(b"a\r\nb\rc\n") == "a\nb\nc\n"


def test_a_character_cut_by_the_sample_is_still_utf8() -> None:
    assert encoding_of("aé".encode()[:2]) == "utf-8"


def test_one_bad_byte_late_in_a_file_does_not_fail_it() -> None:
    assert decode(b"a" * 70_000 + b"\xff").startswith("aaa")


@pytest.mark.parametrize("data", [b"\x00\x01\x02", b"text\x00text", bytes(range(32))])
def test_binary_is_no_text(data: bytes) -> None:
    assert encoding_of(data) is None
