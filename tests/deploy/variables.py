"""The environment variables that something reads: a misspelt one would be ignored without a word."""

from __future__ import annotations

from docpipe.cli.dagster_process import DAGSTER_ENVIRONMENT
from docpipe.cli.settings import settings_described

OF_OTHERS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "DAGSTER_HOME",
    "DAGSTER_K8S_PIPELINE_RUN_NAMESPACE",
    "DAGSTER_PG_PASSWORD",
    *DAGSTER_ENVIRONMENT,
}
"""Of boto3 and of Dagster."""


def of_settings() -> set[str]:
    """Every name that sets a field of the settings."""
    return {name for setting in settings_described() for name in (setting.variable, *setting.also)}


def unknown(names: set[str], also: set[str] = frozenset()) -> set[str]:  # type: ignore[assignment]
    return names - of_settings() - OF_OTHERS - also
