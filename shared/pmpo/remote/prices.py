"""What a job's models cost: the operator's endpoint table as plain numbers for the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pmpo.optim.types import Prices
from pmpo.runtime.endpoints import Endpoint, endpoint


def prices_of(table: Mapping[str, Endpoint], target: str | Sequence[str], rewriter: str) -> Prices | None:
    """The prices of a job's models; None when the table lacks those of one of them.

    Of several targets the dearest one's price holds for every scored token: what is counted is never too little.

    Raises:
        InvalidInputError: a name that is not in the table.
    """
    targets = [endpoint(table, name).prices for name in ([target] if isinstance(target, str) else target)]
    scored, written = targets[0], endpoint(table, rewriter).prices
    known = [prices for prices in targets if prices is not None]
    if scored is None or written is None or len(known) < len(targets):
        return None
    return Prices(
        scored=max(prices.scored for prices in known),
        rewriting=written.generated,
        rewriting_prompt=written.prompt,
        answering=scored.generated,
        answering_prompt=scored.prompt,
    )
