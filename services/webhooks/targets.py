"""Whom a webhook may reach: what is checked in its URL, and what is checked of every address that is connected to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from pmpo.errors import ConfigurationError, InvalidInputError
from services.webhooks.addresses import Address, Network, is_odd_number, is_public, literal, plain

VARIABLE = "PMPO_WEBHOOK_ALLOW"
_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class WebhookTargets:
    """Public hosts over https, and what the operator allows beside them.

    Attributes:
        hosts: names in lower case that may be called whatever they resolve to, also over http.
        networks: addresses that may be called though they are not public, over http where the URL holds the address.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def read(cls, listed: str | None) -> WebhookTargets:
        """The value of ``PMPO_WEBHOOK_ALLOW``: hosts, addresses and networks with commas between.

        Raises:
            ConfigurationError: an entry that is none of them.
        """
        hosts, networks = set(), []
        for entry in (each.strip() for each in (listed or "").split(",")):
            if not entry:
                continue
            try:
                networks.append(ipaddress.ip_network(entry))
                continue
            except ValueError:
                pass
            if any(character in entry for character in "/:@*?# ") or is_odd_number(entry):
                raise ConfigurationError(
                    f"{VARIABLE} holds {entry!r}; write host names, addresses or networks with commas between them, "
                    "for example: hooks.internal,10.0.0.0/8"
                )
            hosts.add(entry.rstrip(".").lower())
        return cls(frozenset(hosts), tuple(networks))

    def check_url(self, url: str) -> None:
        """Refuse what can be refused before a name is resolved.

        Raises:
            InvalidInputError: says what is wrong with the URL and what to do.
        """
        parts, host = _parts(url)
        address = literal(host)
        if parts.scheme == "http" and not (host in self.hosts or (address is not None and self._is_listed(address))):
            raise InvalidInputError(
                f"webhook: {host} may be called over https only; write https://, or have it added to {VARIABLE}"
            )
        if address is not None:
            self.check_address(host, address)
        elif host == "localhost" or host.endswith(".localhost"):
            self.check_address(host, _LOOPBACK)

    def check_address(self, host: str, address: Address) -> None:
        """Refuse to connect to an address that ``host`` resolved to. It is not named: names lead to inner secrets.

        Raises:
            InvalidInputError: it is not public, and neither it nor the host is allowed.
        """
        if host.rstrip(".").lower() not in self.hosts and not self._is_listed(address) and not is_public(address):
            raise InvalidInputError(
                f"webhook: {host} is no public address; give one that is, or have the host or its network added to "
                f"{VARIABLE}"
            )

    def _is_listed(self, address: Address) -> bool:
        found = plain(address)
        return any(found in network for network in self.networks)


def _parts(url: str) -> tuple[SplitResult, str]:
    """The URL's parts and its host in lower case, without a dot at the end."""
    if not url.isascii() or not url.isprintable() or any(character in url for character in ' "<>\\^`{|}'):
        raise InvalidInputError(
            "webhook: the URL holds a character that no URL has; write it percent-encoded, and a host in its xn-- form"
        )
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        host, port, parts = "", None, SplitResult("", "", "", "", "")
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise InvalidInputError("webhook: give an address such as https://hooks.example.com/pmpo")
    if parts.username is not None or parts.password is not None or "#" in url:
        raise InvalidInputError("webhook: a URL with a password or with '#' is not taken; leave that part out")
    if "%" in host or is_odd_number(host):
        raise InvalidInputError(f"webhook: {host} is no host; write its name, or its address in the usual form")
    return parts, host
