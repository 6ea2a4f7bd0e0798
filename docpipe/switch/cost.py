"""What a change of the model costs, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass

from docpipe.cost.tariff import embed_tariff
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.reprocess import Plan
from docpipe.settings import MEBIBYTE
from docpipe.switch.standing import look

_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class NewCollection:
    """The collection that a reprocess writes to, where it is not the one that is searched."""

    collection: str
    searched: str
    """Stays, and is searched until the other is complete and no worse."""
    model: str
    dimension: int
    vectors: int
    """To be made; those that are found again are not counted."""
    tokens: int
    megabytes: float
    """Of the new vectors alone; their graph, the texts and the terms come to it."""
    dollars: float
    """What the provider of an `openai:` model takes for the tokens; 0 for a local one."""


def new_collection(pipeline: Pipeline, plan: Plan) -> NewCollection | None:
    """Name the collection that the plan builds beside the searched one, and what it takes; None where it builds none."""
    standing = look(pipeline)
    own, searched = standing.own, standing.searched
    if own is None or searched is None or own.name == searched.collection.name or not plan.keys:
        return None
    embeddings, points = plan.stages[StageName.EMBEDDINGS], plan.stages[StageName.INDEXED_VECTORS]
    settings = pipeline.settings
    tokens, tariff = embeddings.counts["tokens"], embed_tariff(settings)
    return NewCollection(
        collection=own.name,
        searched=searched.collection.name,
        model=own.model,
        dimension=own.dimension,
        vectors=embeddings.counts["vectors"],
        tokens=tokens,
        megabytes=points.counts["points"] * own.dimension * _FLOAT_BYTES / MEBIBYTE,
        dollars=tariff.usage(input_tokens=tokens).usd if tariff else 0.0,
    )
