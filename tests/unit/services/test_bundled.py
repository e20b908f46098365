from pathlib import Path

import pytest

from pmpo.errors import ConfigurationError
from services import bundled


@pytest.fixture
def package_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for ``services/`` with nothing beside it."""
    path = tmp_path / "services"
    path.mkdir()
    monkeypatch.setattr(bundled, "PACKAGE_DIR", path)
    return path


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    return path.parent


def test_a_wheel_uses_what_it_carries(package_dir: Path) -> None:
    nano = put(package_dir / "_bundled" / "nano" / "config.json")
    examples = put(package_dir / "_bundled" / "examples" / "job.yaml")
    put(package_dir.parent / "models" / "nano" / "config.json")
    put(package_dir.parent / "examples" / "job.yaml")
    assert bundled.nano_dir() == nano
    assert bundled.examples_dir() == examples


def test_a_checkout_uses_what_lies_beside_services(package_dir: Path) -> None:
    nano = put(package_dir.parent / "models" / "nano" / "config.json")
    examples = put(package_dir.parent / "examples" / "job.yaml")
    assert bundled.nano_dir() == nano
    assert bundled.examples_dir() == examples


def test_nothing_there_is_one_sentence_that_names_the_place(package_dir: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no config\.json in .*nano.*install pmpo-server again"):
        bundled.nano_dir()
    with pytest.raises(ConfigurationError, match=r"no \*\.yaml in .*examples.*install pmpo-server again"):
        bundled.examples_dir()


def test_an_empty_bundle_is_not_replaced_by_a_checkout_in_silence(package_dir: Path) -> None:
    (package_dir / "_bundled" / "nano").mkdir(parents=True)
    put(package_dir.parent / "models" / "nano" / "config.json")
    with pytest.raises(ConfigurationError, match="_bundled"):
        bundled.nano_dir()
