"""The Helm chart as Helm would send it to a cluster: its templates filled in by an implementation of Go's, with Helm's own functions.

Helm itself is in no package registry that the tests may use. What Dagster's own chart makes of its part of the values is not seen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from gotpl.exts.helm import HelmTemplateEngine

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "docpipe"
NAMESPACE = "documents"
RELEASE = "docpipe"


class _Files:
    """The chart's own files, as templates ask for them."""

    def Get(self, name: str) -> str:  # noqa: N802 - Helm's name
        return (CHART / name).read_text()


def values() -> dict[str, Any]:
    """Those that the chart has by itself."""
    return dict(yaml.safe_load((CHART / "values.yaml").read_text()))


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm lays a user's values over the chart's: maps are merged, everything else is replaced."""
    result = dict(base)
    for name, change in changes.items():
        old = result.get(name)
        result[name] = merged(old, change) if isinstance(old, Mapping) and isinstance(change, Mapping) else change
    return result


def render(changes: Mapping[str, Any] | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    """Every object of our own templates, by kind and name."""
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    context = {
        "Values": merged(values(), changes or {}),
        "Chart": {"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
        "Release": {"Name": RELEASE, "Namespace": NAMESPACE, "Service": "Helm"},
        "Files": _Files(),
    }
    sources = {str(file.relative_to(CHART)): file.read_text() for file in sorted((CHART / "templates").iterdir())}
    engine = HelmTemplateEngine.from_sources(sources)
    texts = engine.render({name: context for name in sources if name.endswith(".yaml")})
    found = [one for text in texts.values() for one in yaml.safe_load_all(text) if one]
    objects = {(one["kind"], one["metadata"]["name"]): one for one in found}
    assert len(objects) == len(found), "two objects have the same kind and name"
    return objects
