"""What stops the start, and what the settings mean."""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pmpo.contracts.scoring import ChatCompletionRequest, ScoreRequest
from pmpo.errors import ConfigurationError, EngineError
from pmpo.runtime.metrics import ScorerMetrics
from pmpo.runtime.settings import Settings, load_settings
from services.scorer.__main__ import bind, main, serve
from services.scorer.engines.loading import choose_dtype, load_model
from services.scorer.engines.torch_tree import TorchTreeEngine
from services.scorer.model_source import ModelSource, find_model
from services.scorer.startup import build_service

NO_FLAGS: frozenset[str] = frozenset()
BF16_FLAGS = frozenset({"sse2", "avx512_bf16"})


@pytest.fixture
def kept_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level


def test_models_are_found(model_folder: Path) -> None:
    assert find_model(str(model_folder)) == ModelSource("tiny", str(model_folder.resolve()), is_local=True)
    assert find_model("owner/some-model") == ModelSource("owner/some-model", "owner/some-model", is_local=False)


@pytest.mark.parametrize("setting", ["/no/such/folder", "nothing", "a/b/c", ""])
def test_missing_model_is_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="PMPO_SCORER_MODEL"):
        find_model(setting)


def test_folder_without_safetensors_is_refused(model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("*.safetensors"))
    (tmp_path / "copy" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"holds no \*\.safetensors"):
        find_model(str(tmp_path / "copy"))


def test_broken_weights_are_refused(model_folder: Path, tmp_path: Path, settings: Settings) -> None:
    shutil.copytree(model_folder, tmp_path / "copy")
    (tmp_path / "copy" / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(ConfigurationError, match="the model copy cannot be loaded"):
        build_service(settings, find_model(str(tmp_path / "copy")), ScorerMetrics())


@pytest.mark.parametrize("name", ["model.safetensors", "chat_template.jinja"])
def test_revision_follows_all_that_decides_a_score(
    model_folder: Path, source: ModelSource, tmp_path: Path, name: str
) -> None:
    shutil.copytree(model_folder, tmp_path / "tiny")
    before = load_model(find_model(str(tmp_path / "tiny")), "float32", 1).identity
    file = tmp_path / "tiny" / name
    changed = bytearray(file.read_bytes())
    changed[-1] ^= 1
    file.write_bytes(changed)
    after = load_model(find_model(str(tmp_path / "tiny")), "float32", 1).identity
    assert before == load_model(source, "float32", 1).identity
    assert before.revision != after.revision


@pytest.mark.parametrize(
    ("setting", "num_parameters", "has_gpu", "flags", "expected"),
    [
        ("auto", 5_000_000, False, BF16_FLAGS, torch.float32),
        ("auto", 500_000_000, False, BF16_FLAGS, torch.bfloat16),
        ("auto", 500_000_000, False, NO_FLAGS, torch.float32),
        ("auto", 5_000_000, True, NO_FLAGS, torch.bfloat16),
        ("float32", 500_000_000, True, BF16_FLAGS, torch.float32),
        ("bfloat16", 5, False, NO_FLAGS, torch.bfloat16),
    ],
)
def test_dtype(setting: str, num_parameters: int, has_gpu: bool, flags: frozenset[str], expected: torch.dtype) -> None:
    assert choose_dtype(setting, num_parameters, has_gpu, flags) == expected


def test_unknown_dtype_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'int8'.*float32 or bfloat16"):
        choose_dtype("int8", 1, False, NO_FLAGS)


def test_bfloat16_scores_are_near_those_of_float32(source: ModelSource) -> None:
    from services.scorer.engines.base import TokenItem

    items = [TokenItem(tuple(range(40, 70)), tuple(range(70, 80))), TokenItem(tuple(range(40, 60)), (5, 6))]
    sums = {}
    for dtype in ("float32", "bfloat16"):
        loaded = load_model(source, dtype, 1)
        assert loaded.identity.dtype == dtype
        engine = TorchTreeEngine(loaded.model, loaded.identity, 1000)
        engine.self_check()
        sums[dtype] = [float(values.mean()) for values in engine.score(items).token_log_likelihoods]
    assert sums["bfloat16"] == pytest.approx(sums["float32"], abs=0.2)
    assert sums["bfloat16"] != sums["float32"]


def test_self_check_refuses_an_engine_that_is_not_the_model(source: ModelSource) -> None:
    loaded = load_model(source, "float32", 1)

    def shifted(_module: object, _args: object, output: torch.Tensor) -> torch.Tensor:
        return output.roll(1, dims=-1)

    loaded.model.register_forward_hook(lambda _m, _a, output: setattr(output, "logits", shifted(_m, _a, output.logits)))
    with pytest.raises(EngineError, match="differ from plain scoring"):
        TorchTreeEngine(loaded.model, loaded.identity, 1000).self_check()


def test_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"127.0.0.1:{port} \(Address already in use\).*PMPO_SCORER_PORT"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PMPO_SCORER_MODEL", "/no/such/folder", "/no/such/folder"),
        ("PMPO_SCORER_DTYPE", "int8", "PMPO_SCORER_DTYPE"),
        ("PMPO_SCORER_PROT", "1", "PMPO_SCORER_PORT"),
    ],
)
@pytest.mark.usefixtures("kept_logging")
def test_main_fails_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, words: str
) -> None:
    for known in [variable for variable in os.environ if variable.startswith("PMPO_")]:
        monkeypatch.delenv(known)
    monkeypatch.setenv(name, value)
    assert main() == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("scorer: ")
    assert words in captured.err
    assert captured.err.count("\n") == 1


async def test_server_stops_when_the_model_cannot_be_loaded(model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "copy")
    (tmp_path / "copy" / "config.json").write_text("{}")
    settings = load_settings({"PMPO_SCORER_MODEL": str(tmp_path / "copy")})
    with pytest.raises(ConfigurationError, match="copy"):
        await serve(settings, find_model(settings.scorer_model), bind("127.0.0.1", 0))


async def test_a_base_model_scores_and_answers_under_the_plain_template(
    model_folder: Path, tmp_path: Path, settings: Settings
) -> None:
    shutil.copytree(model_folder, tmp_path / "base", ignore=shutil.ignore_patterns("chat_template*"))
    service = build_service(settings, find_model(str(tmp_path / "base")), ScorerMetrics())
    service.start()
    body = {"prompts": ["Be brief."], "examples": [{"input": "hi", "targets": ["yo", "no"]}], "answer_prefix": "So "}
    try:
        scored = await service.score(ScoreRequest.model_validate(body), "a")
        chat = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4, "seed": 1, "answer_prefix": "So "}
        answer = await service.complete(ChatCompletionRequest.model_validate(chat), "a", "r")
    finally:
        await service.close()
    num_context = len("Be brief.\n\nhi\nSo ")
    assert scored.body.num_tokens == [[[3, 3]]]
    assert scored.body.scored_tokens == 2 * (num_context + 3)
    assert answer.body.usage.prompt_tokens == len("hi\nSo ")
