"""The switch that needs nobody: when the new collection is complete, and no worse.

A decision is entered in the ledger first, and the engine follows it. Whatever is cut off between the two, by a kill or by
a server that went away, is carried out by the next look: the newest accepted decision says where searches belong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from docpipe.index import Listed, open_catalog
from docpipe.index.receipts import ReceiptCollections
from docpipe.ledger import Switch
from docpipe.ledger.switches import Indexed
from docpipe.pipeline import Pipeline
from docpipe.switch.outcome import Outcome, Verdict
from docpipe.switch.standing import Standing, look

RETRY_SECONDS = 900.0
"""After a refusal, the shortest time until a collection that changed since is tried again: each try asks the whole golden set."""


def due(pipeline: Pipeline) -> str:
    """Say why `switch` has something to do now; empty where it has not. Cheap enough for every tick of a sensor."""
    standing = look(pipeline)
    if astray := _astray(standing):
        return f"searches belong to {astray.collection.name}"
    candidate = _candidate(standing)
    if candidate is None:
        return ""
    indexed = pipeline.ledger.indexed()
    decided = standing.decided(candidate.collection.name)
    if decided and not decided.accepted and not _may_try_again(pipeline, indexed, decided):
        return ""
    # Last, since it reads the states of all documents; what waits, or was refused, is known without.
    return f"{candidate.collection.name} is complete" if _is_complete(pipeline, indexed, candidate) else ""


def switch(pipeline: Pipeline) -> Outcome:
    """Send searches to the collection of the settings' model if it is complete and no worse, or refuse it; records either.

    Two that do this at the same time decide once. Raises `IndexUnavailable`, and any `TransientError` of the comparison.
    """
    standing = look(pipeline)
    if astray := _astray(standing):
        return _restore(pipeline, standing, astray)
    candidate, searched = _candidate(standing), standing.searched
    if candidate is None:
        name = searched.collection.name if searched else ""
        return Outcome(Verdict.UNCHANGED, standing.problem or "no other collection waits to be searched", name)
    indexed = pipeline.ledger.indexed()
    if not _is_complete(pipeline, indexed, candidate):
        return Outcome(Verdict.UNCHANGED, f"{candidate.collection.name} is still being built", candidate.collection.name)
    from docpipe.switch.weighing import weigh

    tried = _tried(pipeline, indexed)
    weighed = weigh(pipeline, candidate, searched)
    previous = searched.collection.name if searched else None
    quality = weighed.quality | {"tried": tried}
    decision = Switch(candidate.collection.name, weighed.accepted, weighed.reason, previous, quality)
    if not pipeline.ledger.record_switches(pipeline.settings.collection, [decision], after=standing.newest):
        return Outcome(Verdict.UNCHANGED, "somebody else has decided meanwhile", candidate.collection.name)
    if weighed.accepted:
        send(pipeline, candidate)
    verdict = Verdict.SWITCHED if weighed.accepted else Verdict.REFUSED
    return Outcome(verdict, weighed.reason, candidate.collection.name, previous, quality)


def send(pipeline: Pipeline, listed: Listed) -> None:
    """Let the engine send searches to a collection; what was decided stands in the ledger already."""
    with open_catalog(pipeline.settings) as catalog:
        catalog.activate(listed.collection.name)


def _astray(standing: Standing) -> Listed | None:
    """Where searches belong, if the engine sends them elsewhere: a switch was cut off, or somebody moved or removed the alias."""
    if not standing.listed:
        return None
    belongs = next(standing.trail, None)
    if belongs is None and standing.searched is None:
        # Nothing was ever decided, and the alias is gone: the settings' own collection, or what holds most.
        own = standing.find(standing.own.name) if standing.own else None
        belongs = own or max(standing.listed, key=lambda one: one.points)
    return belongs if belongs and not belongs.active else None


def _restore(pipeline: Pipeline, standing: Standing, belongs: Listed) -> Outcome:
    name = belongs.collection.name
    searched = standing.searched.collection.name if standing.searched else None
    newest = next((one for one in standing.decisions if one.accepted), None)
    if newest is None or newest.collection != name:
        gone = f"{newest.collection} is gone" if newest else "the alias named nothing"
        reason = f"{gone}: searches go to {name}"
        decision = Switch(name, True, reason, searched)
        if not pipeline.ledger.record_switches(pipeline.settings.collection, [decision], after=standing.newest):
            return Outcome(Verdict.UNCHANGED, "somebody else has decided meanwhile", name)
    else:
        reason = f"searches go to {name}, as was decided: {newest.reason}"
    send(pipeline, belongs)
    return Outcome(Verdict.RESTORED, reason, name, searched)


def _candidate(standing: Standing) -> Listed | None:
    """The collection of the settings' model, where another one is searched."""
    own = standing.find(standing.own.name) if standing.own else None
    return own if own and not own.active else None


def _is_complete(pipeline: Pipeline, indexed: Indexed, candidate: Listed) -> bool:
    """Whether every document that is indexed was last written to this collection, and none is on its way."""
    if indexed.waiting:
        return False
    written = ReceiptCollections(pipeline.ledger).counted(pipeline.ledger.indexed_by_recipe())
    return written[candidate.collection.name] == indexed.done > 0


def _may_try_again(pipeline: Pipeline, indexed: Indexed, refused: Switch) -> bool:
    """Whether what was refused has changed since; what was put aside by hand waits for a hand."""
    before = refused.quality.get("tried")
    if not isinstance(before, Mapping):
        return False
    now = _tried(pipeline, indexed)
    if now["by"] != before.get("by"):
        return True
    age = (datetime.now(UTC) - refused.at).total_seconds() if refused.at else RETRY_SECONDS
    return now["indexed"] != before.get("indexed") and age >= RETRY_SECONDS


def _tried(pipeline: Pipeline, indexed: Indexed) -> dict[str, Any]:
    from docpipe.switch.weighing import judged_by

    return {"by": judged_by(pipeline.settings), "indexed": indexed.newest.isoformat() if indexed.newest else ""}
