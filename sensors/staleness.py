"""The sensor that notices when code, settings or models have changed, and says or does what follows."""

from datetime import UTC, datetime

import dagster as dg

from docpipe.errors import ConfigurationError
from docpipe.heartbeat import holding
from docpipe.ledger.actor import acting
from docpipe.models import DocumentStatus, StageName
from docpipe.pipeline import Pipeline
from docpipe.staleness import Scan, due, look_further, recipes_hash
from resources.pipeline import PipelineResource
from sensors.tick import TICK_SECONDS

LEASE = "sensor/staleness"
SECONDS = 60
"""Shortest time between two looks."""
PRIORITY = -10
"""Of documents that are queued for no reason but a change of ours: everything that somebody waits for goes first."""


def staleness_sensor() -> dg.SensorDefinition:
    """Build the sensor; it requests no run: what it queues, the sensor `documents` takes."""

    @dg.sensor(
        name="staleness",
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Finds documents that the present code, settings or models would make otherwise, and tells or queues them.",
    )
    def stale_documents(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult | dg.SkipReason:
        opened = pipeline.open()
        if opened.settings.stale == "off":
            return dg.SkipReason("DOCPIPE_STALE is off")
        with holding(opened.ledger, LEASE, TICK_SECONDS) as held, acting("sensor"):
            if not held:
                return dg.SkipReason("another evaluation of this sensor is under way")
            try:
                return _look(opened, Scan.from_text(context.cursor))
            except ConfigurationError as error:
                return dg.SkipReason(f"what is stale cannot be told: {error}")

    return stale_documents


def _look(opened: Pipeline, known: Scan) -> dg.SensorResult | dg.SkipReason:
    settings, ledger = opened.settings, opened.ledger
    scan = due(known, recipes_hash(opened.stages), datetime.now(UTC))
    if scan is None:
        return dg.SkipReason(f"nothing has changed since {known.ended}: {_found(known)}")
    room = settings.stale_page
    if settings.stale == "on":
        # Those that rest or are held too: while a budget is spent, all that is queued comes back within minutes.
        waiting = ledger.summary().documents.get(DocumentStatus.PENDING, 0)
        room = settings.stale_documents - waiting
        if room <= 0:
            return dg.SkipReason(f"{waiting} documents wait already, the next are looked for when these are under way")
    reached, stale = look_further(ledger, opened.stages, scan, settings.stale_page, most=room)
    queued = ledger.requeue(stale) if settings.stale == "on" else []
    ledger.prioritize(queued, PRIORITY)
    told = f"{_found(reached)}{', all looked at' if reached.is_over else ' so far'}; {len(queued)} queued"
    return dg.SensorResult(
        skip_reason=dg.SkipReason(told),
        cursor=reached.text,
        asset_events=[_observation(reached, settings.stale, told)] if reached.is_over and reached.stale else [],
    )


def _found(scan: Scan) -> str:
    why = "".join(f"; {reason} ({number:,})" for reason, number in scan.reasons.items())
    return f"{scan.stale:,} of {scan.looked:,} documents are stale{why}"


def _observation(scan: Scan, mode: str, told: str) -> dg.AssetObservation:
    """On the last asset, where somebody who looks for the documents will see it."""
    advice = "" if mode == "on" else ": `docpipe reprocess --plan` says what it would cost, DOCPIPE_STALE=on queues them"
    rows = [dg.TableRecord({"why": reason, "documents": number}) for reason, number in scan.reasons.items()]
    return dg.AssetObservation(
        list(StageName)[-1].value,
        description=told + advice,
        metadata={"stale": scan.stale, "looked": scan.looked, **({"reasons": dg.MetadataValue.table(rows)} if rows else {})},
    )
