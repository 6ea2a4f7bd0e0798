"""Conditions on payload fields."""

from __future__ import annotations

from collections.abc import Sequence

import qdrant_edge as edge

from docpipe.index.contract import Selection


def equals(field: str, value: str | int) -> edge.FieldCondition:
    return edge.FieldCondition(key=field, match=edge.MatchValue(value))


def any_of(field: str, values: Sequence[str]) -> edge.FieldCondition:
    return edge.FieldCondition(key=field, match=edge.MatchAny(list(values)))


def selected(selection: Selection) -> edge.Filter | None:
    """What all points of a selection fulfil; None where that is every point."""
    conditions = [any_of(field, values) for field, values in selection.fields.items()]
    if selection.since or selection.before:
        since, before = (None if moment is None else moment.isoformat() for moment in (selection.since, selection.before))
        conditions.append(edge.FieldCondition(key="date", range=edge.RangeDateTime(gte=since, lt=before)))
    return edge.Filter(must=list(conditions)) if conditions else None
