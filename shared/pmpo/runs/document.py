"""YAML or JSON files that a person wrote: a mapping of keys, none of them twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from pmpo.data.loading import missing_file
from pmpo.errors import InvalidInputError

YAML_SUFFIXES = frozenset({".yaml", ".yml"})


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, and reads ``1e-4`` as the number it is (YAML 1.1 wants ``1.0e-4``)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                reason = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, reason, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))


def read_document(path: Path) -> dict[str, Any]:
    """The mapping in a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        InvalidInputError: the file is missing, is no YAML or JSON (the line is named), or holds no mapping.
    """
    suffix = path.suffix.lower()
    if suffix != ".json" and suffix not in YAML_SUFFIXES:
        raise InvalidInputError(f"{path} ends in {suffix or 'nothing'!r}; give a .yaml or .json file")
    text = read_text(path)
    try:
        if suffix == ".json":
            content = json.loads(text, object_pairs_hook=_unique)
        else:
            content = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader, which makes plain values alone)
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"{path}, line {error.lineno}: {error.msg}; correct the JSON there") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidInputError(f"{path}, line {line}: {error.problem}; correct the YAML there") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path}: {' '.join(str(error).split())}; correct the file") from None
    if not isinstance(content, dict):
        raise InvalidInputError(f"{path} holds no keys; write `prompt: ...`, `dataset: ...` and so on")
    return content


def read_text(path: Path) -> str:
    """A text file, without a byte order mark. Raises InvalidInputError: it is missing, no file, or no UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidInputError(str(missing_file(path))) from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}; give a readable file") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return found
