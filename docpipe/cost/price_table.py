"""What providers and our own machines ask, read from YAML and taken for wrong until it is checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from docpipe.cost.usage import Usage
from docpipe.errors import ConfigurationError, PriceMissing
from docpipe.settings import Settings

SHIPPED = Path(__file__).with_name("prices.yaml")
ANY_MODEL = "*"

_MILLION = 1e6
_HOUR = 3_600.0
_MOST_BYTES = 1_000_000
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_UNITS = ("input", "output", "picture")
_MACHINES = ("cpu_hour", "gpu_hour")


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What one model costs, in US dollars."""

    input: float = 0.0
    """A million tokens."""
    output: float = 0.0
    """A million tokens."""
    picture: float = 0.0
    """One, on top of its tokens."""

    def of(self, usage: Usage) -> float:
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / _MILLION + usage.pictures * self.picture


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by provider and model."""

    date: date
    """Of the file that was read last: prices change."""
    models: Mapping[str, Mapping[str, ModelPrice]]
    machines: Mapping[str, float] = field(default_factory=dict)
    """`cpu_hour` and `gpu_hour` of our own."""

    def price(self, provider: str, model: str) -> ModelPrice:
        """Raises `PriceMissing` where neither the model nor `*` has a line."""
        known = self.models.get(provider, {})
        for name in (model, _DATED.sub("", model), ANY_MODEL):
            if name in known:
                return known[name]
        line = f'providers: {{{provider}: {{"{model}": {{input: <US dollars a million tokens>}}}}}}'
        raise PriceMissing(f"the price table has no {model} of {provider}: add `{line}` to the file that DOCPIPE_PRICES names (0: free)")

    def local(self, cpu_seconds: float, gpu_seconds: float) -> float:
        """US dollars for work of our own machines."""
        hours = {"cpu_hour": cpu_seconds / _HOUR, "gpu_hour": gpu_seconds / _HOUR}
        return sum(self.machines.get(name, 0.0) * spent for name, spent in hours.items())

    @property
    def prices_machines(self) -> bool:
        return any(self.machines.values())


def price_table(settings: Settings) -> PriceTable:
    """The shipped prices, and those of `settings.prices` before them; raises `ConfigurationError` for a file that cannot be used."""
    shipped = _read(SHIPPED, SHIPPED.stat().st_mtime_ns)
    if not settings.prices:
        return shipped
    path = Path(settings.prices).expanduser()
    try:
        own = _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise ConfigurationError(f"DOCPIPE_PRICES={path} cannot be read ({error.strerror}): name a YAML file with prices") from error
    providers = shipped.models.keys() | own.models.keys()
    models = {provider: {**shipped.models.get(provider, {}), **own.models.get(provider, {})} for provider in providers}
    return PriceTable(own.date, models, {**shipped.machines, **own.machines})


@lru_cache(maxsize=8)
def _read(path: Path, _modified: int) -> PriceTable:
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise _wrong(path, f"it has more than {_MOST_BYTES:,} bytes")
    try:
        fields = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _wrong(path, f"it is no YAML ({type(error).__name__})") from error
    fields = _mapping(path, "the file", fields, ("date", "providers", "local"))
    if type(fields.get("date")) is not date:
        raise _wrong(path, "`date` must say when the prices were looked up, as in 2026-11-22")
    providers = _mapping(path, "`providers`", fields.get("providers"))
    # Providers go by small letters everywhere: a price that nothing finds would leave the shipped one in force.
    models = {name.strip().lower(): _models(path, name, lines) for name, lines in providers.items()}
    if len(models) < len(providers):
        raise _wrong(path, "`providers` has one name twice, in large and small letters")
    machines = _prices(path, "`local`", fields.get("local"), _MACHINES)
    return PriceTable(fields["date"], models, machines)


def _models(path: Path, provider: str, lines: object) -> dict[str, ModelPrice]:
    return {name: ModelPrice(**_prices(path, f"{provider}/{name}", line, _UNITS)) for name, line in _mapping(path, provider, lines).items()}


def _prices(path: Path, what: str, line: object, units: tuple[str, ...]) -> dict[str, float]:
    prices = _mapping(path, what, line, units)
    for unit, price in prices.items():
        if isinstance(price, bool) or not isinstance(price, int | float) or not math.isfinite(price) or price < 0:
            raise _wrong(path, f"the price {unit} of {what} is no number from 0 on")
    return {unit: float(price) for unit, price in prices.items()}


def _mapping(path: Path, what: str, value: object, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """The value as a mapping of names; raises `ConfigurationError` for anything else, and for names other than these."""
    value = {} if value is None else value
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _wrong(path, f"{what} must map names to values")
    if names and (unknown := sorted(value.keys() - set(names))):
        raise _wrong(path, f"{what} has {', '.join(unknown)}, which nothing reads: use {', '.join(names)}")
    return value


def _wrong(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"the price table {path} cannot be used: {why}")
