"""Who is paid: the name under which a server's prices, budget and bills stand."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

_BY_HOST: Mapping[str, str] = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure",
    "cognitiveservices.azure.com": "azure",
    "services.ai.azure.com": "azure",
}
"""By host, or its end."""
_OWN = ("localhost", "local", "internal", "lan", "home.arpa", "svc")
"""Last parts of host names that nobody outside can have; `svc` is a cluster's."""


def provider_of(url: str, chosen: str = "") -> str:
    """The name that was chosen, else that of a known host, else the host itself, in small letters."""
    if chosen:
        return chosen.strip().lower()
    host = _host(url)
    return next((name for end, name in _BY_HOST.items() if host == end or host.endswith(f".{end}")), host)


def is_own(url: str) -> bool:
    """Whether the server is one of our own, which nobody is paid for: on this machine, in a private network, or without a public name."""
    host = _host(url)
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_private
    return "." not in host or any(host.endswith(f".{end}") or f".{end}." in host for end in _OWN)


def _host(url: str) -> str:
    with suppress(ValueError):
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    return ""
