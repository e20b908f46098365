"""Both wheels, installed in an empty environment, run the demo from an empty folder."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.documented import STARTS_ITS_OWN

ROOT = Path(__file__).parents[2]
SITE_PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"


def run(*command: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """Standard output of a command that must succeed."""
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def pip_for(python: Path) -> list[str]:
    """This environment's pip, working on another interpreter's environment."""
    return [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both wheels by distribution name, built from the checkout without a network."""
    folder = tmp_path_factory.mktemp("dist")
    for source in (ROOT / "shared", ROOT):
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source, cwd=folder)
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def installed(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment's bin folder. Our packages come from the wheels; third parties are lent by this environment.

    A path in a .pth file lends packages but not that folder's own .pth files, so our editable installs stay out.
    """
    home = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    site_packages = Path(run(python, "-c", SITE_PACKAGES, cwd=home).strip())
    (site_packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(*pip_for(python), "install", "--no-index", "--no-deps", "--ignore-installed", *wheels.values(), cwd=home)
    return home / "bin"


def clean_environment(bin_folder: Path) -> dict[str, str]:
    """This process's variables without ours and Python's, with the new environment first on the PATH."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PMPO_", "PYTHON", "VIRTUAL_ENV"))
    }
    return kept | {"PATH": f"{bin_folder}{os.pathsep}{kept['PATH']}"}


def test_wheels_carry_what_they_should(wheels: dict[str, Path]) -> None:
    server = zipfile.ZipFile(wheels["pmpo_server"]).namelist()
    bundled = {name.removeprefix("services/_bundled/") for name in server if name.startswith("services/_bundled/")}
    assert {"nano/config.json", "nano/model.safetensors", "nano/tokenizer.json", "nano/README.md"} <= bundled
    assert any(name.startswith("examples/") and name.endswith(".yaml") for name in bundled)
    assert not [name for name in server if "nano_training" in name or "checkpoints" in name]
    client = zipfile.ZipFile(wheels["pmpo"]).namelist()
    assert "pmpo/py.typed" in client
    assert any(name.startswith("pmpo/runs/meta_prompts/") for name in client)


def test_dependencies_fit_each_other(installed: Path, tmp_path: Path) -> None:
    code = (
        "import importlib.metadata as m; v = m.version('pmpo'); assert v == m.version('pmpo-server');"
        "assert f'pmpo=={v}' in m.requires('pmpo-server'), m.requires('pmpo-server')"
    )
    run(installed / "python", "-c", code, cwd=tmp_path)
    run(*pip_for(installed / "python"), "check", cwd=tmp_path)


def test_our_code_comes_from_the_wheels(installed: Path, tmp_path: Path) -> None:
    code = "import pmpo, services; print(pmpo.__file__); print(services.__file__)"
    for line in run(installed / "python", "-P", "-c", code, cwd=tmp_path).splitlines():
        assert Path(line).is_relative_to(installed.parent)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_demo_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    output = run(
        installed / "pmpo", *STARTS_ITS_OWN.command("demo"), cwd=empty, environment=clean_environment(installed)
    )
    report = json.loads(output)
    assert "verdict" in report
    assert report["prompt_after"] != report["prompt_before"]
    assert list(empty.iterdir()) == []
