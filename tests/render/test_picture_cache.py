from __future__ import annotations

import os
from pathlib import Path

from docpipe.render.picture_cache import PictureCache


def test_a_picture_is_found_under_its_document(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "pictures", 1_000)
    assert cache.get("a document", "1") is None
    cache.put("a document", "1", b"one")
    assert PictureCache(tmp_path / "pictures", 1_000).get("a document", "1") == b"one"
    assert cache.get("another", "1") is None
    cache.forget("a document")
    cache.forget("a document")
    assert cache.get("a document", "1") is None


def test_what_was_used_least_lately_goes_first(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path, 1_000)
    for number in range(9):
        cache.put("key", str(number), bytes(100))
    for age, path in enumerate(sorted(tmp_path.glob("*/*/*"))):
        os.utime(path, (1_000 + age, 1_000 + age))
    assert cache.get("key", "0")
    cache.put("key", "9", bytes(150))
    kept = {path.stem for path in tmp_path.glob("*/*/*")}
    assert {"0", "9", "8"} <= kept
    assert {"1", "2"}.isdisjoint(kept)
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*/*")) <= 800


def test_no_room_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = PictureCache(tmp_path / "file", 1_000)
    cache.put("key", "1", b"one")
    assert cache.get("key", "1") is None
    off = PictureCache(tmp_path / "off", 0)
    off.put("key", "1", b"one")
    assert not (tmp_path / "off").exists()
