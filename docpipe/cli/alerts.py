"""Alert rules: read, looked at, tried."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from docpipe.alerts.message import number
from docpipe.alerts.rule import Rule
from docpipe.alerts.rule_file import load_rules
from docpipe.alerts.sink import open_sinks
from docpipe.alerts.state import AlertState
from docpipe.alerts.watch import rules_of, test_notices
from docpipe.cli.output import Json, console, errors, open_pipeline, print_json, table
from docpipe.errors import TransientError
from docpipe.metrics.catalog import METRICS
from docpipe.settings import load_settings

alerts = typer.Typer(help="Alert rules: which there are, which hold, and whether notices arrive.", no_args_is_help=True)


@alerts.command("list")
def list_alerts(as_json: Json = False) -> None:
    """Show every rule and what holds of it now; exits with 1 while an alert fires."""
    pipeline = open_pipeline()
    rules, unsent = rules_of(pipeline.settings), pipeline.ledger.unsent_notices()
    names = {rule.name for rule in rules}
    # What the last look left of rules that are gone since says nothing any more.
    states = [state for state in pipeline.ledger.alert_states() if state.rule in names]
    if as_json:
        print_json({"rules": rules, "alerts": states, "unsent": [{"notice": notice, "error": error} for notice, error in unsent]})
    else:
        shown = table("rule", "severity", "state", "since", "value", "threshold", "name", right=("value", "threshold"))
        for rule in rules:
            mine: list[AlertState | None] = [state for state in states if state.rule == rule.name]
            for state in mine or [None]:
                shown.add_row(*_row(rule, state))
        console.print(shown)
        for notice, error in unsent:
            console.print(escape(f"not delivered yet: {notice.title} by {notice.sink}{': ' + error if error else ''}"))
    if any(state.phase == "firing" for state in states):
        raise typer.Exit(1)


@alerts.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A file of rules; without it, the one that is configured.")] = None,
) -> None:
    """Read a file of rules and say what is wrong with it, without using it."""
    rules = load_rules(file) if file else rules_of(load_settings())
    console.print(f"{len(rules)} rules: {', '.join(rule.name for rule in rules)}" if rules else "no rules")


@alerts.command()
def metrics() -> None:
    """List what rules can compare."""
    shown = table("metric", "kind", "labels", "detail")
    for metric in METRICS:
        shown.add_row(metric.name, metric.kind, ", ".join(metric.labels), escape(metric.help))
    console.print(shown)


@alerts.command()
def test(name: Annotated[str, typer.Argument(metavar="RULE", help="Name of a rule.")]) -> None:
    """Send a notice of a rule by every way that it goes, to see that it arrives; changes no alert."""
    settings = load_settings()
    rules = rules_of(settings)
    rule = next((rule for rule in rules if rule.name == name), None)
    if rule is None:
        raise typer.BadParameter(f"no rule has this name; there are {', '.join(one.name for one in rules)}", param_hint="RULE")
    sinks = open_sinks(settings)
    failed = False
    for notice in test_notices(rule, list(sinks), datetime.now(UTC)):
        started = time.monotonic()
        try:
            sinks[notice.sink].send(notice)
        except TransientError as error:
            failed = True
            errors.print(f"[red]{notice.sink}[/]: {escape(str(error))}", highlight=False, soft_wrap=True)
        else:
            console.print(f"{notice.sink}: sent in {time.monotonic() - started:.2f} s: {escape(notice.message)}", highlight=False)
    if failed:
        raise typer.Exit(1)


def _row(rule: Rule, state: AlertState | None) -> tuple[str, ...]:
    threshold = f"{rule.operator} {number(rule.threshold)}"
    if state is None:
        return (rule.name, rule.severity, "ok", "", "", threshold, "")
    labels = ", ".join(f"{name}={value}" for name, value in state.labels.items())
    since = state.since.isoformat(sep=" ", timespec="seconds")
    return (rule.name, rule.severity, state.phase, since, number(state.value), threshold, escape(labels))
