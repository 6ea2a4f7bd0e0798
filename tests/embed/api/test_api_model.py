from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.embed.api.api_model import sent_dimension
from docpipe.embed.model import find_model
from docpipe.errors import ConfigurationError, DocpipeError, ModelMissing
from docpipe.settings import Settings

MakeSettings = Callable[..., Settings]


@pytest.mark.parametrize(
    ("name", "dimension"), [("text-embedding-3-small", 1_536), ("text-embedding-3-large", 3_072), ("text-embedding-ada-002", 1_536)]
)
def test_openai_s_models_are_known(settings: MakeSettings, name: str, dimension: int) -> None:
    made = settings(embedder=f"openai:{name}")
    model = find_model(made)
    assert (model.name, model.dimension, model.window, model.folder) == (name, dimension, 8_191, None)
    assert sent_dimension(made, model) is None
    assert model.tokenizer().encode("two words").ids
    assert model.room("query: ") < 8_191 - model.special_tokens


def test_a_shorter_vector_is_asked_for(settings: MakeSettings) -> None:
    made = settings(embedder="openai:text-embedding-3-large", embed_dimension=256)
    assert find_model(made).dimension == sent_dimension(made, find_model(made)) == 256
    whole = settings(embedder="openai:text-embedding-3-large", embed_dimension=3_072)
    assert sent_dimension(whole, find_model(whole)) is None


@pytest.mark.parametrize(
    ("overrides", "kind", "message"),
    [
        ({"embedder": "openai:"}, ConfigurationError, "names no model"),
        ({"embedder": "openai:mine"}, ConfigurationError, "set DOCPIPE_EMBED_DIMENSION"),
        ({"embedder": "openai:text-embedding-3-small", "embed_dimension": 3_072}, ConfigurationError, "only be shortened"),
        ({"embedder": "openai:text-embedding-ada-002", "embed_dimension": 256}, ConfigurationError, "cannot be shortened"),
        ({"embedder": "openai:mine", "embed_dimension": 8, "embed_tokenizer": "/nowhere"}, ModelMissing, "DOCPIPE_EMBED_TOKENIZER"),
        ({"embedder": "openai:mine", "embed_dimension": 8, "embed_tokenizer": __file__}, ModelMissing, "is not a tokenizer"),
    ],
    ids=["no name", "no dimension", "too long", "not to be shortened", "no tokenizer", "no tokenizer file"],
)
def test_what_cannot_be_says_what_to_set(
    settings: MakeSettings, overrides: dict[str, object], kind: type[DocpipeError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        find_model(settings(**overrides))


def test_what_decides_a_vector_decides_the_hash(settings: MakeSettings) -> None:
    made = [
        find_model(settings(embedder="openai:mine", embed_dimension=8)),
        find_model(settings(embedder="openai:mine", embed_dimension=9)),
        find_model(settings(embedder="openai:yours", embed_dimension=8)),
        find_model(settings(embedder="openai:mine", embed_dimension=8, embed_passage_prompt="passage: ")),
    ]
    assert len({model.sha256 for model in made}) == 4
    assert made[3].passage_prompt == "passage: "
    other = find_model(settings(embedder="openai:mine", embed_dimension=8, embed_url="http://proxy/v1", embed_query_prompt="query: "))
    assert other.sha256 == made[0].sha256


def test_its_own_tokenizer_counts(settings: MakeSettings, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    shutil.copy(find_model(settings()).tokenizer_file, path)
    model = find_model(settings(embedder="openai:mine", embed_dimension=8, embed_tokenizer=str(path), embed_window=512))
    assert (model.tokenizer_file, model.window, model.special_tokens) == (path, 512, 2)
