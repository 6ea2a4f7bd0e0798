from __future__ import annotations

import pytest

from docpipe.index.folders import LONGEST_FOLDER, MOST_FOLDERS, folders


@pytest.mark.parametrize(
    ("object_key", "expected"),
    [
        ("q1.pdf", ()),
        ("reports/q1.pdf", ("reports",)),
        ("reports/2024/q1.pdf", ("reports", "reports/2024")),
        ("reports/2024/", ("reports", "reports/2024")),
        ("/reports//2024/q1.pdf", ("reports", "reports/2024")),
        ("mail/in.eml!//01-offer.pdf", ("mail",)),
        ("mail/in.eml!//02-inner.eml!//01-a.pdf", ("mail",)),
        ("in.eml!//01-offer.pdf", ()),
        ("ä/日本/x", ("ä", "ä/日本")),
        ("", ()),
    ],
)
def test_every_folder_is_a_tag(object_key: str, expected: tuple[str, ...]) -> None:
    assert folders(object_key) == expected


def test_deep_and_long_folders_are_bounded() -> None:
    deep = folders("a/" * 400 + "x")
    assert len(deep) == MOST_FOLDERS
    assert deep[0] == "a"
    assert folders("a/" + "b" * LONGEST_FOLDER + "/c/x") == ("a",)
