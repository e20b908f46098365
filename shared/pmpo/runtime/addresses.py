"""Base addresses of servers, as settings give them."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def base_url(url: str) -> str:
    """The address without a slash at its end and without ``/v1``.

    Raises:
        ValueError: it is none, or it holds a key or a query.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write an address like http://host:8100")
    if parts.username or parts.password:
        raise ValueError(
            "an address holds no key; name its variable in key_variable, or put it into PMPO_SCORER_REMOTE_KEY"
        )
    if parts.query or parts.fragment:
        raise ValueError("an address ends before '?' and '#'")
    return url.rstrip("/").removesuffix("/v1")


def base_urls(listed: str) -> tuple[str, ...]:
    """The addresses of a list with commas.

    Raises:
        ValueError: there is none, one is unusable, or one stands twice.
    """
    urls = tuple(base_url(each.strip()) for each in listed.split(",") if each.strip())
    if not urls or len(set(urls)) < len(urls):
        raise ValueError("give one or more different addresses, with commas between them")
    return urls


def is_loopback(host: str) -> bool:
    """Whether a host, as it is bound or as a URL names it without brackets, is this very machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_in(header: str) -> str:
    """The host of a ``Host`` header, without its port and without brackets; empty when there is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
