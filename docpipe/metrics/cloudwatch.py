"""The numbers that Amazon CloudWatch is sent: few, since each series is paid by the month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from docpipe.errors import ConfigurationError, DocpipeError, TransientError
from docpipe.ledger.database import slices
from docpipe.metrics.sample import Sample
from docpipe.models import StageName

MOST_IN_A_REQUEST = 1_000
"""Data that CloudWatch takes at once."""
_FORBIDDEN = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_UNKNOWN_KEYS = ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException")
_BUSY = ("Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestTimeout", "ExpiredToken", "ExpiredTokenException")
_LONGEST_PLACE = 1_024
"""Characters of a dimension's value."""
_LAST = list(StageName)[-1]
_ROUNDING = 1e-6
"""By which a sum of floats may seem to fall, added up in another order."""


@dataclass(frozen=True, slots=True)
class _Told:
    """Samples that become one metric, which keeps one of their labels as its dimension."""

    metric: str
    """As it is called there."""
    unit: str
    series: str
    dimension: str = ""
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values that labels must have."""

    def place_of(self, sample: Sample) -> str | None:
        """The value of the dimension; None where the sample is none of these."""
        if sample.name != self.series or any(sample.labels.get(label) not in values for label, values in self.only.items()):
            return None
        return sample.labels.get(self.dimension.lower(), "")


_STANDING = (
    _Told("DocumentsWaiting", "Count", "docpipe_queue_documents", "Lane"),
    _Told("OldestSeconds", "Seconds", "docpipe_queue_oldest_seconds", "Lane"),
    _Told("DocumentsIndexed", "Count", "docpipe_documents", only={"status": ("indexed",)}),
    _Told("DocumentsQuarantined", "Count", "docpipe_quarantined_documents"),
)
_DONE = (
    _Told("DocumentsProcessed", "Count", "docpipe_stage_results_total", only={"stage": (_LAST,), "outcome": ("made", "reused")}),
    _Told("DocumentsFailed", "Count", "docpipe_stage_results_total", only={"outcome": ("failed",)}),
    _Told("Retries", "Count", "docpipe_retries_total"),
    _Told("Pages", "Count", "docpipe_pages_total"),
    _Told("ProviderCost", "None", "docpipe_cost_usd_total", "Provider"),
)
_SUM, _NUMBER = "docpipe_stage_seconds_sum", "docpipe_stage_seconds_count"
_DURATIONS = {
    StageName.PARSED_PAGES: "ExtractionDuration",
    StageName.EMBEDDINGS: "EmbeddingDuration",
    StageName.INDEXED_VECTORS: "IndexingDuration",
}
"""Seconds a document, on average; CloudWatch weighs them by how many documents there were."""

Counters = Mapping[str, float]
"""What has been counted since the ledger was made, by metric and dimension."""


def counters(samples: Iterable[Sample]) -> Counters:
    """What the next report subtracts; what there was none of is counted too, as 0."""
    found = {f"{told.metric}/": 0.0 for told in _DONE if not told.dimension}
    for sample in samples:
        for told in _DONE:
            if (place := told.place_of(sample)) is not None:
                name = f"{told.metric}/{place}"
                found[name] = found.get(name, 0.0) + sample.value
        if sample.name in (_SUM, _NUMBER) and sample.labels.get("stage") in _DURATIONS:
            found[f"{sample.name}/{sample.labels['stage']}"] = sample.value
    return found


def report(samples: Sequence[Sample], before: Counters, now: Counters, moment: datetime) -> list[dict[str, Any]]:
    """The data of `put_metric_data`: how things stand, and what was done since `before`; without that, nothing was done yet."""
    data = [
        _datum(told.metric, sample.value, told.unit, told.dimension, place)
        for told in _STANDING
        for sample in samples
        if (place := told.place_of(sample)) is not None
    ]
    # A counter that fell belongs to another ledger, and so do the others.
    goes_on = before and all(now.get(name, 0.0) >= value - _ROUNDING for name, value in before.items())
    done = {name: max(0.0, value - before.get(name, 0.0)) for name, value in now.items()} if goes_on else {}
    for told in _DONE:
        places = [name.partition("/")[2] for name in now if name.startswith(f"{told.metric}/")]
        data += [_datum(told.metric, done.get(f"{told.metric}/{place}", 0.0), told.unit, told.dimension, place) for place in places]
    for stage, metric in _DURATIONS.items():
        if number := done.get(f"{_NUMBER}/{stage}", 0.0):
            mean = done.get(f"{_SUM}/{stage}", 0.0) / number
            data.append({"MetricName": metric, "Values": [mean], "Counts": [number], "Unit": "Seconds", "Dimensions": []})
    return [{**one, "Timestamp": moment} for one in data]


def send(namespace: str, region: str, data: Sequence[dict[str, Any]]) -> None:
    """Hand the data over, with the credentials that boto3 finds; `region` where the environment names none.

    Raises `ConfigurationError` without credentials or permission, `TransientError` where CloudWatch does not take them now.
    Data whose answer is lost are kept twice if they are sent again: CloudWatch has no way to say that they are the same.
    """
    try:
        session = boto3.session.Session()
        config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 2})
        client = session.client("cloudwatch", region_name=session.region_name or region, config=config)
        for part in slices(data, MOST_IN_A_REQUEST):
            client.put_metric_data(Namespace=namespace, MetricData=list(part))
    except ClientError as error:
        raise _answered(error.response) from error
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise ConfigurationError("there are no credentials for CloudWatch: give the machine a role, or set AWS_ACCESS_KEY_ID") from error
    except (ParamValidationError, ValueError) as error:
        raise ConfigurationError(f"CloudWatch cannot be asked ({type(error).__name__}): check DOCPIPE_CLOUDWATCH and AWS_REGION") from error
    except BotoCoreError as error:
        raise TransientError(f"CloudWatch did not answer ({type(error).__name__}): the metrics are sent again") from error


def _answered(response: Mapping[str, Any]) -> DocpipeError:
    code = str(response.get("Error", {}).get("Code", "unknown"))
    if code in _UNKNOWN_KEYS:
        return ConfigurationError(f"CloudWatch does not know the keys that boto3 finds ({code}): check AWS_ACCESS_KEY_ID, and the clock")
    if code in _FORBIDDEN:
        return ConfigurationError(f"CloudWatch refuses the metrics ({code}): allow cloudwatch:PutMetricData in the namespace")
    if code in _BUSY or response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) >= 500:
        return TransientError(f"CloudWatch did not take the metrics ({code}): they are sent again")
    return ConfigurationError(f"CloudWatch cannot take the metrics ({code}): check DOCPIPE_CLOUDWATCH and the names of providers")


def _datum(metric: str, value: float, unit: str, dimension: str = "", place: str = "") -> dict[str, Any]:
    # A name that CloudWatch would refuse would cost all the numbers beside it.
    allowed = place.encode("ascii", "replace").decode().strip().lstrip(":")[:_LONGEST_PLACE]
    dimensions = [{"Name": dimension, "Value": allowed}] if dimension and allowed else []
    return {"MetricName": metric, "Value": value, "Unit": unit, "Dimensions": dimensions}
