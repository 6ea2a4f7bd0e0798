"""Killed between any two steps, or raced by an upload at any of them: the next sweep makes it good, and nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docpipe.errors import BucketUnavailable, QuarantineRefused
from docpipe.ledger.quarantine import ConfinementState
from docpipe.models import DocumentStatus
from docpipe.quarantine.quarantine import Quarantine
from tests.quarantine.site import TEXT, Site

MOST_STEPS = 40


class Killed(BaseException):
    """Nothing in the product catches it, as nothing catches SIGKILL."""


class Stepped:
    """Another object, whose every method call is a step that `before` hears of."""

    def __init__(self, stepped: Any, before: Callable[[], None]) -> None:
        self._stepped = stepped
        self._before = before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._stepped, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._before()
            return found(*arguments, **named)

        return call


def stepped(site: Site, before: Callable[[], None]) -> Quarantine:
    pipeline = site.pipeline
    return Quarantine(Stepped(pipeline.bucket, before), Stepped(pipeline.ledger, before), Stepped(pipeline.evidence, before))  # type: ignore[arg-type]


def at(step: int, what: Callable[[], None]) -> Callable[[], None]:
    """Do something before the call of this number, counted from 1."""
    left = [step]

    def before() -> None:
        left[0] -= 1
        if left[0] == 0:
            what()

    return before


def die() -> None:
    raise Killed


def be_away() -> None:
    raise BucketUnavailable("the store is away for a moment")


@pytest.mark.parametrize(("site", "trouble"), [("folder", die), ("folder", be_away), ("s3", die)], indirect=["site"])
def test_a_way_in_that_is_cut_off_anywhere_ends_the_same(site: Site, trouble: Callable[[], None]) -> None:
    steps = 0
    for step in range(1, MOST_STEPS):
        name = f"bad{step}"
        site.fail(name)
        try:
            stepped(site, at(step, trouble)).take(site.document(name))
        except (Killed, BucketUnavailable):
            steps += 1
        site.look()
        assert site.document(name).generation == 1
        assert TEXT in (site.objects().get(name), site.objects().get(f"_quarantine/{name}"))
        site.sweep()
        assert (site.document(name).status, site.confinement(name).state) == (DocumentStatus.QUARANTINED, ConfinementState.HELD)
        assert {key for key in site.objects() if name == key.rpartition("/")[2]} == {f"_quarantine/{name}"}
        assert set(site.evidence(name)) == {"error.json", "traceback.txt", "artifact"}
        assert site.events(name).count("quarantined") == 1
        if steps < step:
            break
    assert steps > 6
    assert site.sweep() == []


@pytest.mark.parametrize(("site", "trouble"), [("folder", die), ("folder", be_away), ("s3", die)], indirect=["site"])
def test_a_way_out_that_is_cut_off_anywhere_ends_the_same(site: Site, trouble: Callable[[], None]) -> None:
    steps = 0
    for step in range(1, MOST_STEPS):
        name = f"bad{step}"
        site.fail(name)
        (held,) = site.sweep()
        try:
            stepped(site, at(step, trouble)).release(held)
        except (Killed, BucketUnavailable):
            steps += 1
        site.look()
        site.sweep()
        if site.confinement(name).state is ConfinementState.HELD:
            # Cut off before it began.
            site.pipeline.quarantine.release(held)
        assert site.confinement(name).state is ConfinementState.RELEASED
        assert (site.document(name).status, site.document(name).generation) == (DocumentStatus.PENDING, 2)
        assert {key for key in site.objects() if name == key.rpartition("/")[2]} == {name}
        assert site.events(name).count("released") == 1
        site.pipeline.bucket.delete(name)
        if steps < step:
            break
    assert steps > 4


@pytest.mark.parametrize("site", ["folder"], indirect=True)
def test_a_drop_that_is_cut_off_anywhere_ends_the_same(site: Site) -> None:
    steps = 0
    for step in range(1, MOST_STEPS):
        name = f"bad{step}"
        site.fail(name)
        (held,) = site.sweep()
        try:
            stepped(site, at(step, die)).drop(held)
        except Killed:
            steps += 1
        site.sweep()
        if site.confinement(name).state is ConfinementState.HELD:
            site.pipeline.quarantine.drop(held)
        assert (site.document(name).status, site.confinement(name).state) == (DocumentStatus.DELETING, ConfinementState.DROPPED)
        assert (site.objects(), site.evidence(name)) == ({}, {})
        if steps < step:
            break
    assert steps > 2


def uploading(site: Site, name: str) -> tuple[Callable[[], None], list[int]]:
    """Somebody who uploads a newer object of this name, and whether they have."""
    came: list[int] = []

    def upload() -> None:
        came.append(1)
        site.pipeline.bucket.write(name, b"newer")

    return upload, came


def test_a_newer_upload_is_never_lost_whenever_it_comes(site: Site) -> None:
    for step in range(1, MOST_STEPS):
        name = f"bad{step}"
        site.fail(name)
        upload, came = uploading(site, name)
        stepped(site, at(step, upload)).take(site.document(name))
        site.sweep()
        if not came:
            break
        assert site.objects()[name] == b"newer"
        site.look()
        assert (site.document(name).status, site.document(name).generation) == (DocumentStatus.PENDING, 2)
        # The old one is held or was overtaken, and nothing else is left of it.
        held = {key: data for key, data in site.objects().items() if key == f"_quarantine/{name}"}
        assert held == ({f"_quarantine/{name}": TEXT} if site.confinement(name).state is ConfinementState.HELD else {})
    assert step > 6


def test_a_release_never_replaces_an_upload_whenever_it_comes(site: Site) -> None:
    for step in range(1, MOST_STEPS):
        name = f"bad{step}"
        site.fail(name)
        site.sweep()
        held = site.confinement(name)
        upload, came = uploading(site, name)
        try:
            stepped(site, at(step, upload)).release(held)
        except QuarantineRefused:
            assert site.objects()[f"_quarantine/{name}"] == TEXT
        if not came:
            break
        assert site.objects()[name] == b"newer"
        site.look()
        assert site.document(name).status is DocumentStatus.PENDING
        assert site.document(name).generation in (2, 3)
    assert step > 3


@pytest.mark.parametrize("site", ["folder"], indirect=True)
def test_two_at_once_do_it_once(site: Site) -> None:
    """One begins while the other is at each of its steps."""
    for step in range(1, MOST_STEPS):
        name = f"bad{step}"
        site.fail(name)
        came: list[int] = []

        def other(came: list[int] = came) -> None:
            came.append(1)
            site.sweep()

        stepped(site, at(step, other)).take(site.document(name))
        site.sweep()
        assert (site.document(name).status, site.confinement(name).state) == (DocumentStatus.QUARANTINED, ConfinementState.HELD)
        assert {key: data for key, data in site.objects().items() if name == key.rpartition("/")[2]} == {f"_quarantine/{name}": TEXT}
        assert site.events(name).count("quarantined") == 1
        if not came:
            break
    assert step > 6


@pytest.mark.parametrize("site", ["folder"], indirect=True)
def test_two_at_once_and_the_object_is_deleted(site: Site) -> None:
    """Either the document is quarantined and its object held, or it goes the way of a deleted one."""
    for step in range(1, MOST_STEPS):
        name = f"bad{step}"
        site.fail(name)
        came: list[int] = []

        def other(name: str = name, came: list[int] = came) -> None:
            came.append(1)
            site.pipeline.bucket.delete(name)
            site.sweep()

        stepped(site, at(step, other)).take(site.document(name))
        site.sweep()
        site.look()
        if site.document(name).status is DocumentStatus.QUARANTINED:
            assert site.confinement(name).state is ConfinementState.HELD
            assert site.objects().pop(f"_quarantine/{name}") == TEXT
        else:
            assert site.document(name).status is DocumentStatus.DELETING
            assert not [key for key in site.objects() if name == key.rpartition("/")[2]]
        if not came:
            break
    assert step > 6


@pytest.mark.parametrize("site", ["folder"], indirect=True)
def test_a_process_that_is_killed_loses_nothing(site: Site, tmp_path: Path) -> None:
    names = {f"bad{number}" for number in range(30)}
    site.failing |= names
    for name in names:
        site.put(name)
    site.look()
    site.run()
    home = str(site.pipeline.settings.home)
    sweeper = (
        "from docpipe.pipeline import Pipeline\nfrom docpipe.settings import load_settings\n"
        "from docpipe.quarantine import sweep as sweeping\nsweeping.MOVED_TOGETHER = 2\n"
        "for one in sweeping.sweep(Pipeline(load_settings(_env_file=None))): print(one.key, flush=True)\n"
    )
    killed = 0
    while True:
        environment = {**os.environ, "DOCPIPE_HOME": home}
        with subprocess.Popen([sys.executable, "-c", sweeper], env=environment, stdout=subprocess.PIPE, cwd=tmp_path) as process:
            assert process.stdout is not None
            lines = [line for _, line in zip(range(4), process.stdout, strict=False)]
            if len(lines) == 4:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
        if not lines:
            break
    assert killed
    assert set(site.objects()) == {f"_quarantine/{name}" for name in names}
    for name in names:
        assert (site.document(name).status, site.confinement(name).state) == (DocumentStatus.QUARANTINED, ConfinementState.HELD)
        assert site.events(name).count("quarantined") == 1
