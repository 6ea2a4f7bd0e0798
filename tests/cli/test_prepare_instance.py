"""What `docpipe up` makes of dagster.yaml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
import yaml

from docpipe.cli.dagster_process import prepare_instance
from docpipe.settings import Settings
from resources.sqlite_storage import BatchedSqliteEventLog

PROJECT = Path(__file__).resolve().parents[2]


def test_the_copy_has_our_storage_in_the_home(settings: Callable[..., Settings]) -> None:
    made = settings()
    home = Path(prepare_instance(made, PROJECT)["DAGSTER_HOME"])
    written, template = yaml.safe_load((home / "dagster.yaml").read_text()), yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    assert written.pop("storage")["custom"]["config"] == {"base_dir": str(home)}
    assert written == template
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, BatchedSqliteEventLog)


@pytest.mark.parametrize("key", ["storage", "schedule_storage"])
def test_a_storage_of_ones_own_stays(settings: Callable[..., Settings], tmp_path: Path, key: str) -> None:
    own = {
        "storage": {"sqlite": {"base_dir": str(tmp_path / "own")}},
        "schedule_storage": {
            "module": "dagster._core.storage.schedules",
            "class": "SqliteScheduleStorage",
            "config": {"base_dir": str(tmp_path / "own")},
        },
    }[key]
    project = tmp_path / "project"
    project.mkdir()
    (project / "dagster.yaml").write_text(yaml.safe_dump({key: own, "telemetry": {"enabled": False}}))
    home = Path(prepare_instance(settings(), project)["DAGSTER_HOME"])
    assert yaml.safe_load((home / "dagster.yaml").read_text())[key] == own
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert not isinstance(instance.event_log_storage, BatchedSqliteEventLog)
