"""A run's silence, as sensors see it that are processes of a minute."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from docpipe.heartbeat import GRACE, lease_name
from docpipe.ledger import Ledger
from sensors import silence
from sensors.silence import SILENT_TAG, is_long_silent
from tests.installation import Installation
from tests.sensors.runs import launch

LOOK = """
import sys
import dagster as dg
from docpipe.ledger import Ledger
from sensors import silence
silence.SILENT_SECONDS = 0.0
with dg.DagsterInstance.from_config(sys.argv[1]) as instance, Ledger.open(sys.argv[2]) as ledger:
    print(silence.is_long_silent(instance, ledger, instance.get_run_by_id(sys.argv[3])))
"""


@pytest.fixture
def run(installation: Installation) -> dg.DagsterRun:
    installation.put(a="one")
    (request,) = installation.tick().requests
    return launch(installation, request, dg.DagsterRunStatus.STARTED)


@pytest.fixture
def ledger(installation: Installation) -> Ledger:
    return installation.pipeline.ledger


def look(installation: Installation, run: dg.DagsterRun) -> bool:
    fresh = installation.instance.get_run_by_id(run.run_id)
    assert fresh
    return is_long_silent(installation.instance, installation.pipeline.ledger, fresh)


def tag(installation: Installation, run: dg.DagsterRun) -> str:
    fresh = installation.instance.get_run_by_id(run.run_id)
    assert fresh
    return fresh.tags.get(SILENT_TAG, "")


def test_what_one_process_saw_another_goes_on_with(durable_installation: Installation, tmp_path: Path) -> None:
    installation = durable_installation
    installation.put(a="one")
    (request,) = installation.tick().requests
    run = launch(installation, request, dg.DagsterRunStatus.STARTED)
    arguments = [installation.instance.root_directory, installation.pipeline.settings.ledger_url, run.run_id]
    said = [subprocess.run([sys.executable, "-c", LOOK, *arguments], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert [line.strip() for line in said] == ["False", "True"]


def test_a_run_that_holds_its_lease_is_not_written_to(installation: Installation, run: dg.DagsterRun, ledger: Ledger) -> None:
    ledger.acquire(lease_name(run.run_id), run.run_id, GRACE)
    assert not look(installation, run)
    assert tag(installation, run) == ""


def test_every_renewal_begins_the_silence_anew(
    installation: Installation, run: dg.DagsterRun, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "SILENT_SECONDS", 0.0)
    for seconds in (-9.0, -5.0, -1.0):
        ledger.acquire(lease_name(run.run_id), run.run_id, seconds)
        assert not look(installation, run)
    # That somebody tidies the lease away is no renewal.
    ledger.release(lease_name(run.run_id), run.run_id)
    assert look(installation, run)


def test_a_silence_that_was_broken_counts_no_more(
    installation: Installation, run: dg.DagsterRun, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "SILENT_SECONDS", 0.0)
    for _ in range(2):
        assert not look(installation, run)
        assert tag(installation, run)
        ledger.acquire(lease_name(run.run_id), run.run_id, GRACE)
        assert not look(installation, run)
        assert tag(installation, run) == ""
        ledger.release(lease_name(run.run_id), run.run_id)


@pytest.mark.parametrize("seen", ["nonsense", " another-machine 0.0", " {clock} 99999999999.0", ""])
def test_what_cannot_be_compared_is_seen_anew(
    installation: Installation, run: dg.DagsterRun, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    monkeypatch.setattr(silence, "SILENT_SECONDS", 0.0)
    installation.instance.add_run_tags(run.run_id, {SILENT_TAG: seen.format(clock=silence._clock())})
    assert not look(installation, run)
    assert look(installation, run)
