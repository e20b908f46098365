"""There is no container engine in the tests: what the container files say is compared with what is there."""

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pmpo.runtime.settings import Settings, load_settings
from services.api.gate import are_keys_required
from services.scorer.door import check_of

ROOT = Path(__file__).parents[2]
DOCKERFILES = ["Dockerfile.api", "Dockerfile.scorer"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ["scorer", "api", "worker"]


def instructions(name: str) -> list[tuple[str, str]]:
    """(word, rest) of each instruction of a Dockerfile."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def values(name: str, word: str) -> list[str]:
    return [rest for found, rest in instructions(name) if found == word]


def copied(name: str) -> list[str]:
    """Paths that a Dockerfile copies from the checkout."""
    return [source for rest in values(name, "COPY") if not rest.startswith("--from") for source in rest.split()[:-1]]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_is_copied_exists_and_is_sent_to_the_engine(name: str) -> None:
    admitted = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for source in copied(name):
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, pattern) for pattern in admitted), source


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_the_build_reads_is_copied(name: str) -> None:
    needed = {
        "LICENSE",
        "README.md",
        "constraints.txt",
        "hatch_build.py",
        "pyproject.toml",
        "examples/",
        "models/nano/",
    }
    assert needed | {"shared/", "services/"} <= set(copied(name))
    assert any("install --no-cache-dir -c constraints.txt ./shared " in rest for rest in values(name, "RUN"))


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_runs_as_nobody_special_on_a_supported_python(name: str) -> None:
    assert [re.split(r"\s", rest)[0] for rest in values(name, "FROM")] == ["python:3.11-slim"] * 2
    assert int(values(name, "USER")[-1]) > 0


def test_images_and_compose_start_the_processes_of_the_stack() -> None:
    commands = {
        "api": json.loads(values("Dockerfile.api", "CMD")[-1]),
        "scorer": json.loads(values("Dockerfile.scorer", "CMD")[-1]),
        "worker": SERVICES["worker"]["command"],
    }
    assert commands == {name: ["python", "-m", f"services.{name}"] for name in OURS}
    assert SERVICES["worker"]["build"] == SERVICES["api"]["build"]
    for name in OURS:
        assert (ROOT / "services" / name / "__main__.py").is_file()
        assert (ROOT / SERVICES[name]["build"]["dockerfile"]).is_file()


def test_only_the_scorer_has_torch() -> None:
    assert any('".[scorer]"' in rest for rest in values("Dockerfile.scorer", "RUN"))
    assert not any("torch" in rest or "[scorer]" in rest for _, rest in instructions("Dockerfile.api"))


def environment_of(name: str) -> dict[str, str]:
    """What a process gets where nobody set anything: a name without a value is passed on from the operator's own."""
    return {key: value for key, value in SERVICES[name]["environment"].items() if value is not None}


@pytest.mark.parametrize("name", OURS)
def test_settings_are_known_names(name: str) -> None:
    known = {f"PMPO_{field.upper()}" for field in Settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= known


def test_processes_find_each_other() -> None:
    assert SERVICES["scorer"]["environment"]["PMPO_SCORER_PORT"] == "8100"
    for name in ("api", "worker"):
        environment = SERVICES[name]["environment"]
        assert json.loads(environment["PMPO_ENDPOINTS"]) == {"default": {"url": "http://scorer:8100"}}
        assert environment["PMPO_REDIS_URL"].startswith("redis://redis:6379")
        assert {"redis", "scorer"} <= set(SERVICES[name]["depends_on"])
    for name, port in (("scorer", 8100), ("api", 8000)):
        assert SERVICES[name]["environment"][f"PMPO_{name.upper()}_HOST"] == "0.0.0.0"
        assert f"127.0.0.1:{port}/readyz" in SERVICES[name]["healthcheck"]["test"][-1]


def test_containers_are_nobody_special_and_stay_so() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & set(service), name
    assert SERVICES["redis"]["user"] == "redis"  # the others: USER of their Dockerfiles
    assert all("user" not in SERVICES[name] for name in OURS)


def test_only_the_api_is_published_and_to_this_machine_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8000:8000"]}


def test_the_worker_holds_schedules_to_the_limits_of_the_api() -> None:
    limits = {"PMPO_API_MAX_QUEUED_JOBS", "PMPO_API_MAX_ACTIVE_JOBS_PER_PROJECT"}
    for name in ("api", "worker"):
        passed_on = {key for key, value in SERVICES[name]["environment"].items() if value is None}
        assert limits <= passed_on, name


def test_what_is_bound_to_all_addresses_asks_for_a_key_or_says_why_not() -> None:
    """As the processes themselves see it."""
    for name in OURS:
        settings = load_settings(environment_of(name))
        check_of(settings) if name == "scorer" else are_keys_required(settings)
    assert are_keys_required(load_settings(environment_of("api")))


def test_the_command_for_the_first_key_is_one_of_the_api_image() -> None:
    comment = " ".join(line for line in (ROOT / "docker-compose.yml").read_text().splitlines() if line.startswith("#"))
    (words,) = re.findall(r"docker compose run --rm --build api python -m (\S+) --name me", comment)
    assert (ROOT / words.replace(".", "/") / "__main__.py").is_file()


def test_containers_write_only_where_they_may() -> None:
    assert all(service["read_only"] and "/tmp" in service["tmpfs"] for service in SERVICES.values())
    assert "--appendonly yes" in " ".join(SERVICES["redis"]["command"])
    volumes = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    assert sorted(volumes) == sorted(COMPOSE["volumes"])
