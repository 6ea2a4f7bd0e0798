from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docpipe.enrich.amounts import decimal
from docpipe.enrich.findings import find

GOLDEN = [
    # dates
    ("Due on 2024-03-12.", "date", "2024-03-12", "2024-03-12"),
    ("12 March 2024", "date", "12 March 2024", "2024-03-12"),
    ("on the 3rd of June 1999,", "date", "3rd of June 1999", "1999-06-03"),
    ("March 12, 2024", "date", "March 12, 2024", "2024-03-12"),
    ("Dec. 31, 2010", "date", "Dec. 31, 2010", "2010-12-31"),
    ("am 12.03.2024 in Köln", "date", "12.03.2024", "2024-03-12"),
    ("am 1. März 2024", "date", "1. März 2024", "2024-03-01"),
    ("le 1er août 2023", "date", "1er août 2023", "2023-08-01"),
    ("el 5 de mayo de 2021", "date", "5 de mayo de 2021", "2021-05-05"),
    ("03/12/2024", "date", "03/12/2024", ""),
    ("25/12/2024", "date", "25/12/2024", "2024-12-25"),
    ("12/25/2024", "date", "12/25/2024", "2024-12-25"),
    ("05/05/2024", "date", "05/05/2024", "2024-05-05"),
    ("2024年3月12日", "date", "2024年3月12日", "2024-03-12"),
    ("since September 2019", "date", "September 2019", "2019-09"),
    # money and shares
    ("EUR 1,200.50", "amount", "EUR 1,200.50", "EUR 1200.50"),
    ("1.200,50 €", "amount", "1.200,50 €", "EUR 1200.50"),
    ("$3", "amount", "$3", "USD 3.00"),
    ("US$ 1.5 million", "amount", "US$ 1.5 million", "USD 1500000.00"),
    ("CHF 12'500.00", "amount", "CHF 12'500.00", "CHF 12500.00"),
    ("1 234 567,8 €", "amount", "1 234 567,8 €", "EUR 1234567.80"),
    ("-£20", "amount", "-£20", "GBP -20.00"),
    ("¥10,000", "amount", "¥10,000", "JPY 10000.00"),
    ("rose 4.50 % in", "percentage", "4.50 %", "4.5%"),
    ("um −12,5 Prozent", "percentage", "−12,5 Prozent", "-12.5%"),
    # names of things
    ("Write to anna.o+x@Example.CO.uk.", "email", "anna.o+x@Example.CO.uk", "anna.o+x@example.co.uk"),
    ("(see https://a.example/b_(c)?d=1).", "url", "https://a.example/b_(c)?d=1", "https://a.example/b_(c)?d=1"),
    ("www.example.org/x, and", "url", "www.example.org/x", "http://www.example.org/x"),
    ("IBAN DE89 3704 0044 0532 0130 00 BIC", "iban", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
    ("BE68539007547034 END", "iban", "BE68539007547034", "BE68539007547034"),
    ("card 4111 1111 1111 1234 no, 4111-1111-1111-1111", "card", "4111-****-****-1111", ""),
    ("host 192.168.0.1.", "ip", "192.168.0.1", "192.168.0.1"),
    ("at 2001:DB8::1 now", "ip", "2001:DB8::1", "2001:db8::1"),
    ("call +49 (0)30 1234-567", "phone", "+49 (0)30 1234-567", "+49301234567"),
    ("call (212) 555-0123", "phone", "(212) 555-0123", ""),
    ("Tel. 030 1234567", "phone", "030 1234567", ""),
]


@pytest.mark.parametrize(("text", "kind", "shown", "value"), GOLDEN)
def test_golden(text: str, kind: str, shown: str, value: str) -> None:
    found = [(one.kind, one.text, one.value) for one in find(text)]
    assert found == [(kind, shown, value)]


@pytest.mark.parametrize(
    "text",
    [
        "31.02.2024",
        "2024-13-01",
        "DE89 3704 0044 0532 0130 01",
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "999.1.1.1",
        "version 1.2.3",
        "12:30:45",
        "std::vector",
        "a@b",
        "..@example.org",
        "http://localhost",
        "page 3 of 12",
        "",
        "🎉" * 100,
    ],
)
def test_what_only_looks_like_it_is_not_found(text: str) -> None:
    assert find(text) == ()


def test_a_card_is_never_shown_whole() -> None:
    found = find("Visa 4111111111111111 thanks")
    assert [one.text for one in found] == ["4111********1111"]
    assert "4111111111111111" not in repr(found)


def test_findings_stand_in_order_do_not_overlap_and_say_where() -> None:
    text = "2024-03-12: EUR 5 to a@example.org, then 7% on 1 May 2024."
    found = find(text)
    assert [one.kind for one in found] == ["date", "amount", "email", "percentage", "date"]
    assert [text[one.start :][: len(one.text)] for one in found] == [one.text for one in found]


def test_what_ends_in_the_repeated_text_is_left_to_the_chunk_before() -> None:
    text = "EUR 5 and EUR 6 and EUR 7"
    assert [one.text for one in find(text, len("EUR 5 and"))] == ["EUR 6", "EUR 7"]
    assert [one.text for one in find(text, len("EUR 5 and EUR"))] == ["EUR 6", "EUR 7"]


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "1.", "12,", "+1", "a@", "a.", "http://)", "www.", "AA00", "::", "1 march ", "(0", "EUR", "$", "1/1/", ":1", "-", "١"],
)
def test_runs_that_invite_backtracking_end(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert all(text.startswith(one.text[:4], one.start) for one in find(text))


def test_a_megabyte_of_adversarial_text_ends() -> None:
    pieces = ["1 ", "a@", "a.", "http://)", "AA00 ", "::", "1 march ", "+1(", "EUR1,", "1/1/", "-"]
    text = "".join(piece * (90_000 // len(piece)) for piece in pieces)
    assert all(text.startswith(one.text[:4], one.start) for one in find(text))


@settings(deadline=None, max_examples=100)
@given(st.text(st.one_of(st.sampled_from("0123456789.,-/:@+ ()€$%AEURmay"), st.characters(exclude_categories=["Cs"])), max_size=300))
def test_any_text_gives_findings_that_lie_in_it(text: str) -> None:
    end = 0
    for one in find(text):
        assert one.start >= end
        end = one.start + len(one.text)
        assert end <= len(text)
        assert one.kind == "card" or text[one.start : end] == one.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1,234.50", "1234.50"), ("1.234,5", "1234.5"), ("1.200", "1200"), ("12,5", "12.5"), ("7", "7"), ("1 000 000", "1000000")],
)
def test_decimal(text: str, expected: str) -> None:
    assert str(decimal(text)) == expected
