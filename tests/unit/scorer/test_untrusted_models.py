"""Files of a model are data: no code of theirs runs, and no pickle is opened."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from pmpo.contracts.scoring import ChatMessage
from pmpo.errors import ConfigurationError, PmpoError
from pmpo.runtime.settings import Settings, load_settings
from services.scorer.engines.choosing import load_text
from services.scorer.engines.loading import load_model
from services.scorer.engines.vllm_local.loading import engine_options, refuse_pickled_adapter
from services.scorer.model_source import find_model


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> Any:
        return Path.touch, (self.sprung,)


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    return tmp_path / "sprung"


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_the_trap_would_spring(sprung: Path) -> None:
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()


def test_pickled_weights_beside_safetensors_are_not_opened(folder: Path, sprung: Path) -> None:
    for name in ("pytorch_model.bin", "adapter_model.bin", "tokenizer.pkl", "training_args.bin"):
        (folder / name).write_bytes(pickle.dumps(Trap(sprung)))
    load_model(find_model(str(folder)), "float32", 1)
    load_text(load_settings({}), find_model(str(folder)))
    assert not sprung.exists()


def test_pickled_weights_in_place_of_the_safetensors_that_the_index_names_are_refused(
    folder: Path, sprung: Path
) -> None:
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(ConfigurationError, match="cannot be loaded"):
        load_model(find_model(str(folder)), "float32", 1)
    assert not sprung.exists()


def test_an_adapter_is_refused(folder: Path) -> None:
    """It would name its base model itself, and have it fetched."""
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "somebody/else"}')
    with pytest.raises(ConfigurationError, match="adapter"):
        find_model(str(folder))


@pytest.mark.parametrize("model_type", ["qwen3", "own_type"])
def test_code_that_comes_with_a_model_is_not_run(folder: Path, sprung: Path, model_type: str) -> None:
    (folder / "own.py").write_text(f"from pathlib import Path\nPath({str(sprung)!r}).touch()\nclass Own: ...\n")
    auto = dict.fromkeys(("AutoConfig", "AutoModelForCausalLM"), "own.Own")
    change(folder / "config.json", model_type=model_type, auto_map=auto)
    change(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Own", "own.Own"]}, tokenizer_class="Own")
    source = find_model(str(folder))
    for load in (lambda: load_model(source, "float32", 1), lambda: load_text(load_settings({}), source)):
        try:
            load()
        except ConfigurationError as error:
            assert error.message.count("\n") == 0
    assert not sprung.exists()


def test_a_chat_template_runs_in_a_sandbox(folder: Path, sprung: Path) -> None:
    reach = "{{ cycler.__init__.__globals__.os.system('touch " + str(sprung) + "') }}"
    (folder / "chat_template.jinja").write_text(reach)
    with pytest.raises(PmpoError):
        text = load_text(load_settings({}), find_model(str(folder)))
        text.template.context([ChatMessage(role="user", content="hi")], "", {})
    assert not sprung.exists()


def test_vllm_is_told_the_same(folder: Path, settings: Settings) -> None:
    options = engine_options(settings, find_model(str(folder)), 100, None)
    assert (options["trust_remote_code"], options["load_format"]) == (False, "safetensors")
    (folder / "lora").mkdir()
    (folder / "lora" / "adapter_model.bin").write_bytes(b"")
    pickled = load_settings({"PMPO_SCORER_VLLM_LORA": str(folder / "lora")})
    with pytest.raises(ConfigurationError, match=r"adapter_model\.safetensors"):
        refuse_pickled_adapter(pickled)
    (folder / "lora" / "adapter_model.safetensors").write_bytes(b"")
    refuse_pickled_adapter(pickled)
    refuse_pickled_adapter(settings)
