from __future__ import annotations

from docpipe.fingerprint import Recipe, differences, fingerprint

RECIPE = Recipe("chunks", "1", {"max_tokens": 254, "overlap": 50}, {"minilm": "abc"})


def test_same_ingredients_same_fingerprint_whatever_their_order() -> None:
    again = Recipe("chunks", "1", {"overlap": 50, "max_tokens": 254}, {"minilm": "abc"})
    assert fingerprint(RECIPE, ["in"]) == fingerprint(again, ["in"])


def test_every_ingredient_changes_the_fingerprint() -> None:
    others = [
        Recipe("embeddings", "1", RECIPE.parameters, RECIPE.models),
        Recipe("chunks", "2", RECIPE.parameters, RECIPE.models),
        Recipe("chunks", "1", {"max_tokens": 253, "overlap": 50}, RECIPE.models),
        Recipe("chunks", "1", RECIPE.parameters, {"minilm": "abd"}),
    ]
    prints = {fingerprint(recipe, ["in"]) for recipe in [RECIPE, *others]} | {
        fingerprint(RECIPE, ["other"]),
        fingerprint(RECIPE, ["in", "in"]),
    }
    assert len(prints) == 7


def test_inputs_do_not_run_together() -> None:
    assert fingerprint(RECIPE, ["ab", "c"]) != fingerprint(RECIPE, ["a", "bc"])


def test_differences_name_what_changed() -> None:
    new = Recipe("chunks", "2", {"max_tokens": 200, "overlap": 50}, {"other": "abc"})
    assert differences(RECIPE.text, new.text) == (
        "code_version 1 -> 2",
        "max_tokens 254 -> 200",
        "minilm abc -> unset",
        "other unset -> abc",
    )
    assert differences(RECIPE.text, RECIPE.text) == ()
