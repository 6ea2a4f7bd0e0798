from __future__ import annotations

from pathlib import Path

import pytest

from docpipe.embed.model_prompts import read_prompts

BOTH = {"query": "query: ", "document": "passage: "}


@pytest.mark.parametrize(
    ("prompts", "default", "expected"),
    [
        ({}, None, ("", "")),
        (BOTH, None, ("query: ", "passage: ")),
        ({"query": "query: ", "passage": "passage: "}, None, ("query: ", "passage: ")),
        ({"query": None, "document": "", "passage": "p: ", "corpus": "c: "}, None, ("", "p: ")),
        ({"query": "Instruct: "}, "query", ("Instruct: ", "")),
        ({"passage": "p: "}, "passage", ("", "p: ")),
        ({"represent": "r: "}, "represent", ("r: ", "r: ")),
        ({"represent": "r: ", "query": "q: ", "document": ""}, "represent", ("q: ", "")),
        ({"clustering": "c: "}, None, ("", "")),
    ],
    ids=["none", "both", "passage", "first", "query is the default", "passage is the default", "default", "named wins", "other task"],
)
def test_each_side_gets_its_own_prompt(prompts: dict[str, str | None], default: str | None, expected: tuple[str, str]) -> None:
    assert read_prompts(Path(), {"prompts": prompts, "default_prompt_name": default}) == expected


def test_a_folder_without_the_file_wants_none() -> None:
    assert read_prompts(Path(), {}) == ("", "")
