"""How long a look may take."""

TICK_SECONDS = 180.0
"""As long as Dagster waits for a tick: `DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS` of `docpipe.cli.dagster_process` and of `docker/`."""
