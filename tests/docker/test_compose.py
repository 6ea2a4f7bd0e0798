"""The Compose file fits its own schema, keeps to itself, and starts what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from docpipe.lane import LaneName
from tests.deploy.variables import unknown
from tests.docker.compose import FILE, OURS, PROJECT, services

_OF_THE_INSTANCE = re.compile(r"env: (\w+)")


def test_it_fits_the_schema_of_compose() -> None:
    command = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_publishes_on_loopback_only_and_names_no_password() -> None:
    for service in services().values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        for name, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|_KEY|LEDGER|POSTGRES_URL", name) and value != "docpipe":
                assert "${" in str(value), name


def test_every_password_is_in_the_example_and_has_none() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    lines = (PROJECT / "docker" / ".env.example").read_text().splitlines()
    assert {line.removesuffix("=") for line in lines if not line.startswith("#")} == wanted


@pytest.mark.parametrize("name", sorted(OURS))
def test_its_variables_are_read_by_something(name: str) -> None:
    instance = set(_OF_THE_INSTANCE.findall((PROJECT / "docker" / "dagster.yaml").read_text()))
    assert instance
    environment = set(services()[name]["environment"])
    assert instance <= environment
    assert not unknown(environment, instance)


def test_settings_of_ones_own_reach_every_service_of_ours() -> None:
    there = services()
    for name in sorted(OURS):
        assert there[name]["env_file"] == [{"path": "settings/settings.env", "required": False}], name
        assert there[name]["volumes"] == ["./settings:/etc/docpipe:ro"], name


def test_the_example_of_settings_names_what_there_is_and_nothing_that_compose_sets() -> None:
    text = (PROJECT / "docker" / "settings" / "settings.env.example").read_text()
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", text, re.MULTILINE))
    assert "DOCPIPE_BUDGETS" in named
    assert not unknown(named)
    assert not named & {variable for name in OURS for variable in services()[name]["environment"]}


def test_it_says_what_the_test_with_workers_by_hand_says() -> None:
    """tests/end_to_end/test_lanes.py runs the same processes on the same instance; what only a test sets is left out."""
    text = (PROJECT / "tests" / "end_to_end" / "cluster.py").read_text()
    by_hand = set(re.findall(r'"((?:DOCPIPE|DAGSTER)_[A-Z_]+)":', text)) - {
        "DAGSTER_HOME",
        "DOCPIPE_HOME",
        "DOCPIPE_OCR",
        "DOCPIPE_SENSOR_SECONDS",
    }
    assert {"DOCPIPE_EXECUTOR", "DOCPIPE_LEDGER", "DAGSTER_POSTGRES_URL"} <= by_hand
    assert '"docker" / "dagster.yaml"' in text
    for name in sorted(OURS):
        assert by_hand <= set(services()[name]["environment"]), name


def test_every_lane_has_a_worker_without_any_profile() -> None:
    commands = [service["command"] for service in services().values() if not service.get("profiles") and "command" in service]
    assert {command[2] for command in commands if command[:2] == ["docpipe", "worker"]} == set(LaneName)


def test_everything_has_limits_and_what_serves_says_whether_it_can() -> None:
    once, checked_by_image = {"prepare", "buckets"}, OURS | {"prometheus", "grafana"}
    for name, service in services().items():
        if name != "buckets":
            limits = service["deploy"]["resources"]["limits"]
            assert limits.keys() == {"cpus", "memory"}, name
        if name not in once:
            assert "healthcheck" in service or name in checked_by_image, name
            assert service.get("restart") == "unless-stopped" or name in {"prometheus", "grafana"}, name


def test_no_image_moves_under_us() -> None:
    for name, service in services().items():
        if name not in OURS:
            assert re.search(r":[v\w.-]*\d", service["image"]), name
            assert "latest" not in service["image"]


@pytest.mark.parametrize(
    ("server", "network", "clients"),
    [
        ("postgres", "database", OURS),
        ("minio", "objects", OURS | {"buckets"}),
        ("qdrant", "vectors", {"code", "worker-io", "monitor"}),
        ("redis", "queue", {"code", "worker-cpu", "worker-io", "worker-embed", "worker-gpu", "monitor"}),
        ("code", "control", {"webserver", "daemon"}),
        ("monitor", "watch", {"prometheus", "grafana"}),
    ],
)
def test_only_who_needs_a_server_reaches_it(server: str, network: str, clients: set[str]) -> None:
    on_it = {name for name, service in services().items() if network in service["networks"]}
    assert on_it == clients | {server}
    assert yaml.safe_load(FILE.read_text())["networks"][network] == {"internal": True}


def test_a_way_out_leads_to_no_server_of_ours() -> None:
    there, networks = services(), yaml.safe_load(FILE.read_text())["networks"]
    open_ones = {name for name, network in networks.items() if not network.get("internal")}
    assert open_ones == {name for service in there.values() for name in service["networks"] if name.startswith("outside-")}
    for network in open_ones:
        on_it = {name for name, service in there.items() if network in service["networks"]}
        assert len(on_it) == 1 or network == "outside-workers", network
    assert {name for name, service in there.items() if "outside-workers" in service["networks"]} == {
        name for name in there if name.startswith("worker-")
    }
    assert all(not service.get("ports") for name, service in there.items() if name.startswith("worker-"))
    published = {name for name, service in there.items() if service.get("ports")}
    assert all(set(there[name]["networks"]) & open_ones for name in published), "a port is published through a network that leads out"


def test_who_waits_waits_for_what_there_is() -> None:
    there = services()
    for name, service in there.items():
        for other, how in _waits(service).items():
            assert other in there, name
            if how == "service_healthy":
                assert "healthcheck" in there[other] or other == "code", f"{name} waits for the health of {other}, which has no check"


def test_mounted_folders_are_there() -> None:
    for name, service in services().items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (FILE.parent / source).is_dir(), f"{name}: {source}"


def _waits(service: dict[str, Any]) -> dict[str, str]:
    return {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
