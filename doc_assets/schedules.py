"""What happens every night, in UTC."""

from __future__ import annotations

from functools import partial

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._utils.schedules import is_valid_cron_string

from doc_assets.jobs import check_consistency, daily_metrics
from doc_assets.upkeep import clean_up
from docpipe.errors import ConfigurationError
from docpipe.settings import Settings

OFF = "off"


def nightly(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Rollup, check and cleaning, each at its own time; those that are `off` are left out."""
    wanted: tuple[tuple[str, dg.JobDefinition | UnresolvedAssetJobDefinition, str], ...] = (
        ("DOCPIPE_ROLLUP_CRON", daily_metrics, settings.rollup_cron),
        ("DOCPIPE_CHECK_CRON", check_consistency, settings.check_cron),
        ("DOCPIPE_CLEAN_CRON", clean_up, settings.clean_cron),
    )
    made: list[dg.ScheduleDefinition] = []
    for variable, job, cron in wanted:
        if cron == OFF:
            continue
        if not is_valid_cron_string(cron):
            raise ConfigurationError(f"{variable}: {cron!r} is no cron expression: write one such as `0 2 * * *`, or off")
        made.append(
            dg.ScheduleDefinition(
                name=f"{job.name}_nightly",
                job=job,
                cron_schedule=cron,
                execution_fn=partial(_unless_under_way, job.name),
                execution_timezone="UTC",
                default_status=dg.DefaultScheduleStatus.RUNNING,
            )
        )
    return made


def _unless_under_way(job: str, context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Where runs queue up for days, one of each job is enough: whatever it finds then, the others would find nothing more."""
    under_way = context.instance.get_runs(dg.RunsFilter(job_name=job, statuses=list(NOT_FINISHED_STATUSES)), limit=1)
    if under_way:
        return dg.SkipReason(f"the run {under_way[0].run_id} of {job} is not over yet: it stands for this one too")
    return dg.RunRequest()
