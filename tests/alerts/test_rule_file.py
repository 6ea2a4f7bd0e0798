"""Files of alert rules, right and wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from docpipe.alerts.rule import Operator, Rule, Selection, Severity
from docpipe.alerts.rule_file import SHIPPED, load_rules, parse_rules
from docpipe.errors import AlertRulesInvalid

FIRST = """# what we want to know
rules:
  - name: fine
    metric: docpipe_open_batches
    operator: ">"
    threshold: 5
    severity: info
    message: "{value} batches"
"""


def wrong(**changes: str) -> str:
    """The complaint about a second rule, which is as the changes say."""
    lines = {
        "name": "second",
        "metric": "docpipe_queue_oldest_seconds",
        "operator": '">"',
        "threshold": "1",
        "severity": "warning",
        "message": "late",
    } | changes
    text = FIRST + "  - " + "\n    ".join(f"{name.rstrip('_')}: {value}" for name, value in lines.items() if value != "-")
    with pytest.raises(AlertRulesInvalid) as caught:
        parse_rules(text, "rules.yaml")
    return str(caught.value)


def test_the_shipped_rules_are_of_all_four_kinds() -> None:
    rules = {rule.name: rule for rule in load_rules(SHIPPED)}
    assert {"documents-fail", "stage-slow", "budget-nearly-spent", "document-waits"} <= rules.keys()


def test_a_rule_says_everything() -> None:
    text = """
rules:
  - name: documents-fail
    metric: docpipe_stage_results_total
    labels: {outcome: failed, stage: [chunks, embeddings]}
    share_of: {metric: docpipe_stage_results_total}
    over: 15m
    by: [stage]
    at_least: 20
    operator: ">="
    threshold: 0.05
    for: 90s
    severity: critical
    cooldown: 2h
    to: [webhook]
    message: "{percent} of {labels}"
"""
    assert parse_rules(text, "r") == [
        Rule(
            name="documents-fail",
            of=Selection("docpipe_stage_results_total", {"outcome": ("failed",), "stage": ("chunks", "embeddings")}),
            operator=Operator.AT_LEAST,
            threshold=0.05,
            severity=Severity.CRITICAL,
            message="{percent} of {labels}",
            hold_seconds=90,
            cooldown_seconds=7_200,
            window_seconds=900,
            share_of=Selection("docpipe_stage_results_total"),
            at_least=20,
            by=("stage",),
            sinks=("webhook",),
        )
    ]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"metric": "docpipe_docments"}, "there is no metric 'docpipe_docments'"),
        ({"metric": "docpipe_stage_seconds"}, "is a histogram: add `quantile: 0.95`"),
        ({"metric": "docpipe_pages_total"}, "say over how long"),
        ({"over": "5m"}, "is no counter"),
        ({"over": "2d", "metric": "docpipe_pages_total"}, "less than or equal to 86400"),
        ({"quantile": "0.5", "over": "5m"}, "is no histogram"),
        ({"quantile": "95", "over": "5m", "metric": "docpipe_stage_seconds"}, "less than 1"),
        ({"operator": "above"}, "'above' is no operator: write one of > >= < <= == != in quotes"),
        ({"operator": "[1]"}, "[1] is no operator"),
        ({"cooldown": "-5"}, "cooldown: -5 is no length of time"),
        ({"cooldown": "-5m"}, "cooldown: '-5m' is no length of time"),
        ({"for": ".inf"}, "for: inf is no length of time"),
        ({"for": "true"}, "for: True is no length of time"),
        ({"threshold": ".nan"}, "threshold: nan is no number"),
        ({"threshold": '"5"'}, "threshold: '5' is no number"),
        ({"threshold": "-"}, "threshold: Field required"),
        ({"severity": "loud"}, "severity: Input should be 'info', 'warning' or 'critical'"),
        ({"labels": "{land: cpu}"}, "land is no label of docpipe_queue_oldest_seconds"),
        ({"by": "[stage]"}, "by: stage is no label"),
        ({"to": "[pager]"}, "to: 'pager' is none of log, webhook, email"),
        ({"message": '"{value.__class__}"'}, "{value.__class__} is unknown"),
        ({"message": '"{}"'}, "{} is unknown"),
        ({"message": '""'}, "at least 1 character"),
        ({"name": "'no good\\n'"}, "should match pattern"),
        ({"name": "fine"}, "there is a rule of this name already"),
        ({"treshold": "5"}, "treshold: Extra inputs are not permitted"),
    ],
    ids=lambda value: ",".join(f"{name}={text}" for name, text in value.items()) if isinstance(value, dict) else "",
)
def test_a_complaint_names_the_rule_and_its_line(changes: dict[str, str], complaint: str) -> None:
    said = wrong(**changes)
    assert said.startswith("rules.yaml line 9, rule ")
    assert complaint in said


def test_everything_that_is_wrong_is_said_at_once() -> None:
    said = wrong(metric="nothing", operator='">"') + wrong(threshold="x", severity="loud")
    assert said.count("rules.yaml line 9") == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "begins with `rules:`"),
        ("- name: a", "begins with `rules:`"),
        ("rules: 5", "begins with `rules:`"),
        ("rules:\n  - just a text", "line 2, rule without a name"),
        ("rules: [", "is no YAML"),
        ("rules:\n  - !!python/object/apply:os.system [id]", "could not determine a constructor"),
    ],
    ids=["empty", "a list", "a number", "a text", "broken", "code"],
)
def test_what_is_no_file_of_rules(text: str, complaint: str) -> None:
    with pytest.raises(AlertRulesInvalid, match=r"(?s).*") as caught:
        parse_rules(text, "rules.yaml")
    assert complaint in str(caught.value)


def test_no_rules_are_rules_too() -> None:
    assert parse_rules("rules: []", "r") == []


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(AlertRulesInvalid, match="DOCPIPE_ALERT_RULES names"):
        load_rules(tmp_path / "none.yaml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AlertRulesInvalid, match="cannot be read"):
        load_rules(tmp_path / "binary")
    (tmp_path / "large").write_bytes(b"#" * 300_000)
    with pytest.raises(AlertRulesInvalid, match="larger than 256 kB"):
        load_rules(tmp_path / "large")
