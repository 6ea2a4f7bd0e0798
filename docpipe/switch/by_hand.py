"""What a person does about collections: send searches to another one, back to the one before, or let one go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docpipe.errors import ConfigurationError
from docpipe.index import Listed, open_catalog, searched_model
from docpipe.index.receipts import drop_receipts
from docpipe.ledger import Switch
from docpipe.pipeline import Pipeline
from docpipe.switch.outcome import Outcome, Verdict
from docpipe.switch.standing import Standing, look
from docpipe.switch.switching import send

RELEASED: Mapping[str, Any] = {"tried": {}}
"""Nothing is held against a collection that was released: built anew it is another one."""


def activate(pipeline: Pipeline, name: str, *, force: bool = False) -> Outcome:
    """Send searches to a collection if it is complete and no worse than the searched one; with `force` whatever it holds.

    Raises `ModelMissing` where nobody could search it, `ConfigurationError` for an unknown name.
    """
    standing = look(pipeline)
    wanted = standing.named(name)
    if wanted.active and next(standing.trail, wanted) == wanted:
        return Outcome(Verdict.UNCHANGED, f"searches go to {name} already", name)
    searched_model(pipeline.settings, wanted.collection)
    if force:
        return _send(pipeline, standing, wanted, "activated by hand, unchecked", {})
    from docpipe.switch.weighing import weigh

    weighed = weigh(pipeline, wanted, standing.searched)
    if not weighed.accepted:
        return Outcome(Verdict.REFUSED, weighed.reason, name, _name(standing.searched), weighed.quality)
    return _send(pipeline, standing, wanted, f"activated by hand: {weighed.reason}", weighed.quality)


def rollback(pipeline: Pipeline) -> Outcome:
    """Send searches back to the collection before; asks for nothing but its model, since something is wrong with the present one.

    A second one goes forward again. Raises `ConfigurationError` where there is none before.
    """
    standing = look(pipeline)
    before = _before(standing)
    if before is None:
        raise ConfigurationError("there is no collection to go back to: `docpipe index` lists those there are")
    searched_model(pipeline.settings, before.collection)
    return _send(pipeline, standing, before, "rolled back by hand", {})


def release(pipeline: Pipeline, name: str) -> int:
    """Delete a collection that is no longer needed; returns how many receipts of its documents went with it.

    One that cannot be read, of an older docpipe or changed by somebody, is of no use to anybody: it goes as well. Raises
    `ConfigurationError` for the searched one, for the one that runs write to and for an unknown one.
    """
    standing = look(pipeline)
    wanted = standing.find(name)
    if wanted and (wanted.active or next(standing.trail, None) == wanted):
        raise ConfigurationError(f"{name} is searched: activate another collection first, or roll back")
    if wanted and standing.is_own(name):
        raise ConfigurationError(f"runs write to {name}: set DOCPIPE_EMBEDDER back first, as `docpipe index rollback` says")
    # First, else a run of a setting that is put back would find them and believe that the points are there.
    dropped = drop_receipts(pipeline.artifacts, name)
    with open_catalog(pipeline.settings) as catalog:
        catalog.drop(name)
    pipeline.ledger.record_switches(pipeline.settings.collection, [Switch(name, False, "released by hand", quality=RELEASED)])
    return dropped


def _before(standing: Standing) -> Listed | None:
    """The collection that was searched before the present one, of those that are still there."""
    present = _name(standing.searched)
    return next((one for one in standing.trail if one.collection.name != present), None)


def _send(pipeline: Pipeline, standing: Standing, wanted: Listed, reason: str, quality: dict[str, object]) -> Outcome:
    name, previous = wanted.collection.name, _name(standing.searched)
    decisions = [Switch(name, True, reason, previous, quality)]
    if previous and standing.is_own(previous) and previous != name:
        # Else the sensor would send searches back at its next tick: it is complete, after all.
        decisions.insert(0, Switch(previous, False, f"put aside by hand for {name}"))
    pipeline.ledger.record_switches(pipeline.settings.collection, decisions)
    send(pipeline, wanted)
    return Outcome(Verdict.SWITCHED, reason, name, previous, quality)


def _name(listed: Listed | None) -> str | None:
    return listed.collection.name if listed else None
