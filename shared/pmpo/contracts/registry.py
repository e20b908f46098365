"""Names of the prompt registry, and what a job says of the registry."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from pmpo.contracts.sections import Strict

LATEST = "latest"
_NAME = re.compile(r"[a-z0-9._-]{1,64}")
RULE = "use 1 to 64 of a-z, 0-9, '.', '_' and '-', with a letter or digit among them"


def name_problem(text: str) -> str:
    """What is wrong with a name of a prompt or a label, in a sentence; empty when nothing is."""
    if _NAME.fullmatch(text) and any(character.isalnum() for character in text):
        return ""
    return f"{text!r:.80} is no name for the registry; {RULE}"


def name_like(text: str) -> str:
    """The nearest name that the registry takes: ``Review city!`` becomes ``review-city``; empty when there is none."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.")[:64].rstrip("-.")
    return "" if name_problem(name) else name


def _checked_name(text: str) -> str:
    problem = name_problem(text)
    if problem:
        raise ValueError(problem)
    return text


def _checked_label(text: str) -> str:
    if text == LATEST:
        raise ValueError(f"{LATEST!r} is always the newest version and cannot be moved; take another label")
    return _checked_name(text)


# The checks name the rule; the lengths are there for the description of the API.
PromptName = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_checked_name)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_checked_label)]


class PromptRef(Strict):
    """A version of a prompt in the registry.

    ``kept_labels``: labels that the version would have got, and did not, each with the version where it stays: that one
    has a lower loss on the same test rows under the same model.
    """

    name: str
    version: int
    kept_labels: dict[str, int] = Field(default_factory=dict)


class RegistrySpec(Strict):
    """The section ``registry`` of a job: what becomes of its winner; a name alone stands for ``{name: ...}``.

    Attributes:
        name: the prompt that gets a new version; made of the job's name when left out.
        label: a label that the version gets when the verdict is ``confirmed``, beside ``confirmed`` itself.
        keep: whether there is a new version at all; ``registry: false`` says the same.
    """

    name: PromptName | None = None
    label: Label | None = None
    keep: bool = True

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"name": data}
        if data is False:
            return {"keep": False}
        return data
