"""Every sample document, damaged in many ways, through the real workers: an outcome for each, in time, and nothing left behind."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from docpipe.admit import admit, password_pool
from docpipe.errors import PermanentError
from docpipe.models import ObjectInfo, ParsedDocument
from docpipe.parse import formats
from docpipe.parse.stage import ParseStage
from docpipe.settings import load_settings
from docpipe.stage import Item, Lost, Made
from tests.parse.conftest import item

SAMPLES = sorted(path for path in (Path(__file__).parents[2] / "samples" / "documents").rglob("*") if path.is_file())
TYPES = {
    ".pdf": formats.PDF,
    ".png": formats.PNG,
    ".docx": formats.DOCX,
    ".pptx": formats.PPTX,
    ".xlsx": formats.XLSX,
    ".html": formats.HTML,
    ".md": formats.MARKDOWN,
    ".csv": formats.CSV,
    ".eml": formats.EMAIL,
    ".txt": formats.TEXT,
}
ROUNDS = 2
"""Each kind of damage, this many times a file: a minute on one core."""
LONGEST = 240.0
"""Seconds; on a busy machine too."""


def flipped(random_: random.Random, data: bytes) -> bytes:
    """A few bits the other way round."""
    changed = bytearray(data)
    for _ in range(random_.choice((1, 8, 64))):
        changed[random_.randrange(len(changed))] ^= 1 << random_.randrange(8)
    return bytes(changed)


def truncated(random_: random.Random, data: bytes) -> bytes:
    """Cut off, as by an upload that broke."""
    return data[: random_.randrange(len(data))]


def spliced(random_: random.Random, data: bytes) -> bytes:
    """A part of the file written over another part of it."""
    length = random_.randrange(1, max(2, len(data) // 8))
    start, place = random_.randrange(len(data)), random_.randrange(len(data))
    part = data[start : start + length]
    return data[:place] + part + data[place + len(part) :]


def stuffed(random_: random.Random, data: bytes) -> bytes:
    """Something else in the middle: zeros, noise, or numbers that are too large."""
    place = random_.randrange(len(data))
    stuffing = random_.choice((bytes(512), random_.randbytes(512), b"99999999999 " * 40))
    return data[:place] + stuffing + data[place:]


DAMAGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (flipped, truncated, spliced, stuffed)


def damaged_files(folder: Path) -> Iterator[Item]:
    """One file for every damage to every sample, each under the sample's type, which may not be its type any more."""
    for sample in SAMPLES:
        data, media_type = sample.read_bytes(), TYPES.get(sample.suffix)
        if not data or media_type is None:
            continue
        for damage in DAMAGES:
            for number in range(ROUNDS):
                # Seeded by the names, so that a failure can be repeated.
                random_ = random.Random(f"{sample.name} {damage.__name__} {number}")
                path = folder / f"{damage.__name__}-{number}-{sample.name}"
                path.write_bytes(damage(random_, data))
                yield item(path, media_type)


def processes_of_ours() -> set[int]:
    """Children of this process."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
    return found


def test_damaged_samples_get_an_outcome_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = processes_of_ours()
    # OCR sees pixels alone, takes seconds for each, and has tests of its own.
    settings = load_settings(home=tmp_path / "home", _env_file=None, workers=2, task_seconds=60, ocr=False)
    items = list(damaged_files(tmp_path))
    assert len(items) >= 10 * len(DAMAGES) * ROUNDS
    start = time.monotonic()
    outcomes = list(ParseStage(settings).process(items))
    assert time.monotonic() - start < LONGEST
    assert sorted(outcome.key for outcome in outcomes) == sorted(one.document.key for one in items)
    for outcome in outcomes:
        if isinstance(outcome, Lost):
            assert isinstance(outcome.error, PermanentError), f"{outcome.key}: {outcome.error!r}"
            assert str(outcome.error), outcome.key
        else:
            found = ParsedDocument.from_bytes(outcome.data)
            assert outcome.counts == found.counts
            lost = [page.number for page in found.pages if page.error]
            assert all(any(f"page {number}" in warning for warning in found.warnings) for number in lost), (
                f"{outcome.key}: {found.warnings}"
            )
    assert any(isinstance(outcome, Made) for outcome in outcomes)
    assert any(isinstance(outcome, Lost) for outcome in outcomes)
    assert processes_of_ours() == before
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_damaged_samples_are_admitted_or_refused(sample: Path) -> None:
    data = sample.read_bytes()
    settings = load_settings(_env_file=None, workers=1)
    with password_pool(settings) as pool:
        for damage in DAMAGES if data else ():
            for number in range(8):
                made = damage(random.Random(f"{sample.name} {damage.__name__} {number}"), data)
                admission = admit(ObjectInfo(sample.name, len(made), "etag"), partial(part, made), settings, pool)
                assert bool(admission.media_type) or bool(admission.refusal)
                assert admission.pages_estimate >= 1


def part(data: bytes, start: int, length: int) -> bytes:
    """What a bucket answers to a ranged read."""
    return data[start : start + length]
