"""Collections that searches can be sent back to: what was made for them stays until they are released."""

from __future__ import annotations

from datetime import UTC, datetime

from docpipe.index import open_catalog, own_collection
from docpipe.models import StageName
from docpipe.pipeline import Pipeline

MADE_FOR_A_COLLECTION = tuple(stage for stage in StageName if stage is not StageName.PARSED_PAGES)
"""Stages whose artifacts depend on the model, by its tokenizer or its vectors."""


def kept_until(pipeline: Pipeline) -> datetime | None:
    """The moment before which such artifacts may belong to a collection that is not searched but kept; None: there is none.

    The last switch, or any moment while a collection is being built or searches were sent back. Raises `IndexUnavailable`.
    """
    settings = pipeline.settings
    with open_catalog(settings) as catalog:
        listed = catalog.listed()
    active = next((one.collection.name for one in listed if one.active), None)
    if all(one.active for one in listed):
        return None
    if active != own_collection(settings).name:
        return datetime.max.replace(tzinfo=UTC)
    switched = next((one.at for one in pipeline.ledger.switches(settings.collection) if one.accepted and one.collection == active), None)
    return switched or datetime.max.replace(tzinfo=UTC)
