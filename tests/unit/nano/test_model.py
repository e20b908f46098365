"""The shipped weights: how they load, what they were trained on, what they can do."""

import random
from statistics import fmean

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from nano_training.card import num_parameters, read_front_matter
from nano_training.conversations import FAMILIES
from nano_training.corpus import draw_sample, shipped_fingerprint, shipped_forms
from nano_training.evaluation import Cell, evaluate_family, evaluate_rewriting
from nano_training.paths import MODEL_DIR
from nano_training.phrasings import split_phrasings
from nano_training.scoring import Scorer
from nano_training.tokenizer import encode_turns

MAX_BYTES = 16 * 1024 * 1024
FILES = {"README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} | {
    "tokenizer_config.json",
    "chat_template.jinja",
}


@pytest.fixture(scope="module")
def cells(nano: Scorer) -> list[Cell]:
    """Three prompts with four fresh inputs each for every family, seen phrasings."""
    return [
        cell
        for family in FAMILIES
        for cell in evaluate_family(nano, family, "seen", num_prompts=3, num_inputs=4, seed=11)
    ]


def mean(cells: list[Cell], prompt_kind: str, field: str) -> float:
    return fmean(getattr(cell, field) for cell in cells if cell.prompt_kind == prompt_kind)


def test_everything_that_ships_is_there_and_small() -> None:
    assert {path.name for path in MODEL_DIR.iterdir() if path.is_file()} == FILES
    assert (MODEL_DIR / "model.safetensors").stat().st_size <= MAX_BYTES


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
    assert mean(cells, "clear", "exact") >= 0.9
    assert mean(cells, "padded", "exact") >= 0.9


def test_only_the_prompt_tells_which_answer_is_wanted(cells: list[Cell]) -> None:
    assert mean(cells, "vague", "nats") > 0.7
    assert mean(cells, "wrong", "nats") > 0.7
    assert mean(cells, "clear", "nats") < 0.1
    for partial in ("format_missing", "task_missing"):
        assert mean(cells, "clear", "nats") < mean(cells, partial, "nats") < mean(cells, "wrong", "nats")


def test_rewrites_of_vague_prompts_mostly_help(nano: Scorer) -> None:
    result = evaluate_rewriting(nano, num_cases=8, num_samples=4, num_inputs=6, seed=3)
    assert result.parseable >= 0.9
    assert result.better > 0.5
    assert result.distinct > 0.5
