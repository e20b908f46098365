"""Every way of computing a tree's attention equals the slow one, token by token."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from services.scorer.engines.torch_tree import cascade, masked, varlen
from services.scorer.engines.torch_tree.attending import choose_attend
from services.scorer.engines.torch_tree.tree_attention import Attend
from services.scorer.engines.torch_tree.varlen import VarlenAttention
from tests.unit.scorer.engines.torch_tree.trees import layouts, random_heads, slow_attention

TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 5e-2}


def slow_varlen_2_11(  # noqa: PLR0917
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cu_seq_q: torch.Tensor,
    cu_seq_k: torch.Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
) -> torch.Tensor:
    """What the documentation of ``varlen_attn`` says, in torch 2.11; the last query stands at the last key."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    assert query.shape[1] == key.shape[1]
    assert int(cu_seq_q.diff().max()) == max_q
    assert int(cu_seq_k.diff().max()) == max_k
    out = torch.empty_like(query)
    for first, last, key_first, key_last in zip(cu_seq_q, cu_seq_q[1:], cu_seq_k, cu_seq_k[1:], strict=False):
        queries, keys, values = query[first:last], key[key_first:key_last], value[key_first:key_last]
        back = torch.arange(len(keys) - len(queries), len(keys))[:, None] - torch.arange(len(keys))
        mask = (back >= -window_size[1]) & ((back <= window_size[0]) | (window_size[0] < 0))
        attended = F.scaled_dot_product_attention(
            queries.transpose(0, 1), keys.transpose(0, 1), values.transpose(0, 1), attn_mask=mask, scale=scale
        )
        out[first:last] = attended.transpose(0, 1)
    return out


def slow_varlen_2_12(  # noqa: PLR0917
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, cu_seq_q: torch.Tensor, cu_seq_k: torch.Tensor,
    max_q: int, max_k: int, *, scale: float, window_size: tuple[int, int], enable_gqa: bool = False,
    num_splits: int | None = None,
) -> torch.Tensor:  # fmt: skip
    assert num_splits == 1
    num_sharing = query.shape[1] // key.shape[1]
    assert enable_gqa == (num_sharing > 1)
    key, value = key.repeat_interleave(num_sharing, 1), value.repeat_interleave(num_sharing, 1)
    return slow_varlen_2_11(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, scale=scale, window_size=window_size)


WAYS: dict[str, Attend] = {
    "masked": masked.attend,
    "cascade": cascade.attend,
    "varlen-2.11": VarlenAttention(slow_varlen_2_11),
    "varlen-2.12": VarlenAttention(slow_varlen_2_12),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("window", [None, 1, 7, 40, 1000])
@pytest.mark.parametrize("max_tokens", [10_000, 100])
def test_every_token_attends_to_its_own_past(way: str, dtype: torch.dtype, window: int | None, max_tokens: int) -> None:
    for layout in layouts(max_tokens):
        heads = random_heads(layout, dtype)
        found = WAYS[way](heads, layout, window)
        assert found.dtype == dtype
        assert torch.allclose(found.double(), slow_attention(heads, layout, window), rtol=0, atol=TOLERANCES[dtype])


@pytest.mark.parametrize("way", WAYS)
def test_as_many_key_heads_as_heads(way: str) -> None:
    (layout,) = layouts(10_000)
    heads = random_heads(layout, torch.float32, num_sharing=1)
    found = WAYS[way](heads, layout, None)
    assert torch.allclose(found.double(), slow_attention(heads, layout, None), rtol=0, atol=1e-5)


@pytest.mark.parametrize("limit", ["MAX_GATHERED_KEYS", "BLOCK_QUERIES"])
def test_what_is_held_at_once_does_not_matter(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, way = {"MAX_GATHERED_KEYS": (varlen, WAYS["varlen-2.12"]), "BLOCK_QUERIES": (masked, masked.attend)}[limit]
    (layout,), (again,) = layouts(10_000), layouts(10_000)
    heads = random_heads(layout, torch.float32)
    whole = way(heads, layout, 20)
    monkeypatch.setattr(module, limit, 16)
    assert torch.allclose(way(heads, again, 20), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("window", [None, 40])
@pytest.mark.parametrize("part", [1, 8, 19, 1000])
@pytest.mark.parametrize("masked_from", [1, 10, 1000])
def test_bfloat16_in_parts_and_with_masks(
    part: int, masked_from: int, window: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cascade, "MAX_PART_TOKENS", part)
    monkeypatch.setattr(cascade, "MIN_MASKED_TOKENS", masked_from)
    for layout in layouts(100):
        heads = random_heads(layout, torch.bfloat16)
        found = cascade.attend(heads, layout, window).double()
        assert torch.allclose(found, slow_attention(heads, layout, window), rtol=0, atol=TOLERANCES[torch.bfloat16])


def test_the_setting_of_products_is_as_before() -> None:
    before = torch.backends.mkldnn.matmul.fp32_precision
    (layout,) = layouts(10_000)
    cascade.attend(random_heads(layout, torch.bfloat16), layout, 40)
    assert torch.backends.mkldnn.matmul.fp32_precision == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("window", [None, 30])
def test_a_broken_token_reaches_only_what_is_below_it(way: str, window: int | None) -> None:
    (layout,) = layouts(10_000)
    heads = random_heads(layout, torch.float32)
    broken = max(layout.segments, key=lambda segment: segment.depth)  # a leaf
    for states in (heads.queries, heads.keys, heads.values):
        states[:, broken.end - 1] = torch.nan
    is_bad = WAYS[way](heads, layout, window).isnan().any(-1).any(-1)
    assert set(is_bad.nonzero()[:, 0].tolist()) <= set(range(broken.start, broken.end))
    assert is_bad[broken.end - 1]


def test_the_processor_gets_the_cascade_and_unknown_devices_the_masks() -> None:
    assert choose_attend(torch.device("cpu"), torch.bfloat16) is cascade.attend
    assert choose_attend(torch.device("meta"), torch.bfloat16) is masked.attend
    assert choose_attend(torch.device("cuda"), torch.float32) is masked.attend  # varlen_attn has half precision alone
    assert isinstance(choose_attend(torch.device("cuda"), torch.bfloat16), VarlenAttention)
