"""The Helm chart: what it renders fits the schemas of Kubernetes, and says what the rest of the product says."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from docpipe.cli.monitor import monitor
from docpipe.cli.worker import worker
from docpipe.lane import LaneName, lane_accounts, lane_images
from docpipe.metrics.catalog import KNOWN
from tests.deploy.chart import CHART, merged, render, values
from tests.deploy.variables import unknown

PROJECT = CHART.parents[2]
ALL = {"scaling": {"enabled": True}, "serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
NOT_OF_KUBERNETES = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}
"""Of KEDA and of the Prometheus operator, whose schemas no package brings."""


@pytest.mark.parametrize("version", ["1.27", "1.33", "1.37"])
def test_every_object_fits_the_schema_of_kubernetes(version: str) -> None:
    objects = render(ALL)
    checked = [one for (kind, _), one in objects.items() if kind not in NOT_OF_KUBERNETES]
    assert len(checked) >= 14
    for one in checked:
        kubernetes_validate.validate(one, version, strict=True)


def test_the_schemas_would_notice_a_mistake() -> None:
    broken = render({"lanes": {"cpu": {"resources": {"limitz": {}}}}})["Deployment", "docpipe-worker-cpu"]
    with pytest.raises(kubernetes_validate.ValidationError, match="limitz"):
        kubernetes_validate.validate(broken, "1.33", strict=True)


def test_the_chart_s_own_values_fit_its_schema() -> None:
    jsonschema.validate(merged(values(), ALL), _schema())


@pytest.mark.parametrize(
    ("changes", "about"),
    [
        ({"lanes": {"tpu": {}}}, "tpu"),
        ({"lanes": {"cpu": {"replicas": -1}}}, "-1"),
        ({"image": {"tag": "latest"}}, "latest"),
        ({"settings": {"REDIS_PASSWORD": "open sesame"}}, "REDIS_PASSWORD"),
        ({"scaling": {"documentsPerWorker": 0}}, "0"),
        ({"scaleing": {}}, "scaleing"),
    ],
)
def test_wrong_values_are_refused(changes: dict[str, Any], about: str) -> None:
    with pytest.raises(jsonschema.ValidationError, match=about):
        jsonschema.validate(merged(values(), changes), _schema())


def test_every_lane_has_workers_that_take_its_steps() -> None:
    objects = render()
    for lane in LaneName:
        pod = objects["Deployment", f"docpipe-worker-{lane}"]["spec"]["template"]["spec"]
        container = pod["containers"][0]
        assert container["args"] == ["docpipe", worker.__name__, lane]
        assert container["resources"]["limits"].keys() >= {"cpu", "memory"}
        assert ("nvidia.com/gpu" in container["resources"]["limits"]) == (lane is LaneName.GPU)
        assert ("PodDisruptionBudget", f"docpipe-worker-{lane}") in objects


def test_a_lane_goes_to_the_nodes_it_is_given() -> None:
    placed = {"nodeSelector": {"pool": "spot"}, "tolerations": [{"key": "spot", "operator": "Exists"}], "replicas": 7}
    spec = render({"lanes": {"cpu": placed}})["Deployment", "docpipe-worker-cpu"]["spec"]
    assert spec["replicas"] == 7
    assert spec["template"]["spec"]["nodeSelector"] == {"pool": "spot"}
    assert spec["template"]["spec"]["tolerations"] == [{"key": "spot", "operator": "Exists"}]


def test_nobody_is_root_and_nobody_else_may_become_it() -> None:
    pods = [(name, one["spec"]["template"]["spec"]) for (_, name), one in render().items() if "template" in one.get("spec", {})]
    assert len(pods) == 5
    for name, pod in pods:
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}, name


def test_only_the_lane_that_moves_documents_has_the_right_to() -> None:
    objects = render({"serviceAccount": {"io": {"annotations": {"eks.amazonaws.com/role-arn": "mover"}}}})
    accounts = {
        lane: objects["Deployment", f"docpipe-worker-{lane}"]["spec"]["template"]["spec"]["serviceAccountName"] for lane in LaneName
    }
    assert accounts == {LaneName.CPU: "docpipe-worker", LaneName.GPU: "docpipe-worker", LaneName.IO: "docpipe-io"}
    assert objects["ServiceAccount", "docpipe-io"]["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "mover"}
    assert not objects["ServiceAccount", "docpipe-worker"]["metadata"]["annotations"]


def test_no_password_is_in_it() -> None:
    for (kind, name), one in render(ALL).items():
        assert kind != "Secret"
        for variable in re.findall(r"name: (\w*(?:PASSWORD|SECRET_KEY|LEDGER)\w*)\n *value:", yaml.safe_dump(one)):
            pytest.fail(f"{kind} {name} has a value for {variable}")


def test_its_variables_are_read_by_something() -> None:
    objects = render()
    named = set(objects["ConfigMap", "docpipe-settings"]["data"])
    for (kind, _), one in objects.items():
        if kind in {"Deployment", "Job"}:
            named |= {entry["name"] for container in one["spec"]["template"]["spec"]["containers"] for entry in container.get("env", [])}
    assert len(named) > 10
    assert not unknown(named)


def test_a_changed_setting_starts_the_workers_anew() -> None:
    def mark(changes: dict[str, Any]) -> str:
        template = render(changes)["Deployment", "docpipe-worker-io"]["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/settings"])

    assert mark({}) == mark({})
    assert mark({}) != mark({"settings": {"DOCPIPE_BATCH_DOCUMENTS": 50}})


def test_a_step_that_is_a_pod_has_what_the_worker_of_its_lane_has() -> None:
    made = render({"image": {"repository": "ghcr.io/acme/docpipe", "tag": "1.2"}})
    data = made["ConfigMap", "docpipe-settings"]["data"]
    images, accounts = lane_images(data["DOCPIPE_LANE_IMAGES"]), lane_accounts(data["DOCPIPE_LANE_ACCOUNTS"])
    for lane in LaneName:
        worker = made["Deployment", f"docpipe-worker-{lane}"]["spec"]["template"]["spec"]
        assert (images[lane], accounts[lane]) == (worker["containers"][0]["image"], worker["serviceAccountName"])
    own = render({"settings": {"DOCPIPE_LANE_IMAGES": "cpu=mine:1", "DOCPIPE_LANE_ACCOUNTS": "io=mine"}})["ConfigMap", "docpipe-settings"]
    assert (own["data"]["DOCPIPE_LANE_IMAGES"], own["data"]["DOCPIPE_LANE_ACCOUNTS"]) == ("cpu=mine:1", "io=mine")


def test_lanes_are_scaled_by_what_is_measured() -> None:
    assert not [name for kind, name in render() if kind == "ScaledObject"]
    objects = render(ALL)
    for lane in LaneName:
        scaled = objects["ScaledObject", f"docpipe-worker-{lane}"]["spec"]
        assert scaled["scaleTargetRef"]["name"] == f"docpipe-worker-{lane}"
        # Two that set the number of replicas would work against each other.
        assert "replicas" not in objects["Deployment", f"docpipe-worker-{lane}"]["spec"]
        queries = [trigger["metadata"]["query"] for trigger in scaled["triggers"]]
        for query in queries:
            asked = re.fullmatch(r'max\((\w+)\{lane="(\w+)"\}\)', query)
            assert asked, query
            assert KNOWN[asked[1]].labels == ("lane",)
            assert asked[2] == lane
    waiting = objects["ScaledObject", "docpipe-worker-cpu"]["spec"]["triggers"][0]["metadata"]
    assert (waiting["threshold"], waiting["activationThreshold"]) == ("100", "10")


def test_the_monitor_is_found_where_it_listens() -> None:
    objects = render(ALL)
    container = objects["Deployment", "docpipe-monitor"]["spec"]["template"]["spec"]["containers"][0]
    port = values()["monitor"]["port"]
    assert container["args"] == ["docpipe", monitor.__name__, "--host", "0.0.0.0", "--port", str(port)]
    assert container["ports"] == [{"name": "metrics", "containerPort": port}]
    assert {container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")} == {"/health/live", "/health/ready"}
    service = objects["Service", "docpipe-monitor"]
    assert objects["ServiceMonitor", "docpipe-monitor"]["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["port"] == port


def test_the_alert_rules_are_those_of_the_project() -> None:
    rules = yaml.safe_load((PROJECT / "deploy" / "prometheus" / "rules.yaml").read_text())
    assert render(ALL)["PrometheusRule", "docpipe"]["spec"] == rules


def test_dagster_s_chart_is_told_of_what_ours_makes() -> None:
    made = render()
    dagster, both = values()["dagster"], values()["global"]
    parts = [dagster["dagsterWebserver"], dagster["dagsterDaemon"]]
    parts += dagster["dagster-user-deployments"]["deployments"]
    worker_spec = made["Deployment", "docpipe-worker-cpu"]["spec"]["template"]["spec"]
    for part in parts:
        assert [("ConfigMap", one["name"]) in made for one in part["envConfigMaps"]] == [True]
        assert [{"secretRef": one} for one in part["envSecrets"]] == worker_spec["containers"][0]["envFrom"][1:]
    assert ("ServiceAccount", both["serviceAccountName"]) in made
    assert worker_spec["volumes"][1]["configMap"]["name"] == f"{both['fullnameOverride']}-instance"
    runs = dagster["runLauncher"]["config"]["customRunLauncher"]["config"]
    assert runs["env_config_maps"] == [one["configMapRef"]["name"] for one in worker_spec["containers"][0]["envFrom"][:1]]
    assert runs["env_secrets"] == [one["secretRef"]["name"] for one in worker_spec["containers"][0]["envFrom"][1:]]
    assert runs["instance_config_map"] == f"{both['fullnameOverride']}-instance"
    assert runs["postgres_password_secret"] == both["postgresqlSecretName"]
    assert (runs["service_account_name"], runs["dagster_home"]) == (both["serviceAccountName"], both["dagsterHome"])
    assert runs["job_namespace"]["env"] in made["ConfigMap", "docpipe-settings"]["data"]
    assert made["NetworkPolicy", "docpipe-code"]["spec"]["podSelector"]["matchLabels"].items() <= parts[-1]["labels"].items()


def test_versions_agree() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    pinned = dict(line.split("==") for line in (PROJECT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert {one["name"]: one["version"] for one in about["dependencies"]} == {"dagster": pinned["dagster"]}
    declared = re.search(r'^version = "(.+)"$', (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert declared
    images = re.findall(r"tag: ([\d.]+)", (CHART / "values.yaml").read_text())
    assert {about["version"], about["appVersion"], *images} == {declared[1]}


def test_both_kinds_of_deployment_treat_runs_alike() -> None:
    composed = yaml.safe_load((PROJECT / "docker" / "dagster.yaml").read_text())
    ours = values()["dagster"]
    monitoring, composed_monitoring = ours["dagsterDaemon"]["runMonitoring"], composed["run_monitoring"]
    assert ours["dagsterDaemon"]["runRetries"]["enabled"] == composed["run_retries"]["enabled"]
    assert monitoring["startTimeoutSeconds"] == composed_monitoring["start_timeout_seconds"]
    assert monitoring["freeSlotsAfterRunEndSeconds"] == composed_monitoring["free_slots_after_run_end_seconds"]
    assert ours["concurrency"]["pools"]["granularity"] == composed["concurrency"]["pools"]["granularity"]
    assert ours["computeLogManager"]["config"]["s3ComputeLogManager"]["prefix"] == composed["compute_logs"]["config"]["prefix"]


def _schema() -> dict[str, Any]:
    return dict(json.loads((CHART / "values.schema.json").read_text()))
