"""The shipped weights: how they load, what they were trained on, what they can do.

The samples here are small, so the limits lie below what the card measures on many more.
"""

import random
from statistics import fmean

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from nano_training.corpus import draw_sample, shipped_fingerprint, shipped_forms
from nano_training.facts import Facts, num_parameters
from nano_training.kinds.all import TRAINED_FAMILIES
from nano_training.paths import FACTS_FILE, MODEL_DIR
from nano_training.phrasings import split_phrasings
from nano_training.report.card import read_front_matter
from nano_training.report.families import Cell, Setting, Sizes, measure_family
from nano_training.report.preferences import measure_pairs
from nano_training.report.requirements import measure_misleading, measure_requirements
from nano_training.report.rewrites import measure_rewrites
from nano_training.scoring import Scorer
from nano_training.tokenizer import encode_turns

MAX_BYTES = 16 * 1024 * 1024
FILES = {"README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} | {
    "tokenizer_config.json",
    "chat_template.jinja",
}


@pytest.fixture(scope="module")
def cells(nano: Scorer) -> list[Cell]:
    """A prompt of held-out sentences with three fresh inputs for every trained family."""
    kinds = ("clear", "padded", "format_missing", "task_missing", "vague")
    return [
        cell
        for family in TRAINED_FAMILIES
        for cell in measure_family(nano, family, Setting("unseen"), Sizes(1, 3, seed=11), kinds)
    ]


def mean(cells: list[Cell], prompt_kind: str, field: str) -> float:
    return fmean(getattr(cell, field) for cell in cells if cell.prompt_kind == prompt_kind)


def test_everything_that_ships_is_there_and_small() -> None:
    assert {path.name for path in MODEL_DIR.iterdir() if path.is_file()} == FILES
    assert (MODEL_DIR / "model.safetensors").stat().st_size <= MAX_BYTES


def test_a_context_of_2048_tokens_is_declared() -> None:
    assert AutoTokenizer.from_pretrained(MODEL_DIR).model_max_length == 2048
    assert AutoModelForCausalLM.from_pretrained(MODEL_DIR).config.max_position_embeddings == 2048


def test_it_loads_with_the_auto_classes() -> None:
    model = AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype="auto")
    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
    assert model.dtype == torch.bfloat16
    assert model.config.model_type == "qwen3"
    assert tokenizer.eos_token == "<|im_end|>"
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.config.vocab_size == len(tokenizer)


def test_the_card_tells_the_truth() -> None:
    facts = read_front_matter((MODEL_DIR / "README.md").read_text(encoding="utf-8"))
    assert facts["license"] == "apache-2.0"
    assert int(facts["parameters"]) == num_parameters(MODEL_DIR)
    assert int(facts["training_steps"]) > int(facts["training_decay_start"]) > 0
    assert facts["training_tokens"] == str(Facts.read(FACTS_FILE).tokens)
    assert num_parameters(MODEL_DIR) <= 8_000_000


def test_the_meta_prompts_are_those_it_was_trained_on() -> None:
    """When this fails the shipped forms or their renderer changed: take the change back, or train nano again."""
    facts = read_front_matter((MODEL_DIR / "README.md").read_text(encoding="utf-8"))
    assert facts["meta_prompt_fingerprint"] == shipped_fingerprint()


def test_the_chat_template_gives_the_ids_of_training(nano: Scorer) -> None:
    tokenizer = Tokenizer.from_file(str(MODEL_DIR / "tokenizer.json"))
    rng, forms, phrasings = random.Random(9), shipped_forms(), split_phrasings()[0]
    for _ in range(200):
        turns = draw_sample(rng, phrasings, forms)
        trained = encode_turns(tokenizer, turns)[0]
        shown = nano.context_ids(turns[:-1]) + nano.target_ids(turns[-1][1])
        assert shown == trained[: len(shown)]
        assert nano.tokenizer.decode(trained[len(shown) :]) == "\n"


def test_texts_survive_the_tokenizer(nano: Scorer) -> None:
    for text in ("The answer is Paris.", '{"answer": "12"}', "a  b\n\n c ", "Zażółć → 日本 🙂"):
        ids = nano.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert nano.tokenizer.decode(ids) == text


def test_clear_prompts_are_obeyed(cells: list[Cell]) -> None:
    assert mean(cells, "clear", "exact") >= 0.88
    assert mean(cells, "padded", "exact") >= 0.88


def test_only_the_prompt_tells_which_answer_is_wanted(cells: list[Cell]) -> None:
    assert mean(cells, "vague", "nats") > 0.8
    assert mean(cells, "clear", "nats") < 0.1
    for partial in ("format_missing", "task_missing"):
        assert mean(cells, "clear", "nats") + 0.15 < mean(cells, partial, "nats")


def test_each_requirement_costs_and_filler_does_not(nano: Scorer) -> None:
    costs = measure_requirements(nano, 40, 3, seed=4)
    assert costs.mean > 0.15
    assert abs(costs.filler_mean) < 0.03


def test_masking_finds_the_misleading_sentence(nano: Scorer) -> None:
    assert measure_misleading(nano, 30, 4, seed=5).found >= 0.9


def test_rewrites_of_vague_prompts_mostly_help(nano: Scorer) -> None:
    whole = measure_rewrites(nano, 30, 4, seed=3)[-1]
    assert whole.name == "all"
    assert whole.parseable >= 0.9
    assert whole.better > 0.55
    assert whole.best_nats < 0.85 * whole.vague_nats
    assert whole.distinct > 0.5


def test_the_wanted_side_of_a_pair_is_likelier_when_the_prompt_is_clear(nano: Scorer) -> None:
    right = {(result.flaw, result.prompt_kind): result.right for result in measure_pairs(nano, 30, seed=6)}
    for flaw in ("wrong", "malformed", "impolite"):
        assert right[flaw, "clear"] >= 0.85
        assert right[flaw, "clear"] > right[flaw, "vague"]
