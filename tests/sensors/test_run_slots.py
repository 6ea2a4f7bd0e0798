"""The places for runs as the two shipped instances have them."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import pytest

from sensors.run_slots import run_slots

PROJECT = Path(__file__).resolve().parents[2]


def test_the_embedded_instance_has_a_place_for_each_line(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert [run_slots(instance, urgent) for urgent in (True, False)] == [1, 1]
        queue = instance.get_concurrency_config().run_queue_config
        assert queue
        assert queue.max_concurrent_runs == 2


@pytest.mark.parametrize(("limits", "slots"), [("", 7), ("{key: docpipe/line, limit: 3}", 3), ("{key: other, limit: 1}", 7)])
def test_a_limit_for_all_runs_holds_for_both_lines(tmp_path: Path, limits: str, slots: int) -> None:
    (tmp_path / "dagster.yaml").write_text(f"concurrency:\n  runs:\n    max_concurrent_runs: 7\n    tag_concurrency_limits: [{limits}]\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert (run_slots(instance, True), run_slots(instance, False)) == (slots, slots)


def test_without_a_queue_one_run_at_a_time_is_assumed() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_slots(instance, urgent=False) == 1
