import json
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.documents import make_tiny_documents
from benchmarks.peers.ours import Ours
from benchmarks.peers.ours_local import OursLocal
from benchmarks.peers.peer import CHUNKS, CHUNKS_FILE, FILES, HOME, PDF_FOLDER, Job
from benchmarks.peers.prepare import prepare_chunks, prepare_files, prepare_model
from docpipe.embed.model import find_model
from docpipe.settings import load_settings


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chunks of three notes, and two PDFs to be read."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare_model(folder / "chunks" / HOME)
    prepare_model(folder / "files" / HOME)
    notes = make_tiny_documents(folder / "notes", 3)
    assert prepare_chunks(folder / "chunks", 2, notes) == 2
    assert prepare_files(folder / "files", 1, []) == ["document-000000.pdf"]
    return folder


def job(prepared: Path, kind: str, folder: Path) -> Job:
    model = str(find_model(load_settings(home=folder, _env_file=None)).folder)
    return Job("benchmarks.peers.ours", "no ocr", kind, str(prepared / kind), str(folder), model, 254, 50)


def test_whole_documents_are_taken_until_there_are_enough_chunks(prepared: Path) -> None:
    lines = (prepared / "chunks" / CHUNKS_FILE).read_text().splitlines()
    assert len({json.loads(line)["key"] for line in lines}) == 2


@pytest.mark.parametrize("peer", [Ours, OursLocal])
def test_the_chunks_that_everybody_gets_are_those_that_are_stored(prepared: Path, tmp_path: Path, peer: type[Ours | OursLocal]) -> None:
    work = job(prepared, CHUNKS, tmp_path)
    ours = peer(work)
    ours.store()
    stored = {(one.place.file, one.place.page, one.text) for one in ours.stored()}
    assert stored == {(chunk.file, chunk.page, chunk.text) for chunk in work.chunks()}
    # What was prepared serves the next round as well.
    assert asdict(next(work.chunks())) == json.loads((prepared / "chunks" / CHUNKS_FILE).read_text().splitlines()[0])
    assert not list((prepared / "chunks" / HOME).glob("index/*"))


def test_files_become_points_that_are_found(prepared: Path, tmp_path: Path) -> None:
    ours = Ours(job(prepared, FILES, tmp_path))
    ours.store()
    stored = list(ours.stored())
    assert {one.place.file for one in stored} == {path.name for path in (prepared / "files" / PDF_FOLDER).iterdir()}
    wanted = stored[-1]
    assert wanted.place in ours.find(wanted.text[:200], 5)
