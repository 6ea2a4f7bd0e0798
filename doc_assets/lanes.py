"""The lane of a stage, said once: its queue, its pool and its resources all follow from the one word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from docpipe.lane import LaneName, lane_accounts, lane_images, lane_of, lane_resources
from docpipe.models import StageName
from docpipe.settings import Settings


@dataclass(frozen=True)
class Lane:
    """A kind of worker that a stage runs on, and what Kubernetes gives one step of it."""

    name: str
    cpu: str
    memory: str
    gpu: bool = False
    image: str = ""
    """Empty, like the account: that of the run."""
    account: str = ""

    @property
    def op_tags(self) -> dict[str, Any]:
        """Celery's queue, and what a Kubernetes step gets; executors that know neither ignore both."""
        resources: dict[str, Any] = {"requests": {"cpu": self.cpu, "memory": self.memory}, "limits": {"memory": self.memory}}
        tolerations = [{"key": "docpipe/lane", "operator": "Equal", "value": self.name, "effect": "NoSchedule"}]
        # A step asks nothing of the cluster, and some open what strangers sent.
        pod: dict[str, Any] = {"tolerations": tolerations, "automount_service_account_token": False}
        if self.gpu:
            resources["limits"]["nvidia.com/gpu"] = "1"
            pod["node_selector"] = {"docpipe/lane": self.name}
            tolerations.append({"key": "nvidia.com/gpu", "operator": "Exists"})
        container: dict[str, Any] = {"resources": resources}
        if self.image:
            container["image"] = self.image
        if self.account:
            pod["service_account_name"] = self.account
        return {
            "docpipe/lane": self.name,
            "dagster-celery/queue": self.name,
            "dagster-k8s/config": {
                "container_config": container,
                "pod_spec_config": pod,
                # The part is what the chart's network policy goes by.
                "pod_template_spec_metadata": {"labels": {"docpipe/part": "step", "docpipe/lane": self.name}},
            },
        }


CPU = Lane(LaneName.CPU.value, cpu="2", memory="8Gi")
GPU = Lane(LaneName.GPU.value, cpu="2", memory="8Gi", gpu=True)
IO = Lane(LaneName.IO.value, cpu="500m", memory="2Gi")
"""As shipped. The jobs' own ops have these as they are: they work in the pod of their run, which has resources of its own."""
LANES = {LaneName.CPU: CPU, LaneName.GPU: GPU, LaneName.IO: IO}


def lane_for(stage: StageName, settings: Settings) -> Lane:
    """What the stage runs on as things are configured; its pod has what the settings give its lane."""
    name = lane_of(stage, settings)
    images, accounts = lane_images(settings.lane_images), lane_accounts(settings.lane_accounts)
    lane = replace(LANES[name], image=images.get(name, ""), account=accounts.get(name, ""))
    given = lane_resources(settings.lane_resources).get(name)
    if lane.gpu and settings.gpu_count == 0:
        # A pod that asks for a GPU waits for ever where no node has one.
        lane = replace(lane, gpu=False)
    return replace(lane, cpu=given.cpu, memory=given.memory) if given else lane
