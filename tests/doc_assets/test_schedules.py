from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import pytest

from doc_assets.schedules import nightly
from docpipe.errors import ConfigurationError
from docpipe.settings import Settings
from tests.installation import Installation


def test_every_night_in_utc_each_at_its_own_time(settings: Callable[..., Settings]) -> None:
    made = nightly(settings(clean_cron="30 4 * * sun"))
    assert [(one.job_name, one.cron_schedule) for one in made] == [
        ("daily_metrics", "10 0 * * *"),
        ("check_consistency", "0 2 * * *"),
        ("clean_up", "30 4 * * sun"),
    ]
    assert {(one.execution_timezone, one.default_status) for one in made} == {("UTC", dg.DefaultScheduleStatus.RUNNING)}


def test_each_can_be_switched_off(settings: Callable[..., Settings]) -> None:
    assert [one.job_name for one in nightly(settings(check_cron="off", clean_cron="off"))] == ["daily_metrics"]


def test_a_time_that_never_comes_is_named(settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigurationError, match="DOCPIPE_CHECK_CRON: '0 99"):
        nightly(settings(check_cron="0 99 * * *"))


def test_one_that_still_waits_for_its_turn_stands_for_the_next_too(durable_installation: Installation) -> None:
    installation = durable_installation
    rollup = installation.definitions.resolve_schedule_def("daily_metrics_nightly")

    def tick() -> dg.ScheduleExecutionData:
        with dg.build_schedule_context(instance=installation.instance) as context:
            return rollup.evaluate_tick(context)

    assert len(tick().run_requests or ()) == 1
    run = installation.instance.create_run_for_job(
        installation.definitions.resolve_job_def("daily_metrics"), status=dg.DagsterRunStatus.STARTED
    )
    assert run.run_id in (tick().skip_message or "")
    installation.instance.report_run_canceled(run)
    assert len(tick().run_requests or ()) == 1
