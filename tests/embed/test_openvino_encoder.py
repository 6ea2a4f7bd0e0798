from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.embed.model import find_model
from docpipe.embed.openvino_encoder import GRAPH_FILE, OpenvinoEncoder, graph_folder
from docpipe.errors import ModelMissing
from docpipe.settings import Settings

MakeSettings = Callable[..., Settings]

PROGRAM = """
import sys
from docpipe.settings import load_settings
from docpipe.embed.embedder import open_embedder
made = open_embedder(load_settings(home=sys.argv[1], embedder=sys.argv[2], embed_backend="openvino", _env_file=None)).embed(["some text"])
print(made.shape)
"""


def test_two_processes_may_convert_at_once(settings: MakeSettings, tiny: Path) -> None:
    home = settings().home
    command = [sys.executable, "-c", PROGRAM, str(home), str(tiny)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        output, errors = process.communicate(timeout=240)
        assert (process.returncode, output) == (0, "(1, 32)\n"), errors
    assert [path.name for path in (home / "models").iterdir()] == [
        graph_folder(find_model(settings(embedder=str(tiny))), home / "models").name
    ]


def test_a_model_that_cannot_be_converted_leaves_nothing_behind(settings: MakeSettings, tiny: Path) -> None:
    (tiny / "model.safetensors").write_bytes(b"not weights")
    models = settings().home / "models"
    with pytest.raises(ModelMissing, match="DOCPIPE_EMBED_BACKEND=torch"):
        OpenvinoEncoder(find_model(settings(embedder=str(tiny))), models)
    assert list(models.iterdir()) == []


def test_a_damaged_graph_says_what_to_delete(settings: MakeSettings, tiny: Path) -> None:
    model, models = find_model(settings(embedder=str(tiny))), settings().home / "models"
    folder = graph_folder(model, models)
    folder.mkdir(parents=True)
    (folder / GRAPH_FILE).write_text("<net")
    with pytest.raises(ModelMissing, match=f"delete {folder}"):
        OpenvinoEncoder(model, models)


def test_a_folder_that_cannot_be_written_is_named(settings: MakeSettings, tiny: Path) -> None:
    models = settings().home / "models"
    models.parent.mkdir()
    models.write_text("a file where the folder should be")
    with pytest.raises(ModelMissing, match="cannot be written"):
        OpenvinoEncoder(find_model(settings(embedder=str(tiny))), models)
