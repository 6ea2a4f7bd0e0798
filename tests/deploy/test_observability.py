"""Rules and dashboards ask for what is measured, and Prometheus and Grafana can read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from docpipe.metrics.catalog import METRICS, SERIES, Kind
from tests.deploy.promql import Expression, read

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
SCHEMA = json.loads((Path(__file__).parent / "dashboard.schema.json").read_text())
GROUPS: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
RECORDED = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
PROMETHEUS_OWN = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate", "severity"}}


def panels() -> list[tuple[str, dict[str, Any]]]:
    return [(path.stem, panel) for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]


def expressions() -> dict[str, str]:
    found = {rule.get("record") or rule["alert"]: rule["expr"] for rule in RULES}
    for board, panel in panels():
        for target in panel["targets"]:
            found[f"{board}: {panel['title']} {target['refId']}"] = target["expr"]
    return found


def labels_of(metric: str) -> set[str]:
    if metric in PROMETHEUS_OWN:
        return PROMETHEUS_OWN[metric]
    if metric in RECORDED:
        # What it is grouped by, or what the metrics have that it is made of.
        made = read(RECORDED[metric])
        return (set(made.grouped) - {"le"}) or {label for name in made.metrics for label in labels_of(name)}
    found = SERIES[metric]
    return {*found.labels, *({"le"} if found.kind is Kind.HISTOGRAM and metric.endswith("_bucket") else ())}


@pytest.mark.parametrize("name", expressions())
def test_an_expression_asks_for_what_is_measured(name: str) -> None:
    made: Expression = read(expressions()[name])
    assert made.metrics
    assert made.metrics <= SERIES.keys() | RECORDED.keys() | PROMETHEUS_OWN.keys()
    for metric, labels in made.selected.items():
        assert labels <= labels_of(metric), metric
    assert made.grouped <= {label for metric in made.metrics for label in labels_of(metric)}


def test_legends_and_messages_name_labels_that_there_are() -> None:
    for _board, panel in panels():
        for target in panel["targets"]:
            made = read(target["expr"])
            known = {label for metric in made.metrics for label in labels_of(metric)}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= known, panel["title"]
    for rule in RULES:
        if "alert" in rule:
            known = {label for metric in read(rule["expr"]).metrics for label in labels_of(metric)}
            assert set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"]))) <= known, rule["alert"]
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert set(rule["annotations"]) == {"summary", "description"}


def test_all_that_is_measured_is_shown_somewhere() -> None:
    asked = {metric for text in expressions().values() for metric in read(text).metrics}
    assert {metric.name for metric in METRICS if not asked & set(metric.series)} == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_as_grafana_reads_it(path: Path) -> None:
    board = json.loads(path.read_text())
    jsonschema.validate(board, SCHEMA)
    assert board["uid"] == path.stem
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])
    for one, other in combinations((panel["gridPos"] for panel in board["panels"]), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_a_dashboard_that_is_none_is_noticed() -> None:
    board = json.loads(DASHBOARDS[0].read_text())
    board["panels"][0]["targets"] = []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(board, SCHEMA)


@pytest.mark.parametrize(
    "text", ["sum(rate(docpipe_pages_total[5m])", 'docpipe_documents{status="a"', "sum(nonsense_total)", "docpipe_pages_total)"]
)
def test_an_expression_that_is_none_is_noticed(text: str) -> None:
    with pytest.raises(ValueError, match=r"in sum|brackets"):
        read(text)


def test_grafana_finds_its_files() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "docpipe.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "docpipe.yaml").read_text())["providers"]
    assert source["type"] == "prometheus"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


class TestPromtool:
    """What Prometheus itself says."""

    @pytest.fixture
    def promtool(self) -> str:
        found = shutil.which("promtool")
        if found is None:
            pytest.skip("promtool is not installed")
        return found

    def test_the_configuration_and_the_rules_are_valid(self, promtool: str) -> None:
        subprocess.run(
            [promtool, "check", "config", str(DEPLOY / "prometheus" / "prometheus.yaml")], check=True, capture_output=True, timeout=60
        )

    def test_alerts_fire_where_they_should_and_not_elsewhere(self, promtool: str) -> None:
        command = [promtool, "test", "rules", "rules_test.yaml"]
        done = subprocess.run(command, cwd=DEPLOY / "prometheus", check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_what_panels_ask_is_valid(self, promtool: str, tmp_path: Path) -> None:
        asked = [target["expr"].replace("$__rate_interval", "5m") for _board, panel in panels() for target in panel["targets"]]
        rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(asked)]
        path = tmp_path / "panels.yaml"
        path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
        done = subprocess.run([promtool, "check", "rules", str(path)], check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
