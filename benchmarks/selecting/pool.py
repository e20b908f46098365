"""The pool of a job: the seed prompt and rewrites that the model wrote for it through the product's meta-prompt."""

from __future__ import annotations

from benchmarks.engine import Engine
from benchmarks.jobs import JobData
from benchmarks.ports import NoJournal
from pmpo.optim.events import CandidateProposed
from pmpo.optim.journal import SearchPorts
from pmpo.optim.search import search
from pmpo.optim.spec import Sampling, SearchSpec
from pmpo.optim.types import Splits
from pmpo.runs.meta_prompt import small_rewrite

MAX_REWRITE_TOKENS = 160


async def record_pool(engine: Engine, data: JobData, *, num_prompts: int, num_rounds: int, seed: int) -> list[str]:
    """The seed prompt first, then at most ``num_prompts - 1`` rewrites of a run of the search, in its order.

    When there are more they are taken at even distances, so that early and late rounds are both there. Later rounds
    rewrite what the run accepted by loss: the pool is one that the product meets, not one drawn without looking.
    """
    spec = SearchSpec(
        prompt=data.prompt,
        rewrite_meta=small_rewrite(),
        iterations=num_rounds,
        patience=num_rounds,
        max_answer_tokens=data.max_answer_tokens,
        objective=data.objective,
        with_accuracy=False,
        sampling=Sampling(max_tokens=MAX_REWRITE_TOKENS),
        seed=seed,
    )
    ports = SearchPorts(engine, engine, engine, engine, NoJournal())
    splits = Splits(data.splits.train, data.splits.validation)
    written = [
        event.candidate.prompt async for event in search(spec, splits, ports) if isinstance(event, CandidateProposed)
    ]
    return [data.prompt, *evenly(written, num_prompts - 1)]


def evenly(items: list[str], count: int) -> list[str]:
    """``count`` of the items at even distances and in order; all when there are fewer."""
    if len(items) <= count:
        return items
    return [items[index * len(items) // count] for index in range(count)]
