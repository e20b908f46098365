"""The breakers before the servers that a process calls, with their changes in its log."""

from __future__ import annotations

from pmpo.remote.breaker import BreakerChange, Breakers
from pmpo.runtime.logs import get_logger

log = get_logger()


def logged_breakers() -> Breakers:
    """The breakers of one process."""
    return Breakers(on_change=_log)


def _log(change: BreakerChange) -> None:
    if change.state == "open":
        log.warning("breaker_opened", url=change.url, open_s=round(change.open_s, 3), reason=change.reason)
    else:
        log.info("breaker_closed" if change.state == "closed" else "breaker_probes", url=change.url)
