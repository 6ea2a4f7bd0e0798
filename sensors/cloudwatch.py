"""The sensor that sends the numbers to Amazon CloudWatch."""

import json
from datetime import UTC, datetime

import dagster as dg

from docpipe.heartbeat import holding
from docpipe.metrics.cloudwatch import Counters, counters, report, send
from docpipe.metrics.snapshot import ledger_samples
from resources.pipeline import PipelineResource
from sensors.tick import TICK_SECONDS

LEASE = "sensor/cloudwatch"
SECONDS = 60
"""CloudWatch keeps a number a minute."""


def cloudwatch_sensor() -> dg.SensorDefinition:
    """Build the sensor; it requests no run. Its cursor holds the counters as they were sent last, so what was not sent is sent later."""

    @dg.sensor(
        name="cloudwatch",
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends the numbers to Amazon CloudWatch.",
    )
    def numbers_to_cloudwatch(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult | dg.SkipReason:
        opened = pipeline.open()
        settings = opened.settings
        with holding(opened.ledger, LEASE, TICK_SECONDS) as held:
            if not held:
                return dg.SkipReason("another evaluation of this sensor is under way")
            measured = ledger_samples(opened)
            before: Counters = json.loads(context.cursor) if context.cursor else {}
            now = counters(measured)
            data = report(measured, before, now, datetime.now(UTC))
            send(settings.cloudwatch, settings.s3_region, data)
        return dg.SensorResult(cursor=json.dumps(now), skip_reason=f"{len(data)} numbers sent to {settings.cloudwatch}")

    return numbers_to_cloudwatch
