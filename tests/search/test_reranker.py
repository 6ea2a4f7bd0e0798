from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docpipe.errors import ConfigurationError, ModelMissing
from docpipe.search.reranker import Reranker, open_reranker
from docpipe.settings import Settings
from tests.search.conftest import WINDOW

QUERY = "How long should the dough rest?"
PASSAGES = ["Let the dough rise for two hours.", "Bake it.", "The valve is closed by hand. " * 3, "Kündigungsfrist", "dough " * 20]


def configured(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def weighted(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the weights."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_the_scores_are_the_cross_encoders_own(cross_encoder: Path) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    judged = Reranker(cross_encoder).judge(QUERY, PASSAGES)
    reference = CrossEncoder(str(cross_encoder), local_files_only=True, activation_fn=torch.nn.Identity())
    wanted = reference.predict([(QUERY, passage) for passage in PASSAGES])
    assert np.ptp(wanted) > 0.1
    np.testing.assert_allclose(judged.scores, wanted, atol=0.1 * np.ptp(wanted))


def test_a_score_does_not_depend_on_the_passages_beside_it(cross_encoder: Path) -> None:
    reranker = Reranker(cross_encoder)
    together = reranker.judge(QUERY, PASSAGES * 8).scores
    alone = [reranker.judge(QUERY, [passage]).scores[0] for passage in PASSAGES]
    np.testing.assert_allclose(together, alone * 8, atol=0.1 * np.ptp(alone))


def test_what_is_longer_than_the_window_says_so(cross_encoder: Path) -> None:
    reranker = Reranker(cross_encoder)
    tokenizer = reranker._encoder.tokenizer
    special, asked = 3, len(tokenizer(QUERY, add_special_tokens=False)["input_ids"])
    fits = "word " * (WINDOW - special - asked)
    judged = reranker.judge(QUERY, ["short", fits, f"{fits} more", "x " * 20_000])
    assert reranker.window == WINDOW
    assert judged.cut == (False, False, True, True)
    assert np.isfinite(judged.scores).all()


@pytest.mark.parametrize("text", ["", " ", "😀", "语言", "नमस्ते", "\u0378\U0001f9ff", "[SEP] [CLS]"])
def test_odd_passages_get_a_score(cross_encoder_master: Path, text: str) -> None:
    assert np.isfinite(Reranker(cross_encoder_master).judge(text, [text, "dough"]).scores).all()


def test_nothing_to_judge_is_no_trouble(cross_encoder_master: Path) -> None:
    assert len(Reranker(cross_encoder_master).judge(QUERY, []).scores) == 0


def test_threads_take_turns(cross_encoder_master: Path) -> None:
    reranker = Reranker(cross_encoder_master)
    wanted = reranker.judge(QUERY, PASSAGES).scores.tolist()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: reranker.judge(QUERY, PASSAGES).scores.tolist(), range(12)))
    assert found == [wanted] * 12


def test_it_is_loaded_once_a_process(settings: Callable[..., Settings], cross_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_reranker(settings()) is None
    opened = open_reranker(settings(reranker=str(cross_encoder)))
    monkeypatch.chdir(cross_encoder.parent)
    assert opened is open_reranker(settings(reranker=cross_encoder.name))


def _two_labels(folder: Path) -> None:
    import torch

    configured(folder, id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1})
    weighted(folder, lambda weights: weights.update({"classifier.weight": torch.zeros(2, 32), "classifier.bias": torch.zeros(2)}))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda folder: folder.rename(folder.with_name("elsewhere")), "no folder"),
    "no configuration": (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is missing"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
    "pickled weights": (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "model.safetensors is missing"),
    "weights cut": (lambda folder: os.truncate(folder / "model.safetensors", 10_000), "cannot be loaded"),
    "no JSON": (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
    "unknown kind": (lambda folder: configured(folder, model_type="unheard of"), "cannot be loaded"),
    "tokenizer damaged": (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be loaded"),
    "another size": (lambda folder: configured(folder, hidden_size=64), "cannot be loaded"),
    "an encoder": (lambda folder: weighted(folder, lambda weights: weights.pop("classifier.weight")), "lack classifier.weight"),
    "two labels": (_two_labels, "gives 2 scores"),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_a_folder_that_cannot_be_used_says_what_to_do(settings: Callable[..., Settings], cross_encoder: Path, damage: str) -> None:
    harm, reason = DAMAGES[damage]
    harm(cross_encoder)
    with pytest.raises(ModelMissing, match=reason) as raised:
        open_reranker(settings(reranker=str(cross_encoder)))
    assert "DOCPIPE_RERANKER" in str(raised.value)


def test_scores_that_are_no_numbers_are_an_error(cross_encoder: Path) -> None:
    weighted(cross_encoder, lambda weights: weights["classifier.bias"].fill_(float("nan")))
    with pytest.raises(ConfigurationError, match="not finite"):
        Reranker(cross_encoder).judge(QUERY, PASSAGES)


def test_no_code_of_the_folder_is_run(cross_encoder: Path) -> None:
    (cross_encoder / "own.py").write_text(f"open({str(cross_encoder / 'ran')!r}, 'w')\nclass Model: ...\n")
    own = {"auto_map": {"AutoConfig": "own.Model", "AutoModelForSequenceClassification": "own.Model"}}
    configured(cross_encoder, **own, sentence_transformers={"activation_fn": "torch.os.getcwd"})
    assert np.isfinite(Reranker(cross_encoder).judge(QUERY, PASSAGES).scores).all()
    assert not (cross_encoder / "ran").exists()
