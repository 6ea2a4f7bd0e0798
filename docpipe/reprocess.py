"""What would be done again, and why, if every stage ran now: the plan comes before the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, repeat

from docpipe.artifacts import ArtifactStore
from docpipe.errors import DocumentUnknown
from docpipe.fingerprint import differences, fingerprint
from docpipe.ledger import Ledger
from docpipe.models import Document, DocumentStatus, StageName, StageState
from docpipe.stage import INPUTS, Stage
from docpipe.waiting_line import HELD

PAGE = 1_000
IO_THREADS = 16


@dataclass(frozen=True, slots=True)
class StaleStage:
    """A stage of a document whose artifact is not what would be made now."""

    key: str
    stage: StageName
    reason: str
    fingerprint: str
    """Of what would be made now."""


@dataclass(slots=True)
class StagePlan:
    """One stage of the plan."""

    current: int = 0
    """Documents whose artifact stays as it is."""
    stale: int = 0
    found: int = 0
    """Of the stale ones, those whose artifact is there from an earlier time: a run finds them, and does nothing."""
    reasons: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    """What the artifacts that are made anew hold now: pages, chunks, vectors."""
    seconds: float = 0.0
    """What making them took last time."""
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    cost_usd: float = 0.0


@dataclass(slots=True)
class Plan:
    """What a reprocess would do, stage by stage."""

    stages: dict[StageName, StagePlan]
    keys: list[str] = field(default_factory=list)
    """Documents with a stale stage."""
    failed: list[str] = field(default_factory=list)
    """Documents that failed or were refused: done again only when asked for."""
    quarantined: int = 0
    """Documents in quarantine: only releasing one brings it back."""
    waiting: int = 0
    """Documents that are on their way already."""


@dataclass(slots=True)
class Choice:
    """The documents that somebody named."""

    documents: list[Document] = field(default_factory=list)
    """Those that can be done again, or are on their way."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Why the others cannot, by name in the bucket."""

    def current(self, made: Plan) -> list[str]:
        """Partition keys of those that are indexed, and of which the plan finds nothing stale."""
        stale = set(made.keys)
        return [one.key for one in self.documents if one.status is DocumentStatus.INDEXED and one.key not in stale]


def choose(ledger: Ledger, names: Iterable[str], *, refused: bool = False) -> Choice:
    """Look up documents by their names in the bucket or partition keys; raises `DocumentUnknown`.

    With `refused` those that were refused can be done again too: the next look at the bucket admits or refuses them anew.
    """
    found: dict[str, Document] = {}
    for name in names:
        document = ledger.find(name)
        if document is None:
            raise DocumentUnknown(f"no document {name!r}: `docpipe status` lists those there are")
        found[document.key] = document
    choice = Choice()
    for document in found.values():
        if why := _obstacle(document, refused):
            choice.left_out[document.object_key] = why
        else:
            choice.documents.append(document)
    return choice


def _obstacle(document: Document, refused: bool) -> str:
    """Why a document cannot be done again as it stands; empty where it can."""
    match document.status:
        case DocumentStatus.PENDING if document.not_before == HELD:
            return "is held: `docpipe resume` lets it go on"
        case DocumentStatus.QUARANTINED:
            return "is in quarantine: `docpipe quarantine release` tries it again"
        case DocumentStatus.REFUSED if not refused:
            return f"was refused ({document.error or 'no reason is known'}): --failed has it looked at again"
        case DocumentStatus.DELETING:
            return "is being deleted: upload it again to have it back"
        case DocumentStatus.DELETED:
            return "was deleted: upload it again to have it back"
        case _:
            return ""


def plan(
    ledger: Ledger, stages: Sequence[Stage], artifacts: ArtifactStore | None = None, documents: Iterable[Document] | None = None
) -> Plan:
    """Compare the fingerprints of these documents, or of all, with those that the present code, settings and models would give.

    With `artifacts` it looks for what a run would find there, one question for each stale stage of a document.
    """
    made = Plan({stage.name: StagePlan() for stage in stages})
    recipes = Recipes(ledger)
    planned = iter(ledger.all_documents() if documents is None else documents)
    with ThreadPoolExecutor(IO_THREADS) as threads:
        while page := list(islice(planned, PAGE)):
            states = ledger.stage_states([document.key for document in page])
            stale: list[StaleStage] = []
            for document in page:
                if document.status in (DocumentStatus.FAILED, DocumentStatus.REFUSED):
                    made.failed.append(document.key)
                elif document.status is not DocumentStatus.INDEXED:
                    made.quarantined += document.status is DocumentStatus.QUARANTINED
                    made.waiting += document.status not in (DocumentStatus.DELETED, DocumentStatus.QUARANTINED)
                else:
                    stale += _judge(document, states, stages, recipes, made)
            there = threads.map(partial(_is_there, artifacts), stale) if artifacts else repeat(False)
            for one, found in zip(stale, there, strict=False):
                _count(one, found, states.get((one.key, one.stage)), made)
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
) -> list[StaleStage]:
    stale = list(stale_stages(document, states, stages, recipes))
    if stale:
        made.keys.append(document.key)
    for name in {stage.name for stage in stages} - {one.stage for one in stale}:
        made.stages[name].current += 1
    return stale


def _is_there(artifacts: ArtifactStore, stale: StaleStage) -> bool:
    return artifacts.exists(stale.stage, stale.key, stale.fingerprint)


def _count(stale: StaleStage, found: bool, state: StageState | None, made: Plan) -> None:
    row = made.stages[stale.stage]
    row.stale += 1
    row.found += found
    row.reasons[stale.reason] += 1
    if state and not found:
        row.counts.update(state.counts)
        row.seconds += state.seconds or 0.0
        row.cpu_seconds += state.cpu_seconds or 0.0
        row.gpu_seconds += state.gpu_seconds or 0.0
        row.cost_usd += state.cost_usd or 0.0


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
        reason = ""
        if state is None or not state.is_complete_for(document):
            reason = "not done yet"
        elif state.recipe != recipe.hash:
            reason = ", ".join(differences(recipes.text(state.recipe), recipe.text))
        elif state.fingerprint != expected[stage.name]:
            reason = "an earlier stage changes"
        if reason:
            yield StaleStage(document.key, stage.name, reason, expected[stage.name])
