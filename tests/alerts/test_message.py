from __future__ import annotations

from docpipe.alerts.message import message_of, number, unknown_placeholders
from tests.alerts.rules import rule


def test_placeholders_are_filled_in() -> None:
    said = message_of(
        rule(message="{name} {metric} {labels} {value} {percent} {threshold} {severity} {window}", window_seconds=900),
        {"stage": "chunks", "lane": "cpu"},
        0.25,
    )
    assert said == "waits docpipe_queue_oldest_seconds lane=cpu, stage=chunks 0.25 25.0% 10 warning 15 min"


def test_labels_are_text_and_never_templates() -> None:
    assert (
        message_of(rule(message="{labels}"), {"collection": "{name} {value.__class__} {0}"}, 1) == "collection={name} {value.__class__} {0}"
    )


def test_what_no_placeholder_is_stays() -> None:
    assert message_of(rule(message="{value.__class__.__mro__} {0} {} { {value:>9999999}"), {}, 1) == (
        "{value.__class__.__mro__} {0} {} { {value:>9999999}"
    )
    assert unknown_placeholders("{value} {values} {value!r} {}") == ["values", "value!r", ""]


def test_numbers_are_for_people() -> None:
    assert [number(value) for value in (3.0, 12_345.0, 0.123456, 1e30, float("inf"))] == ["3", "12,345", "0.1235", "1e+30", "inf"]
