"""What a job's models cost: the operator's endpoint table as plain numbers for the search."""

from __future__ import annotations

from collections.abc import Mapping

from pmpo.optim.types import Prices
from pmpo.runtime.endpoints import Endpoint, endpoint


def prices_of(table: Mapping[str, Endpoint], target: str, rewriter: str) -> Prices | None:
    """The prices of a job's two models; None when the table lacks those of one of them.

    Raises:
        InvalidInputError: a name that is not in the table.
    """
    scored, written = endpoint(table, target).prices, endpoint(table, rewriter).prices
    if scored is None or written is None:
        return None
    return Prices(
        scored=scored.scored,
        rewriting=written.generated,
        rewriting_prompt=written.prompt,
        answering=scored.generated,
        answering_prompt=scored.prompt,
    )
