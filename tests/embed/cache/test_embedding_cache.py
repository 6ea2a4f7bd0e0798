from __future__ import annotations

import logging
import multiprocessing
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from docpipe.embed.cache import embedding_cache as cache_module
from docpipe.embed.cache.embedding_cache import EmbeddingCache, cache_key
from docpipe.embed.model import EmbeddingModel
from tests.embed.cache import cache_processes

DIMENSION = 384
MEGABYTE = 1_000_000
_spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cache.sqlite"


@pytest.fixture
def cache(path: Path) -> Iterator[EmbeddingCache]:
    opened = EmbeddingCache(path, 100 * MEGABYTE)
    yield opened
    opened.close()


def keys(count: int, start: int = 0) -> list[bytes]:
    return [cache_processes.key(number) for number in range(start, start + count)]


def vectors(count: int, start: int = 0) -> NDArray[np.float32]:
    return np.vstack([cache_processes.vector(number) for number in range(start, start + count)])


def rows(path: Path) -> int:
    with sqlite3.connect(path) as file:
        (count,) = file.execute("SELECT count(*) FROM vectors").fetchone()
    file.close()
    return int(count)


def test_what_was_kept_is_found(cache: EmbeddingCache) -> None:
    cache.keep(keys(2_500), vectors(2_500))
    found, known = cache.find(keys(2_510)[::-1], DIMENSION)
    assert known.tolist() == [False] * 10 + [True] * 2_500
    cosines = np.sum(found[known] * vectors(2_500)[::-1], axis=1)
    assert cosines.min() > 0.999999
    np.testing.assert_allclose(np.linalg.norm(found[known], axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("dimension", [16, 384, 3_072])
def test_half_precision_is_enough_for_vectors_of_all_kinds(cache: EmbeddingCache, dimension: int) -> None:
    random = np.random.default_rng(7)
    even = np.ones((1, dimension))
    steep = np.exp(-np.arange(dimension))[np.newaxis]
    made = np.vstack([random.standard_normal((50, dimension)), random.standard_cauchy((50, dimension)), even, steep, np.eye(2, dimension)])
    unit = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    cache.keep(keys(len(unit)), unit)
    found, known = cache.find(keys(len(unit)), dimension)
    assert known.all()
    assert np.sum(found * unit, axis=1).min() > 0.99999


def test_a_key_stands_for_model_and_text(tiny_model: EmbeddingModel) -> None:
    others = (replace(tiny_model, sha256="ab"), replace(tiny_model, dimension=8))
    found = {cache_key(model, text) for model in (tiny_model, *others) for text in ("", "a", "b", "passage: a", "half \ud83d")}
    assert len(found) == 15
    assert {len(one) for one in found} == {32}
    assert cache_key(replace(tiny_model, name="moved", window=9), "a") == cache_key(tiny_model, "a")


@pytest.fixture
def tiny_model() -> EmbeddingModel:
    return EmbeddingModel("tiny", None, Path("none"), "aa", 64, 2, 16, "mean")


def test_a_vector_that_cannot_be_one_is_not_found(cache: EmbeddingCache) -> None:
    odd = vectors(5)
    odd[1] = 0
    odd[2] = np.nan
    odd[3] *= 2
    with np.errstate(invalid="ignore"):
        cache.keep(keys(5), odd)
    assert cache.find(keys(5), DIMENSION)[1].tolist() == [True, False, False, False, True]
    assert not cache.find(keys(5), 16)[1].any()
    cache.keep(keys(5), vectors(5))
    assert cache.find(keys(5), DIMENSION)[1].all()


def test_nothing_is_asked_of_it_and_nothing_found(cache: EmbeddingCache) -> None:
    assert cache.find([], DIMENSION)[0].shape == (0, DIMENSION)
    cache.keep([], np.empty((0, DIMENSION), dtype=np.float32))


def test_the_longest_unused_go_when_it_is_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = 0
    monkeypatch.setattr(cache_module, "_now", lambda: hour)
    cache = EmbeddingCache(path, 2 * MEGABYTE)
    cache.keep(keys(500), vectors(500))
    hour = 1
    # Found again, and so kept longer than the ones between.
    assert cache.find(keys(100), DIMENSION)[1].all()
    hour = 2
    for start in range(500, 2_400, 100):
        cache.keep(keys(100, start), vectors(100, start))
    known = cache.find(keys(2_400), DIMENSION)[1]
    cache.close()
    assert known[:100].all()
    assert not known[100:200].any()
    assert known[500:].all()
    assert path.stat().st_size <= 1.1 * 2 * MEGABYTE
    assert 1_800 < rows(path) < 2_400


def test_a_limit_that_was_lowered_is_reached_in_small_steps(path: Path) -> None:
    large = EmbeddingCache(path, 100 * MEGABYTE)
    large.keep(keys(4_000), vectors(4_000))
    large.close()
    before = rows(path)
    small = EmbeddingCache(path, 1 * MEGABYTE)
    small.keep(keys(10, 9_000), vectors(10, 9_000))
    assert before - rows(path) == 90
    for start in range(10_000, 14_000, 500):
        small.keep(keys(500, start), vectors(500, start))
    small.close()
    assert 900 < rows(path) < 1_500
    assert path.stat().st_size < 1.5 * MEGABYTE


def test_many_threads_use_it_at_once(cache: EmbeddingCache) -> None:
    def use(start: int) -> bool:
        cache.keep(keys(50, start), vectors(50, start))
        return bool(cache.find(keys(50, start), DIMENSION)[1].all())

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(0, 800, 25)))


def test_processes_share_it(path: Path, cache: EmbeddingCache) -> None:
    cache.keep(keys(10), vectors(10))
    with _spawn.Pool(2) as pool:
        assert pool.starmap(cache_processes.keep_and_find, [(path, 1_000), (path, 2_000)]) == [200, 200]
    assert cache.find(keys(100, 1_000) + keys(100, 2_000) + keys(10), DIMENSION)[1].all()


def test_a_process_that_is_killed_leaves_a_sound_cache(path: Path, cache: EmbeddingCache) -> None:
    receiver, sender = _spawn.Pipe(duplex=False)
    process = _spawn.Process(target=cache_processes.keep_until_killed, args=(path, sender))
    process.start()
    kept = [receiver.recv() for _ in range(3)][-1]
    process.kill()
    process.join()
    found, known = cache.find(keys(kept), DIMENSION)
    assert known.all(), "what was kept is there"
    assert np.sum(found * vectors(kept), axis=1).min() > 0.999999
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()


@pytest.mark.parametrize("damage", ["text", "middle", "short"])
def test_a_damaged_file_is_set_aside(path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    cache = EmbeddingCache(path, 100 * MEGABYTE)
    cache.keep(keys(2_000), vectors(2_000))
    cache.close()
    data = path.read_bytes()
    spoilt = {
        "text": b"no database\n" * 9_000,
        "middle": data[:32_768] + b"\xff" * (len(data) - 65_536) + data[-32_768:],
        "short": data[:40_000],
    }
    path.write_bytes(spoilt[damage])
    again = EmbeddingCache(path, 100 * MEGABYTE)
    # Whichever of the two meets the damage first.
    again.find(keys(2_000), DIMENSION)
    again.keep(keys(2_000), vectors(2_000))
    again.keep(keys(2_000), vectors(2_000))
    assert again.find(keys(2_000), DIMENSION)[1].all()
    again.close()
    assert "is damaged: it was set aside" in caplog.text
    assert path.with_name("cache.sqlite.damaged").exists()
    assert rows(path) == 2_000


def test_one_that_was_set_aside_meanwhile_is_not_replaced_again(path: Path) -> None:
    one, other = EmbeddingCache(path, 100 * MEGABYTE), EmbeddingCache(path, 100 * MEGABYTE)
    for cache in (one, other):
        cache.keep(keys(10), vectors(10))
    path.unlink()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    one.keep(keys(20), vectors(20))
    assert other.find(keys(20), DIMENSION)[1].all()
    one.close()
    other.close()


def test_a_full_disk_stops_the_writing_and_nothing_else(cache: EmbeddingCache, caplog: pytest.LogCaptureFixture) -> None:
    cache.keep(keys(100), vectors(100))
    assert cache._connection is not None
    pages = cache._connection.execute("PRAGMA page_count").fetchone()[0]
    cache._connection.execute(f"PRAGMA max_page_count={pages + 1}").fetchall()
    for _ in range(3):
        cache.keep(keys(1_000, 100), vectors(1_000, 100))
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "disk is full" in warnings[0]
    assert cache.find(keys(200), DIMENSION)[1].sum() == 100
    # Room again, and the pause is over.
    cache._connection.execute("PRAGMA max_page_count=1000000").fetchall()
    cache._silent_until = 0.0
    cache.keep(keys(1_000, 100), vectors(1_000, 100))
    assert cache.find(keys(1_000, 100), DIMENSION)[1].all()


def test_a_folder_that_cannot_be_made_costs_the_cache_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache(tmp_path / "file" / "cache.sqlite", MEGABYTE)
    cache.keep(keys(1), vectors(1))
    assert not cache.find(keys(1), DIMENSION)[1].any()
    assert caplog.text.count("goes on without it") == 1


def test_a_cache_of_a_newer_version_is_left_alone(path: Path, cache: EmbeddingCache, caplog: pytest.LogCaptureFixture) -> None:
    cache.keep(keys(3), vectors(3))
    cache.close()
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version=2")
    file.close()
    again = EmbeddingCache(path, MEGABYTE)
    again.keep(keys(5), vectors(5))
    assert not again.find(keys(3), DIMENSION)[1].any()
    assert "newer docpipe" in caplog.text
    assert rows(path) == 3


def test_a_writer_that_hangs_is_not_waited_for(path: Path, cache: EmbeddingCache) -> None:
    cache.keep(keys(1), vectors(1))
    hanging = sqlite3.connect(path, isolation_level=None)
    hanging.execute("BEGIN IMMEDIATE")
    assert cache._connection is not None
    cache._connection.execute("PRAGMA busy_timeout=10").fetchall()
    cache.keep(keys(1, 1), vectors(1, 1))
    assert cache.find(keys(2), DIMENSION)[1].tolist() == [True, False]
    hanging.execute("ROLLBACK")
    hanging.close()
    cache.keep(keys(1, 1), vectors(1, 1))
    assert cache.find(keys(2), DIMENSION)[1].tolist() == [True, False], "not tried again so soon"
    cache._silent_until = 0.0
    cache.keep(keys(1, 1), vectors(1, 1))
    assert cache.find(keys(2), DIMENSION)[1].all()
