"""Upper bounds of what a rival can cost: the smallest budget that covers its start, one round and the final test."""

from __future__ import annotations

from pmpo.baselines.operators import rewrite_room
from pmpo.baselines.rival import Rival
from pmpo.baselines.spec import RivalSpec
from pmpo.optim.bounds import TokenCounts, answering, final_answering, final_scoring, grown, longest, read_bytes
from pmpo.optim.tariff import Reservation, Tariff

MAX_CHALLENGERS = 2  # candidates of a round that may be tried on the validation set: as many as PMPO's halving leaves


def minimum_rival_budget(counts: TokenCounts, spec: RivalSpec, rival: Rival) -> Reservation:
    """The smallest budget that surely covers the seed's scoring, one round and the final test.

    Its money counts as many bytes for every request of a rival's own wording as the shared one has. A round that needs
    more than a cap on money leaves ends with the reason ``budget``; the final test is reserved in any case.
    """
    base, tariff = spec.base, Tariff(spec.base.prices)
    by_loss = spec.measure_for(rival.published) == "loss"
    scored = sum(counts.train) + sum(counts.validation)
    scored += (rival.num_proposals if by_loss else 1) * longest(counts.train, counts, base)
    scored += (MAX_CHALLENGERS if by_loss else 1) * longest(counts.validation, counts, base)
    validation, train = grown(counts.validation, counts, base), grown(counts.train, counts, base)
    parts = [tariff.scoring(scored), *final_scoring(counts, base), *final_answering(counts, base)]
    parts += [answering(counts.validation, base), answering(validation * (1 if by_loss else MAX_CHALLENGERS), base)]
    if not by_loss:
        parts += [answering(counts.train, base), answering(train * rival.num_proposals, base)]
    if rival.room:
        read = rival.num_proposals * read_bytes(base.rewrite_meta, counts, base)
        parts.append(tariff.rewriting(rival.num_proposals * rewrite_room(spec, rival.room), read))
    return sum(parts, start=Reservation())
