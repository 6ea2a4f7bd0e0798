"""Alert rules as YAML: read whole and judged before any of them is used; every complaint names the rule and its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from docpipe.alerts.measure import LIMIT, counted
from docpipe.alerts.message import PLACEHOLDERS, unknown_placeholders
from docpipe.alerts.rule import Operator, Rule, Selection, Severity
from docpipe.alerts.sink import SINKS
from docpipe.errors import AlertRulesInvalid
from docpipe.metrics.catalog import KNOWN, SERIES, Kind

SHIPPED = Path(__file__).with_name("rules.yaml")
"""The rules that hold where no others are given."""
LONGEST_FILE = 256 * 1024
LONGEST_WINDOW = 86_400.0
"""Seconds; counters are kept for as long."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


def load_rules(path: Path) -> list[Rule]:
    """Read a file of rules; raises `AlertRulesInvalid`."""
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise AlertRulesInvalid(f"{path} is larger than {LONGEST_FILE // 1024} kB: that is no file of alert rules")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AlertRulesInvalid(f"{path} cannot be read ({error}): DOCPIPE_ALERT_RULES names the file of alert rules") from error
    return parse_rules(text, path.name)


def parse_rules(text: str, source: str) -> list[Rule]:
    """Read rules; raises `AlertRulesInvalid` with everything that is wrong, each with `source`, line and rule."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise AlertRulesInvalid(f"{source} is no YAML: {error}") from error
    lists = [value for key, value in root.value if key.value == "rules"] if isinstance(root, yaml.MappingNode) else []
    if not lists or not isinstance(lists[0], yaml.SequenceNode):
        raise AlertRulesInvalid(f"{source}: a file of alert rules begins with `rules:` and lists them below")
    rules: list[Rule] = []
    wrong: list[str] = []
    for node in lists[0].value:
        found = _plain(node)
        name = str(found.get("name", "without a name")) if isinstance(found, dict) else "without a name"
        place = f"{source} line {node.start_mark.line + 1}, rule {name}"
        try:
            rule = _RuleText.model_validate(found).rule()
        except ValidationError as error:
            wrong += [f"{place}: {_complaint(one)}" for one in error.errors(include_url=False, include_input=False)]
            continue
        wrong += [f"{place}: {complaint}" for complaint in _senseless(rule)]
        wrong += [f"{place}: there is a rule of this name already"] * any(rule.name == other.name for other in rules)
        rules.append(rule)
    if wrong:
        raise AlertRulesInvalid("\n".join(wrong))
    return rules


def _plain(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise AlertRulesInvalid(f"line {node.start_mark.line + 1}: {error}") from error
    finally:
        loader.dispose()


def _duration(value: object) -> float:
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        return float(found[1]) * _UNITS[found[2]]
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0:
        return float(value)
    raise ValueError(f"{value!r} is no length of time: write 90s, 15m, 1h or 2d")


def _values(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _finite(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    raise ValueError(f"{value!r} is no number")


def _operator(value: object) -> Operator:
    if value not in list(Operator):
        raise ValueError(f"{value!r} is no operator: write one of {' '.join(Operator)} in quotes")
    return Operator(str(value))


_Duration = Annotated[float, BeforeValidator(_duration)]
_Number = Annotated[float, BeforeValidator(_finite)]
_Labels = dict[str, Annotated[tuple[str, ...], BeforeValidator(_values)]]


class _SelectionText(BaseModel):
    model_config = ConfigDict(extra="forbid")

    metric: str
    labels: _Labels = Field(default_factory=dict)

    def selection(self) -> Selection:
        return Selection(self.metric, self.labels)


class _RuleText(_SelectionText):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")
    operator: Annotated[Operator, BeforeValidator(_operator)]
    threshold: _Number
    severity: Severity
    message: str = Field(min_length=1, max_length=1_000)
    hold: _Duration = Field(0.0, alias="for")
    cooldown: _Duration = 3_600.0
    over: _Duration = Field(0.0, le=LONGEST_WINDOW)
    share_of: _SelectionText | None = None
    at_least: _Number = Field(0.0, ge=0)
    quantile: _Number | None = Field(None, gt=0, lt=1)
    by: list[str] | None = None
    to: list[str] | None = None

    def rule(self) -> Rule:
        return Rule(
            name=self.name,
            of=self.selection(),
            operator=self.operator,
            threshold=self.threshold,
            severity=self.severity,
            message=self.message,
            hold_seconds=self.hold,
            cooldown_seconds=self.cooldown,
            window_seconds=self.over,
            share_of=self.share_of.selection() if self.share_of else None,
            at_least=self.at_least,
            quantile=self.quantile,
            # Shares of single series would mostly be shares of themselves.
            by=tuple(self.by) if self.by is not None else () if self.share_of else None,
            sinks=tuple(self.to) if self.to is not None else None,
        )


def _complaint(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {said}" if where else said


def _senseless(rule: Rule) -> list[str]:
    """What each part would allow and the whole does not."""
    every = [rule.of, *([rule.share_of] if rule.share_of else [])]
    wrong = [complaint for each in every for complaint in _unmeasured(each, histogram=rule.quantile is not None and each is rule.of)]
    if wrong:
        return wrong
    over = any(counted(each.metric) for each in every)
    if over and not rule.window_seconds:
        wrong.append(f"{rule.of.metric} only rises: say over how long its increase is compared, as in `over: 15m`")
    if rule.window_seconds and not over:
        wrong.append(f"{rule.of.metric} is no counter: `over` makes no sense with it")
    if rule.share_of and rule.quantile is not None:
        wrong.append("a rule has `share_of` or `quantile`, not both")
    known = {label for each in every for label in _metric(each).labels}
    wrong += [f"by: {label} is no label of {rule.of.metric}" for label in rule.by or () if label not in known]
    wrong += [f"message: {{{name}}} is unknown, there are {', '.join(PLACEHOLDERS)}" for name in unknown_placeholders(rule.message)]
    wrong += [f"to: {name!r} is none of {', '.join(SINKS)}" for name in rule.sinks or () if name not in SINKS]
    return wrong


def _unmeasured(of: Selection, *, histogram: bool) -> list[str]:
    metric = KNOWN.get(of.metric) if histogram else SERIES.get(of.metric)
    if metric is None and of.metric in KNOWN:
        return [f"{of.metric} is a histogram: add `quantile: 0.95`, or compare {of.metric}_count or {of.metric}_sum"]
    if metric is None:
        return [f"there is no metric {of.metric!r}: `docpipe alerts metrics` lists them"]
    if histogram and metric.kind is not Kind.HISTOGRAM:
        return [f"{of.metric} is no histogram: `quantile` makes no sense with it"]
    return [f"{label} is no label of {of.metric}" for label in of.labels if label not in (*metric.labels, LIMIT)]


def _metric(of: Selection) -> Any:
    return SERIES.get(of.metric) or KNOWN[of.metric]
