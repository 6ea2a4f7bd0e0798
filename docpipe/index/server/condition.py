"""Conditions on payload fields."""

from __future__ import annotations

from collections.abc import Sequence

from qdrant_client import models

from docpipe.index.contract import Selection
from docpipe.index.server.head import HEAD


def equals(field: str, value: str | int) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def any_of(field: str, values: Sequence[str]) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))


def selected(selection: Selection) -> list[models.Condition]:
    """What all points of a selection fulfil."""
    conditions: list[models.Condition] = [any_of(field, values) for field, values in selection.fields.items()]
    if selection.since or selection.before:
        conditions.append(models.FieldCondition(key="date", range=models.DatetimeRange(gte=selection.since, lt=selection.before)))
    return conditions


# Heads have this field, passages do not.
PASSAGES = models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key=HEAD))])
HEADS = models.Filter(must_not=[models.IsEmptyCondition(is_empty=models.PayloadField(key=HEAD))])
