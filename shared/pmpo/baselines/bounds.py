"""Upper bounds of what a rival can cost: the smallest budget that covers its start, one round and the final test."""

from __future__ import annotations

from pmpo.baselines.operators import rewrite_room
from pmpo.baselines.rival import Rival
from pmpo.baselines.spec import RivalSpec
from pmpo.optim.bounds import TokenCounts, answering, final_scoring, longest
from pmpo.optim.budget import Reservation

MAX_CHALLENGERS = 2  # candidates of a round that may be tried on the validation set: as many as PMPO's halving leaves


def minimum_rival_budget(counts: TokenCounts, spec: RivalSpec, rival: Rival) -> Reservation:
    """The smallest budget that surely covers the seed's scoring, one round and the final test."""
    base = spec.base
    by_loss = spec.measure_for(rival.published) == "loss"
    scored = sum(counts.train) + sum(counts.validation)
    scored += (rival.num_proposals if by_loss else 1) * longest(counts.train, counts, base)
    scored += (MAX_CHALLENGERS if by_loss else 1) * longest(counts.validation, counts, base)
    scored += sum(reservation.scored_tokens for reservation in final_scoring(counts, base))
    answered = (1 + (1 if by_loss else MAX_CHALLENGERS)) * len(counts.validation) + 2 * len(counts.test)
    answered += 0 if by_loss else (1 + rival.num_proposals) * len(counts.train)
    generated = rival.num_proposals * rewrite_room(spec, rival.room) if rival.room else 0
    return Reservation(scored, generated + answering(answered, base).generated_tokens)
