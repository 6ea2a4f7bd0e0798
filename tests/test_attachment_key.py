"""The names of attachments: safe, apart from all object keys, and with the way back to the document they came in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe.attachment_key import LONGEST_NAME, SEPARATOR, attachment_key, depth, parent_object_key, safe_name
from docpipe.bucket.object_key import check_object_key
from docpipe.errors import DocumentRefused
from docpipe.partition_key import partition_key

_names = st.text(max_size=300)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("offer.pdf", "offer.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\temp\\a.doc", "C_temp_a.doc"),
        ("größe 文書.pdf", "größe 文書.pdf"),
        ("a\r\nb\tc.txt", "a b c.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("", "attachment"),
        (" .. ", "attachment"),
        ("x" * 300 + ".pdf", "x" * (LONGEST_NAME - 4) + ".pdf"),
        ("x" * 300 + "." + "y" * 300, "x" * LONGEST_NAME),
        ("\ud800.pdf", "pdf"),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(_names, _names, st.integers(1, 2_000))
def test_the_key_leads_back_to_the_parent_and_fits(parent: str, name: str, number: int) -> None:
    key = attachment_key(parent, number, name)
    assert parent_object_key(key) == parent
    assert len(key.encode("utf-8", "surrogatepass")) <= len(parent.encode("utf-8", "surrogatepass")) + LONGEST_NAME + 8
    own = key.removeprefix(parent + SEPARATOR)
    own.encode()
    assert "/" not in own
    assert not any(unicodedata.category(character)[0] == "C" for character in own)


def test_a_mail_in_a_mail() -> None:
    key = attachment_key(attachment_key("in box/a!.eml", 1, "b.eml"), 12, "c.pdf")
    assert key == "in box/a!.eml!//01-b.eml!//12-c.pdf"
    assert (depth(key), depth("in box/a!.eml")) == (2, 0)
    assert parent_object_key("in box!/a.eml") == ""


def test_no_object_of_a_bucket_can_have_such_a_key() -> None:
    with pytest.raises(DocumentRefused, match="attachments"):
        check_object_key(attachment_key("a.eml", 1, "b.pdf"))
    check_object_key("a.eml!/01-b.pdf")


def test_two_attachments_have_two_partition_keys() -> None:
    keys = [attachment_key("a.eml", number, "b.pdf") for number in (1, 2)] + [attachment_key("a.eml_", 1, "b.pdf")]
    assert len({partition_key(key) for key in keys}) == 3
