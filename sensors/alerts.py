"""The sensor that measures: keeps the numbers of the day, looks at the alert rules, and tells people."""

import dagster as dg

from docpipe.alerts.state import Phase
from docpipe.alerts.watch import Look, look
from docpipe.daily import keep_today
from docpipe.heartbeat import holding
from docpipe.metrics.snapshot import samples
from resources.pipeline import PipelineResource
from sensors.tick import TICK_SECONDS

LEASE = "sensor/alerts"


def alerts_sensor(seconds: int) -> dg.SensorDefinition:
    """Build the sensor; it requests no run."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares the metrics with the alert rules, and tells people by log, webhook and e-mail.",
    )
    def alert_rules(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SkipReason:
        opened = pipeline.open()
        with holding(opened.ledger, LEASE, TICK_SECONDS) as held:
            if not held:
                return dg.SkipReason("another evaluation of this sensor is under way")
            measured = samples(opened)
            # Every minute, so that the numbers of a day are those of its end whenever they are drawn.
            keep_today(opened.ledger, measured)
            found = look(opened, measured)
        for notice in found.delivery.delivered:
            if notice.sink == "log":
                context.log.warning(f"{notice.title}: {notice.message}")
        for why in found.delivery.failed:
            context.log.error(f"not delivered, and tried again: {why}")
        return dg.SkipReason(_summary(found))

    return alert_rules


def _summary(found: Look) -> str:
    if not found.rules:
        return "no alert rules: DOCPIPE_ALERT_RULES is off"
    told = f"{len(found.delivery.delivered)} notices delivered, {len(found.delivery.failed)} to be tried again"
    return f"{found.rules} rules: {found.count(Phase.FIRING)} alerts firing, {found.count(Phase.PENDING)} pending; {told}"
