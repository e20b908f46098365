"""The torch engine: every common prefix is run once, the language-model head only where a target is predicted.

Equals, to float noise, ``slow_log_likelihoods``: one full forward pass a sequence, ``log_softmax`` of all logits, and
the target's entries of it. Which row predicts which token (c = context, t = target, p = shared prefix)::

    sequence   c0 c1 c2 c3 t0 t1 t2
    input      c0 c1 c2 c3 t0 t1        the last token is predicted, never read
    prefix     p0 p1 p2 p3              run once for the group, its last hidden state kept
    suffix                 t0 t1        one row a member, padded on the right (causal: padding is never attended)
    predicts            t0 t1 t2        from the hidden state above it, prefix rows included
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from pmpo.errors import EngineError
from services.scorer.engines.base import EngineIdentity, FloatArray, ScoredItems, TokenItem
from services.scorer.planner.groups import PrefixGroup, TokenIds, plan_groups

MAX_LOGIT_BYTES = 256 * 2**20
MAX_CAST_BYTES = 64 * 2**20
CACHE_TOKENS_PER_BATCH_TOKEN = 2
SELF_CHECK_TOLERANCE_NATS = {torch.float32: 1e-3, torch.bfloat16: 0.25}  # a target token, mean


@dataclass(frozen=True, slots=True)
class _Work:
    """Distinct inputs and what is predicted from each.

    Attributes:
        items: distinct items.
        inputs: distinct inputs: sequences without their last token.
        items_of: for each input, the indices of the items that are predicted from it.
    """

    items: list[TokenItem]
    inputs: list[TokenIds]
    items_of: list[list[int]]


class TorchTreeEngine:
    """Scores with a transformers model in this process. Not for several threads at once."""

    def __init__(self, model: PreTrainedModel, identity: EngineIdentity, max_batch_tokens: int) -> None:
        self._model = model
        self._identity = identity
        self._max_batch_tokens = max_batch_tokens

    @property
    def identity(self) -> EngineIdentity:
        """The model, its revision, the engine and its limits."""
        return self._identity

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        """Log-likelihood of every target token of every item (nats), independent of the batch but for float noise."""
        place: dict[TokenItem, int] = {}
        places = [place.setdefault(item, len(place)) for item in items]
        work = _distinct_inputs(list(place))
        found: list[FloatArray] = [np.empty(0, np.float32)] * len(work.items)
        computed = [0] * len(work.items)
        with torch.inference_mode():
            for group in plan_groups(work.inputs):
                self._score_group(work, group, found, computed)
        first_at = {unique: index for index, unique in reversed(list(enumerate(places)))}
        return ScoredItems(
            token_log_likelihoods=tuple(found[unique] for unique in places),
            computed_tokens=tuple(
                computed[unique] if first_at[unique] == index else 0 for index, unique in enumerate(places)
            ),
        )

    def self_check(self) -> None:
        """Score a few made-up sequences both ways.

        Raises:
            EngineError: the results differ by more than the dtype's noise.
        """
        items = _self_check_items(self._model.config.get_text_config().vocab_size, self._identity.context_length)
        tolerance = SELF_CHECK_TOLERANCE_NATS[self._model.dtype]
        for item, fast in zip(items, self.score(items).token_log_likelihoods, strict=True):
            slow = slow_log_likelihoods(self._model, item)
            error = float(np.abs(fast - slow).mean())
            if not error <= tolerance:
                raise EngineError(
                    f"engine torch_tree cannot run {self._identity.model}: its scores differ from plain scoring by "
                    f"{error:.3g} nats a token (allowed {tolerance:g}); choose another model or engine"
                )

    def _score_group(self, work: _Work, group: PrefixGroup, found: list[FloatArray], computed: list[int]) -> None:
        """Fill ``found`` and ``computed`` for every item of the group's inputs."""
        prefix = work.inputs[group.members[0]][: group.prefix_length]
        prefix_hidden, cache = self._run_prefix(prefix)
        computed[work.items_of[group.members[0]][0]] += len(prefix)
        for members in self._batches(work, group):
            suffixes = [work.inputs[member][len(prefix) :] for member in members]
            suffix_hidden = self._run_suffixes(suffixes, cache)
            rows: list[torch.Tensor] = []
            targets: list[int] = []
            owners: list[int] = []
            for row, member in enumerate(members):
                computed[work.items_of[member][0]] += len(suffixes[row])
                for owner in work.items_of[member]:
                    item = work.items[owner]
                    start = len(item.context) - 1
                    if start < len(prefix):
                        rows.append(prefix_hidden[start : len(item.context) + len(item.target) - 1])
                    rows.append(suffix_hidden[row, max(start - len(prefix), 0) : len(suffixes[row])])
                    targets.extend(item.target)
                    owners.append(owner)
            values = self._target_log_likelihoods(torch.cat(rows), targets)
            ends = np.cumsum([len(work.items[owner].target) for owner in owners])
            for owner, part in zip(owners, np.split(values, ends[:-1]), strict=True):
                found[owner] = part

    def _batches(self, work: _Work, group: PrefixGroup) -> Iterator[list[int]]:
        """The members, longest first, in batches that the token limits allow (at least one member each)."""
        prefix_length = group.prefix_length
        lengths = {member: len(work.inputs[member]) - prefix_length for member in group.members}
        waiting = sorted(group.members, key=lambda member: -lengths[member])
        while waiting:
            longest = max(lengths[waiting[0]], 1)
            num_cached = longest + prefix_length
            room = min(
                self._max_batch_tokens // longest,
                CACHE_TOKENS_PER_BATCH_TOKEN * self._max_batch_tokens // num_cached,
            )
            yield waiting[: max(room, 1)]
            waiting = waiting[max(room, 1) :]

    def _run_prefix(self, prefix: TokenIds) -> tuple[torch.Tensor, DynamicCache | None]:
        """Hidden states (prefix, width) and the filled cache of one sequence; an empty prefix has neither."""
        if not prefix:
            return torch.empty(0, device=self._model.device), None
        cache = DynamicCache(config=self._model.config)
        ids = torch.tensor([prefix], device=self._model.device)
        output = self._model.base_model(input_ids=ids, past_key_values=cache, use_cache=True)
        return output.last_hidden_state[0], cache

    def _run_suffixes(self, suffixes: Sequence[TokenIds], cache: DynamicCache | None) -> torch.Tensor:
        """Hidden states (rows, longest, width) of suffixes, longest first, after the cached prefix."""
        longest = len(suffixes[0])
        if not longest:
            width = self._model.config.get_text_config().hidden_size
            return torch.empty(len(suffixes), 0, width, dtype=self._model.dtype, device=self._model.device)
        ids = torch.tensor(
            [suffix + (suffix or suffixes[0])[-1:] * (longest - len(suffix)) for suffix in suffixes],
            device=self._model.device,
        )
        rows = None if cache is None else _expanded(cache, len(suffixes))
        output = self._model.base_model(input_ids=ids, past_key_values=rows, use_cache=rows is not None)
        hidden: torch.Tensor = output.last_hidden_state
        return hidden

    def _target_log_likelihoods(self, hidden: torch.Tensor, targets: Sequence[int]) -> FloatArray:
        """``log_softmax(head(hidden))[target]`` a row, float32; ``hidden`` is (rows, width)."""
        head = self._model.get_output_embeddings()
        ids = torch.tensor(targets, device=hidden.device)
        chunk = max(1, MAX_LOGIT_BYTES // (4 * head.weight.shape[0]))
        parts = [
            _head_rows(rows.float(), ids[start : start + chunk], head.weight, getattr(head, "bias", None))
            for start, rows in zip(range(0, len(ids), chunk), hidden.split(chunk), strict=True)
        ]
        values: FloatArray = torch.cat(parts).cpu().numpy()
        return values


def slow_log_likelihoods(model: PreTrainedModel, item: TokenItem) -> FloatArray:
    """The formula that the engine equals: (target tokens,) entries of the full ``log_softmax``, one sequence alone."""
    with torch.inference_mode():
        ids = torch.tensor([item.context + item.target], device=model.device)
        log_probs = model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)  # (tokens, vocabulary)
        predicted = log_probs[len(item.context) - 1 : -1].gather(1, ids[0, len(item.context) :, None])[:, 0]
    values: FloatArray = predicted.cpu().numpy()
    return values


def _head_rows(
    hidden: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """(rows,) float32 log-probabilities. A weight that is not float32 is cast in blocks of the vocabulary."""
    block = len(weight) if weight.dtype == torch.float32 else max(1, MAX_CAST_BYTES // (4 * weight.shape[1]))
    normaliser = torch.full_like(hidden[:, 0], -torch.inf)
    target_logits = torch.zeros_like(normaliser)
    for start in range(0, len(weight), block):
        part_bias = None if bias is None else bias[start : start + block].float()
        logits = F.linear(hidden, weight[start : start + block].float(), part_bias)  # (rows, block)
        normaliser = torch.logaddexp(normaliser, logits.logsumexp(1))
        inside = (targets >= start) & (targets < start + block)
        local = (targets - start).clamp(0, logits.shape[1] - 1)
        target_logits = torch.where(inside, logits.gather(1, local[:, None])[:, 0], target_logits)
    return target_logits - normaliser


def _expanded(cache: DynamicCache, num_rows: int) -> DynamicCache:
    """A copy of a one-row cache for ``num_rows`` rows; plain attention layers share the row's memory."""
    rows = copy.copy(cache)
    rows.layers = []
    for layer in cache.layers:
        if isinstance(layer, DynamicLayer) and set(vars(layer)) <= _PLAIN_LAYER_STATE:
            shared = copy.copy(layer)
            shared.keys, shared.values = (
                None if states is None else states.expand(num_rows, -1, -1, -1) for states in (layer.keys, layer.values)
            )
            rows.layers.append(shared)
        else:
            copied = copy.deepcopy(layer)
            copied.reorder_cache(cast(torch.LongTensor, torch.zeros(num_rows, dtype=torch.long)))
            rows.layers.append(copied)
    return rows


_PLAIN_LAYER_STATE = {
    "keys", "values", "is_initialized", "dtype", "device",
    "sliding_window", "cumulative_length", "_sliding_window_tensor", "record_past",
}  # fmt: skip


def _distinct_inputs(items: list[TokenItem]) -> _Work:
    place: dict[TokenIds, int] = {}
    items_of: list[list[int]] = []
    for index, item in enumerate(items):
        row = place.setdefault((item.context + item.target)[:-1], len(place))
        if row == len(items_of):
            items_of.append([])
        items_of[row].append(index)
    return _Work(items, list(place), items_of)


def _self_check_items(num_tokens: int, context_length: int) -> list[TokenItem]:
    """Made-up items that use a long shared prefix, several suffix lengths and a target that lies in the prefix."""
    length = min(40, context_length // 2)
    ids = [(7919 * step + 13) % num_tokens for step in range(2 * length)]
    prefix = tuple(ids[:length])
    starts = (0, 3, 7)
    items = [TokenItem(prefix + tuple(ids[length : length + s]), tuple(ids[-s - 3 :])) for s in starts]
    return [*items, TokenItem(prefix, (ids[-1],)), TokenItem(prefix[: length // 2], prefix[length // 2 :])]
