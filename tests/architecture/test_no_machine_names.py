"""Nothing of the machine or the network that a file was written on stays in it."""

import re

from tests.architecture.repository import texts

ABSOLUTE_PATH = re.compile(r"(?<![\w.*/$}-])/(?:work|root|home|Users)/")
# A pinned version of four numbers (name==1.2.3.4) is none.
ADDRESS = re.compile(r"(?<![\d.])(?<!==)\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
OWN_ADDRESSES = {"127.0.0.1", "0.0.0.0"}
INDEX = re.compile(r"(?:index-url|find-links|trusted-host|proxy)\W{1,4}(?:https?|file)://\S+", re.IGNORECASE)
HOST = re.compile(r"\b(?:https?|file|redis)://([^\s/:\"'`)>$]*)")
# Hosts that the files that install and start things may name: our own.
KNOWN_HOSTS = {"127.0.0.1", "localhost", "api", "redis", "scorer"}


def installs_or_starts(name: str) -> bool:
    suffixes = (".toml", ".txt", ".sh", ".yml", "run", "Makefile", "Dockerfile.api", "Dockerfile.scorer")
    return name.endswith(suffixes) and not name.startswith(("tests/", "models/", "shared/pmpo/", "examples/"))


def findings(pattern: re.Pattern[str], among: dict[str, str]) -> list[str]:
    return [
        f"{name}:{number}: {match.group(0)}"
        for name, text in among.items()
        for number, line in enumerate(text.splitlines(), start=1)
        for match in pattern.finditer(line)
    ]


def test_no_absolute_path_of_a_machine() -> None:
    assert findings(ABSOLUTE_PATH, texts()) == []


def test_no_package_index_is_written_down() -> None:
    assert findings(INDEX, texts()) == []


def test_files_that_install_or_start_name_known_hosts_only() -> None:
    among = {name: text for name, text in texts().items() if installs_or_starts(name)}
    assert {"pyproject.toml", "constraints.txt", "Makefile", "Dockerfile.api", ".ci/run"} <= set(among)
    unknown = [
        f"{name}: {match.group(0)}"
        for name, text in among.items()
        for match in HOST.finditer(text)
        if match.group(1) not in KNOWN_HOSTS
    ]
    unknown += [line for line in findings(ADDRESS, among) if line.rsplit(" ", 1)[1] not in OWN_ADDRESSES]
    assert unknown == []


def test_constraints_are_plain_pins() -> None:
    pins = [line for line in texts()["constraints.txt"].splitlines() if not line.startswith("#")]
    assert pins
    assert [line for line in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
