"""The lane of a stage, said once: its queue, its pool and its resources all follow from the one word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Lane:
    """A kind of worker that a stage runs on."""

    name: str
    cpu: str
    memory: str
    gpu: bool = False

    @property
    def op_tags(self) -> dict[str, Any]:
        """Celery's queue, and what a Kubernetes step gets; executors that know neither ignore both."""
        resources: dict[str, Any] = {"requests": {"cpu": self.cpu, "memory": self.memory}}
        pod: dict[str, Any] = {}
        if self.gpu:
            resources["limits"] = {"nvidia.com/gpu": "1"}
            pod = {"node_selector": {"docpipe/lane": self.name}, "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]}
        return {
            "docpipe/lane": self.name,
            "dagster-celery/queue": self.name,
            "dagster-k8s/config": {"container_config": {"resources": resources}, "pod_spec_config": pod},
        }


CPU = Lane("cpu", cpu="2", memory="8Gi")
GPU = Lane("gpu", cpu="2", memory="8Gi", gpu=True)
IO = Lane("io", cpu="500m", memory="2Gi")
