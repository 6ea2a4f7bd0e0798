"""What would be done again, and why, if every stage ran now: the plan comes before the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from docpipe.fingerprint import differences, fingerprint
from docpipe.ledger import Ledger
from docpipe.models import Document, DocumentStatus, StageName, StageState
from docpipe.stage import INPUTS, Stage

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class StaleStage:
    """A stage of a document whose artifact is not what would be made now."""

    key: str
    stage: StageName
    reason: str


@dataclass(slots=True)
class StagePlan:
    """One stage of the plan."""

    current: int = 0
    """Documents whose artifact stays as it is."""
    stale: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    """What the stale artifacts hold now: pages, chunks, vectors."""
    seconds: float = 0.0
    """What making them took last time."""


@dataclass(slots=True)
class Plan:
    """What a reprocess would do, stage by stage."""

    stages: dict[StageName, StagePlan]
    keys: list[str] = field(default_factory=list)
    """Documents with a stale stage."""
    failed: list[str] = field(default_factory=list)
    """Documents that failed or were refused: done again only when asked for."""
    waiting: int = 0
    """Documents that are on their way already."""


def plan(ledger: Ledger, stages: Sequence[Stage]) -> Plan:
    """Compare every document's fingerprints with those that the present code, settings and models would give."""
    made = Plan({stage.name: StagePlan() for stage in stages})
    recipes = Recipes(ledger)
    documents = ledger.all_documents()
    while page := list(islice(documents, PAGE)):
        states = ledger.stage_states([document.key for document in page])
        for document in page:
            if document.status in (DocumentStatus.FAILED, DocumentStatus.REFUSED):
                made.failed.append(document.key)
            elif document.status is not DocumentStatus.INDEXED:
                made.waiting += document.status is not DocumentStatus.DELETED
            else:
                _judge(document, states, stages, recipes, made)
    return made


class Recipes:
    """The texts of recorded recipes, read once each."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._texts: dict[str, str] = {}

    def text(self, recipe: str) -> str:
        if recipe not in self._texts:
            self._texts |= self._ledger.recipe_texts([recipe])
        return self._texts[recipe]


def _judge(
    document: Document, states: dict[tuple[str, StageName], StageState], stages: Sequence[Stage], recipes: Recipes, made: Plan
) -> None:
    stale = {one.stage: one for one in stale_stages(document, states, stages, recipes)}
    if stale:
        made.keys.append(document.key)
    for stage in stages:
        row = made.stages[stage.name]
        if stage.name not in stale:
            row.current += 1
            continue
        row.stale += 1
        row.reasons[stale[stage.name].reason] += 1
        if state := states.get((document.key, stage.name)):
            row.counts.update(state.counts)
            row.seconds += state.seconds or 0.0


def stale_stages(
    document: Document, states: dict[tuple[str, StageName], StageState], stages: Sequence[Stage], recipes: Recipes
) -> Iterator[StaleStage]:
    """Yield the stages of one document that would be done again; follows the fingerprints from stage to stage."""
    expected: dict[StageName, str] = {}
    for stage in stages:
        inputs = [expected[name] for name in INPUTS[stage.name]] or [document.content_sha256 or ""]
        recipe = stage.recipe(document)
        expected[stage.name] = fingerprint(recipe, inputs)
        state = states.get((document.key, stage.name))
        if state is None or not state.is_complete_for(document):
            yield StaleStage(document.key, stage.name, "not done yet")
        elif state.recipe != recipe.hash:
            yield StaleStage(document.key, stage.name, ", ".join(differences(recipes.text(state.recipe), recipe.text)))
        elif state.fingerprint != expected[stage.name]:
            yield StaleStage(document.key, stage.name, "an earlier stage changes")
