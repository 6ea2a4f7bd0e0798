"""A Kubernetes API server for tests: Jobs over loopback, whose pods are processes of this machine.

It understands the requests that dagster-k8s makes and no others, takes what a cluster's schema takes, and can refuse or hang up.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
import yaml
from kubernetes.utils.quantity import parse_quantity  # type: ignore[import-untyped]

VERSIONS = ("1.27", "1.37")
"""Whose schemas a Job must fit, both."""
GRACE_SECONDS = 30
"""Between SIGTERM and SIGKILL, where a Job does not say otherwise."""
LABEL = re.compile(r"(?:[a-z0-9A-Z](?:[-a-z0-9A-Z_.]{0,61}[a-z0-9A-Z])?)?")
Json = dict[str, Any]


class Refused(Exception):
    """What the server answers in place of what was asked."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Pod:
    """The one pod of a Job: its container's command, in a session of its own."""

    job: Json
    folder: Path
    process: subprocess.Popen[bytes]
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    @property
    def name(self) -> str:
        return f"{self.job['metadata']['name']}-0"

    @property
    def labels(self) -> Mapping[str, str]:
        return {**self.job["spec"]["template"]["metadata"]["labels"], "job-name": self.job["metadata"]["name"]}

    @property
    def spec(self) -> Json:
        spec: Json = self.job["spec"]["template"]["spec"]
        return spec

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    @property
    def exit_code(self) -> int | None:
        """As a container's; None: it runs."""
        code = self.process.poll()
        return 128 - code if code is not None and code < 0 else code

    def clear_up(self) -> None:
        """The end of a container is the end of all that it started."""
        self.process.wait()
        self._signal(signal.SIGKILL)

    def kill(self, number: int = signal.SIGKILL) -> None:
        # The number of a process that is gone may be that of another one by now.
        if self.process.poll() is None:
            self._signal(number)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class KubeServer:
    """Listens from entering to leaving `running`; then no pod is left."""

    def __init__(self, folder: Path, namespace: str, image: Mapping[str, str], working_folder: Path) -> None:
        self.folder = folder
        self.namespace = namespace
        self.image = image
        """The environment that comes with every image."""
        self.working_folder = working_folder
        self.config_maps: dict[str, Mapping[str, str]] = {}
        self.secrets: dict[str, Mapping[str, str]] = {}
        self.pods: list[Pod] = []
        """Of all Jobs that ever were, in their order."""
        self.deleted: set[str] = set()
        """Names of Jobs."""
        self.fault = ""
        """`refuse`: every request is answered 500; `hang up`: none is answered; empty: there is none."""
        self.turned_away: list[str] = []
        """Methods and paths that met the present fault."""
        self.refusals: list[str] = []
        """Why a manifest was not taken."""
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def running(self) -> Iterator[KubeServer]:
        with ThreadingHTTPServer(("127.0.0.1", 0), _handler(self)) as listening:
            # Connections that clients keep open do not hold up its end.
            listening.daemon_threads = True
            listening.block_on_close = False
            self._write_config(listening.server_port)
            thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield self
            finally:
                listening.shutdown()
                thread.join()
                for pod in self.pods:
                    pod.kill()
                    pod.process.wait()

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def turn_away(self, fault: str) -> None:
        self.turned_away.clear()
        self.fault = fault

    def pods_of(self, **labels: str) -> list[Pod]:
        """Those with all of the labels `dagster/<name>`."""
        wanted = {f"dagster/{name.replace('_', '-')}": value for name, value in labels.items()}
        return [pod for pod in self.pods if wanted.items() <= pod.labels.items()]

    def create(self, job: Json) -> Json:
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(job, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                raise Refused(422, str(error)) from error
        _check_what_no_schema_says(job)
        name = job["metadata"]["name"]
        with self._lock:
            if any(pod.job["metadata"]["name"] == name for pod in self.pods) and name not in self.deleted:
                raise Refused(409, f"the job {name} is there already")
            self.deleted.discard(name)
            self.pods.append(self._start(job))
        return job

    def job(self, name: str) -> Json:
        pod = self._pod_of(name)
        counted = {None: "active", 0: "succeeded"}.get(pod.exit_code, "failed")
        return {**pod.job, "status": {"startTime": pod.began, counted: 1}}

    def listed_jobs(self, name: str) -> Json:
        there = any(pod.labels["job-name"] == name for pod in self.pods) and name not in self.deleted
        return {"kind": "JobList", "items": [self.job(name)] if there else []}

    def delete(self, name: str) -> Json:
        pod = self._pod_of(name)
        self.deleted.add(name)
        pod.kill(signal.SIGTERM)
        grace = threading.Timer(pod.spec.get("terminationGracePeriodSeconds", GRACE_SECONDS), pod.kill)
        grace.daemon = True
        grace.start()
        return {"kind": "Status", "status": "Success"}

    def listed_pods(self, selector: str) -> Json:
        name = selector.removeprefix("job-name=").removeprefix("metadata.name=")
        found = [pod for pod in self.pods if name in (pod.labels["job-name"], pod.name) and pod.labels["job-name"] not in self.deleted]
        return {"kind": "PodList", "items": [_described(pod) for pod in found]}

    def log_of(self, pod_name: str) -> str:
        return next(pod.log for pod in reversed(self.pods) if pod.name == pod_name)

    def _pod_of(self, job_name: str) -> Pod:
        for pod in reversed(self.pods):
            if pod.job["metadata"]["name"] == job_name and job_name not in self.deleted:
                return pod
        raise Refused(404, f"no job {job_name}")

    def _start(self, job: Json) -> Pod:
        folder = self.folder / "pods" / str(len(self.pods))
        home = folder / "scratch"
        home.mkdir(parents=True)
        spec = job["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        self._check_volumes(spec, container)
        environment = {**self.image, "DOCPIPE_HOME": str(home), "HOSTNAME": f"{job['metadata']['name']}-0"}
        environment |= self._environment(container)
        if spec.get("automountServiceAccountToken", True):
            # What the token is in a cluster: who has none may ask nothing.
            environment["KUBECONFIG"] = str(self.kubeconfig)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                container["args"], cwd=self.working_folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        pod = Pod(job, folder, process)
        threading.Thread(target=pod.clear_up, daemon=True).start()
        return pod

    def _environment(self, container: Json) -> dict[str, str]:
        environment: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            if "configMapRef" in source:
                environment |= _named(self.config_maps, source["configMapRef"]["name"])
            else:
                environment |= _named(self.secrets, source["secretRef"]["name"])
        for one in container.get("env", ()):
            if "valueFrom" in one:
                key = one["valueFrom"]["secretKeyRef"]
                environment[one["name"]] = _named(self.secrets, key["name"])[key["key"]]
            else:
                environment[one["name"]] = one.get("value", "")
        return environment

    def _check_volumes(self, spec: Json, container: Json) -> None:
        volumes = {volume["name"]: volume for volume in spec.get("volumes", ())}
        for mount in container.get("volumeMounts", ()):
            if mount["name"] not in volumes:
                raise Refused(422, f"no volume {mount['name']} to mount")
        for volume in volumes.values():
            if "configMap" in volume:
                _named(self.config_maps, volume["configMap"]["name"])

    def _write_config(self, port: int) -> None:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "dagster", "user": {"token": "token"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "dagster", "namespace": self.namespace}}],
            "current-context": "here",
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))


def _check_what_no_schema_says(job: Json) -> None:
    template = job["spec"]["template"]
    for key, value in {**job["metadata"]["labels"], **template["metadata"]["labels"]}.items():
        if not LABEL.fullmatch(value):
            raise Refused(422, f"the label {key} cannot be {value!r}")
    for container in template["spec"]["containers"]:
        resources = container.get("resources", {})
        for name, limit in resources.get("limits", {}).items():
            if parse_quantity(resources.get("requests", {}).get(name, limit)) > parse_quantity(limit):
                raise Refused(422, f"more {name} is requested than the limit of {limit}")


def _named(those: Mapping[str, Mapping[str, str]], name: str) -> Mapping[str, str]:
    """A cluster would take the Job, and keep its pod waiting for ever."""
    if name not in those:
        raise Refused(422, f"nothing here is called {name}")
    return those[name]


def _described(pod: Pod) -> Json:
    code = pod.exit_code
    ended = {"exitCode": code, "reason": "Error" if code else "Completed"}
    state: Json = {"running": {"startedAt": pod.began}} if code is None else {"terminated": ended}
    (container,) = pod.spec["containers"]
    status = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": code is None,
        "restartCount": 0,
        "state": state,
    }
    phase = {None: "Running", 0: "Succeeded"}.get(code, "Failed")
    return {
        "kind": "Pod",
        "metadata": {"name": pod.name, "uid": pod.uid, "labels": dict(pod.labels)},
        "spec": pod.spec,
        "status": {"phase": phase, "containerStatuses": [status]},
    }


def _answer(server: KubeServer, method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> Json | str:
    if server.fault:
        raise Refused(500, "the server is not well")
    selector = (query.get("labelSelector") or query.get("fieldSelector") or [""])[0]
    match [method, *path.strip("/").split("/")]:
        case [method, "apis", "batch", "v1", "namespaces", server.namespace, "jobs", *rest]:
            match [method, *rest]:
                case ["POST"]:
                    return server.create(json.loads(body))
                case ["GET"]:
                    return server.listed_jobs(selector.removeprefix("metadata.name="))
                case ["GET", name] | ["GET", name, "status"]:
                    return server.job(name)
                case ["DELETE", name]:
                    return server.delete(name)
        case ["GET", "api", "v1", "namespaces", server.namespace, "pods"]:
            return server.listed_pods(selector)
        case ["GET", "api", "v1", "namespaces", server.namespace, "pods", name, "log"]:
            return server.log_of(name)
        case ["DELETE", "api", "v1", "namespaces", server.namespace, "pods", name]:
            raise Refused(404, f"{name} went with its job")
        case ["GET", "api", "v1", "namespaces", server.namespace, "events"]:
            return {"kind": "EventList", "items": []}
    raise Refused(404, f"nobody knows {method} {path}")


def _handler(server: KubeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if server.fault:
                server.turned_away.append(f"{self.command} {url.path}")
            if server.fault == "hang up":
                self.close_connection = True
                return
            try:
                self._send(200, _answer(server, self.command, url.path, parse_qs(url.query), body))
            except Refused as refused:
                if refused.status == 422:
                    server.refusals.append(str(refused))
                self._send(refused.status, {"kind": "Status", "status": "Failure", "message": str(refused), "code": refused.status})

        do_POST = do_DELETE = do_GET  # noqa: N815 - the names are those of HTTP

        def _send(self, status: int, answer: Json | str) -> None:
            content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Keep quiet."""

    return Handler
