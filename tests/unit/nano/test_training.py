"""Training: the schedule, the optimizer, the stream of batches, and going on after a kill."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from nano_training.checkpoints import load_newest
from nano_training.corpus import BATCHES_PER_POOL, ECHO_STEPS, Corpus, CorpusConfig, bucket_of, draw_texts
from nano_training.export import export_model
from nano_training.model import ModelShape
from nano_training.optimizers import Schedule, orthogonalize
from nano_training.tokenizer import END, START, encode_turns, train_tokenizer
from nano_training.trainer import Trainer

SHAPE = ModelShape(width=16, mlp_width=16, num_layers=1, num_heads=2, num_kv_heads=1, head_width=8)
CORPUS = CorpusConfig(seed=5, batch_tokens=256)
SCHEDULE = Schedule(num_steps=6, decay_start=3, warmup_steps=2)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(draw_texts(0, 200))


def new_trainer(tokenizer: Tokenizer) -> Trainer:
    return Trainer(tokenizer, SHAPE, CORPUS, SCHEDULE)


def test_the_schedule_warms_up_stays_and_decays() -> None:
    schedule = Schedule(num_steps=100, decay_start=50, warmup_steps=10)
    factors = [schedule.factor(step) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[10:51] == [1.0] * 41
    assert all(later < earlier for earlier, later in pairwise(factors[50:99]))
    assert factors[99] == pytest.approx(0.02)


def test_orthogonalizing_leaves_singular_values_near_one() -> None:
    matrices = torch.randn(3, 12, 20, generator=torch.Generator().manual_seed(0))
    for shaped in (matrices, matrices.mT.contiguous()):
        values = torch.linalg.svdvals(orthogonalize(shaped))
        assert values.min() > 0.5
        assert values.max() < 1.3


def test_a_batch_depends_on_seed_and_step_alone(tokenizer: Tokenizer) -> None:
    forward = Corpus(tokenizer, CORPUS)
    batches = [forward.batch(step) for step in range(BATCHES_PER_POOL + 2)]
    backward = Corpus(tokenizer, CORPUS)
    assert [backward.batch(step) for step in reversed(range(BATCHES_PER_POOL + 2))] == batches[::-1]
    assert all(batches)
    assert Corpus(tokenizer, CorpusConfig(seed=6, batch_tokens=256)).batch(0) != batches[0]


def test_a_killed_run_goes_on_to_the_same_bits(tokenizer: Tokenizer, tmp_path: Path) -> None:
    straight = new_trainer(tokenizer)
    losses = [report.answer_nats for report in straight.run(6)]

    killed = new_trainer(tokenizer)
    list(killed.run(3))
    killed.save(tmp_path)
    list(killed.run(5))  # steps after the checkpoint are lost
    (tmp_path / "step-000005.partial").write_bytes(b"half a file")

    resumed = new_trainer(tokenizer)
    assert resumed.try_resume(tmp_path)
    assert resumed.step == 3
    assert [report.answer_nats for report in resumed.run(6)] == losses[3:]
    assert resumed.tokens_seen == straight.tokens_seen
    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_model_is_exported_into_a_folder_that_is_not_there_yet(tokenizer: Tokenizer, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "model"
    export_model(folder, new_trainer(tokenizer).model, tokenizer)
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in folder.iterdir()}
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_every_sample_of_a_batch_fits_its_bucket(tokenizer: Tokenizer) -> None:
    corpus = Corpus(tokenizer, CorpusConfig(seed=1, batch_tokens=2048))
    for step in range(BATCHES_PER_POOL):
        buckets = {bucket_of(len(ids)) for ids, _ in corpus.batch(step)}
        assert len(buckets) == 1
        (bucket,) = buckets
        assert len(corpus.batch(step)) == max(1, 2048 // bucket)


def test_later_batches_score_a_third_of_the_context(tokenizer: Tokenizer) -> None:
    corpus = Corpus(tokenizer, CorpusConfig(seed=1, batch_tokens=2048))

    def share(step: int) -> float:
        weights = [weight for _, row in corpus.batch(step) for weight in row if weight < 1]
        return sum(weight > 0 for weight in weights) / len(weights)

    assert share(ECHO_STEPS + BATCHES_PER_POOL) < 0.5 * share(0)


def test_other_settings_are_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    new_trainer(tokenizer).save(tmp_path)
    other = Trainer(tokenizer, SHAPE, CorpusConfig(seed=6, batch_tokens=256), SCHEDULE)
    with pytest.raises(ValueError, match="seed"):
        other.try_resume(tmp_path)


def test_only_the_newest_checkpoints_are_kept(tokenizer: Tokenizer, tmp_path: Path) -> None:
    trainer = new_trainer(tokenizer)
    assert not trainer.try_resume(tmp_path)
    for until in (1, 2, 3):
        list(trainer.run(until))
        trainer.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000002.pt", "step-000003.pt"]
    newest = load_newest(tmp_path)
    assert newest is not None
    assert newest.step == 3


def test_encoding_in_parts_equals_encoding_the_whole(tokenizer: Tokenizer) -> None:
    rng = random.Random(8)
    alphabet = ["\n", " ", "  ", "7", "42", "a", "Yes", "- ", "{{", "}}", "é", "→", ".", '"', "</prompt>"]
    for _ in range(300):
        turns = [
            (role, "".join(rng.choices(alphabet, k=rng.randint(0, 9)))) for role in ("system", "user", "assistant")
        ]
        whole = "".join(f"{START}{role}\n{content}{END}\n" for role, content in turns)
        assert encode_turns(tokenizer, turns)[0] == tokenizer.encode(whole).ids
