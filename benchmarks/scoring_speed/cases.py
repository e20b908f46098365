"""Who is measured on what: contenders, models, shapes and sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmarks.scoring_speed.processes import try_interpreter
from benchmarks.scoring_speed.shapes import SHAPES, Item, Shape

OURS = "PMPO"


@dataclass(frozen=True, slots=True)
class Contender:
    """``module`` under ``contenders``; ``environment`` under ``.bench``, None for the one that runs the benchmark."""

    name: str
    module: str
    variant: str
    environment: str | None = None
    needs_gpu: bool = False


FULL = Contender("padded, full logits", "padded", "full")
KEPT = Contender("padded, logits_to_keep", "padded", "kept")
HARNESS = Contender("lm-evaluation-harness", "lm_eval_hf", "", "lm-eval")
VLLM = Contender("vLLM prompt_logprobs", "vllm_prompt", "prompt", "vllm")
VLLM_SUFFIX = Contender("vLLM suffix scoring", "vllm_prompt", "suffix", "vllm", needs_gpu=True)
PMPO = Contender(OURS, "tree", "tree")
NOTHING_SHARED = Contender("PMPO, nothing shared", "tree", "nothing_shared")
NOTHING_MERGED = Contender("PMPO, equal inputs not merged", "tree", "nothing_merged")
HEAD_AT_ALL_ROWS = Contender("PMPO, head at all rows", "tree", "head_at_all_rows")
CONTENDERS = (PMPO, FULL, KEPT, HARNESS, VLLM, VLLM_SUFFIX, NOTHING_SHARED, HEAD_AT_ALL_ROWS, NOTHING_MERGED)
RIVALS = (HARNESS, VLLM, VLLM_SUFFIX)
ABLATIONS = (NOTHING_SHARED, HEAD_AT_ALL_ROWS)
REFERENCE = Contender("one by one, float32", "padded", "one_by_one")


@dataclass(frozen=True, slots=True)
class Case:
    """One model in one dtype on C x N of one shape, and who takes part."""

    model: str
    dtype: str
    shape: Shape
    num_candidates: int
    num_examples: int
    contenders: tuple[Contender, ...]
    group: str = ""

    @property
    def name(self) -> str:
        """Its place among the cells."""
        size = f"{self.shape.name}-{self.num_candidates}x{self.num_examples}"
        return f"{self.group}{self.model}-{self.dtype}/{size}"

    def items(self, vocabulary: int, seed: int) -> list[Item]:
        """What is scored."""
        return self.shape.items(self.num_candidates, self.num_examples, vocabulary, seed)


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides which cases make sense. ``device``: cpu or cuda. ``fast_dtype``: of large models."""

    device: str
    name: str
    fast_dtype: str
    is_thorough: bool = False


def planned_cases(machine: Machine) -> list[Case]:
    """All cases, those of one model and dtype together.

    On a CPU slow contenders meet shape A alone, and some ablations are left out, unless it is to be thorough.
    """
    if machine.device == "cuda":
        everyone = (PMPO, FULL, KEPT, *RIVALS, *ABLATIONS)
        large = ("qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-7b")
        return [_case(model, "bfloat16", name, (32, 64), everyone) for model in large for name in SHAPES]
    cases = [_case("nano", "float32", name, (8, 32), _on_nano(name, machine)) for name in SHAPES]
    if machine.fast_dtype != "float32":
        cases.append(_case("nano", machine.fast_dtype, "A", (8, 32), (PMPO,)))
    return [
        *cases,
        *(_case("qwen2.5-0.5b", machine.fast_dtype, name, (4, 8), _on_half_billion(name, machine)) for name in SHAPES),
    ]


def sweep_cases(machine: Machine) -> list[Case]:
    """C and N growing 8-fold, ours alone."""
    model, dtype = ("nano", "float32") if machine.device == "cpu" else ("qwen2.5-0.5b", "bfloat16")
    sizes = [(1, 32), (2, 32), (4, 32), (8, 32), (8, 4), (8, 8), (8, 16)]
    return [replace(_case(model, dtype, "B", size, (PMPO,)), group="sweep-") for size in sizes]


def _on_nano(shape: str, machine: Machine) -> tuple[Contender, ...]:
    rivals = RIVALS if shape == "A" or machine.is_thorough else ()
    ablations = ABLATIONS if shape in {"A", "B", "E"} or machine.is_thorough else ()
    return (PMPO, FULL, KEPT, *rivals, *ablations)


def _on_half_billion(shape: str, machine: Machine) -> tuple[Contender, ...]:
    if machine.is_thorough:
        return (PMPO, FULL, KEPT, *RIVALS, *ABLATIONS)
    return {"A": (PMPO, FULL, KEPT, *RIVALS), "B": (PMPO, FULL, KEPT), "C": (PMPO, FULL, KEPT)}.get(shape, (PMPO, KEPT))


def _case(model: str, dtype: str, shape: str, size: tuple[int, int], who: Iterable[Contender]) -> Case:
    if SHAPES[shape].kind == "labels":
        who = (*who, NOTHING_MERGED)
    return Case(model, dtype, SHAPES[shape], *size, tuple(who))


def taking_part(case: Case, machine: Machine, only: frozenset[str] | None) -> tuple[list[Contender], dict[str, str]]:
    """Who can run here, and why the others do not."""
    there: list[Contender] = []
    absent: dict[str, str] = {}
    for contender in case.contenders:
        if only is not None and contender.name not in only:
            continue
        if contender.needs_gpu and machine.device != "cuda":
            absent[contender.name] = "needs a GPU"
        elif try_interpreter(contender.environment) is None:
            absent[contender.name] = f"there is no environment .bench/{contender.environment}: make bench makes it"
        else:
            there.append(contender)
    return there, absent
