"""API keys on the wire: what each may do, and whose things it sees."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from pmpo.contracts.problems import WireModel

Scope = Literal["read", "submit", "admin"]
"""``read`` looks, ``submit`` creates and changes, ``admin`` manages keys and retention. None includes another."""
SCOPES: tuple[Scope, ...] = ("read", "submit", "admin")
DEFAULT_PROJECT = "default"
PROJECT_PATTERN = r"[a-z0-9][a-z0-9_-]{0,62}"
MAX_EXPIRY_S = 10 * 366 * 86_400

KeyName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class NewKey(WireModel):
    """A key that is asked for. It belongs to the project of the key that asks."""

    model_config = ConfigDict(frozen=True)

    name: KeyName
    scopes: list[Scope] = Field(default=["read", "submit"], min_length=1)
    expires_in_s: float | None = Field(default=None, gt=0, le=MAX_EXPIRY_S)

    @field_validator("scopes")
    @classmethod
    def _each_once(cls, scopes: list[Scope]) -> list[Scope]:
        return [scope for scope in SCOPES if scope in scopes]


class KeyView(BaseModel):
    """A key without its secret. ``last_used_at`` is exact to the hour."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    project: str
    scopes: list[Scope]
    created_at: float
    last_used_at: float | None = None
    expires_at: float | None = None


class KeyCreated(KeyView):
    """A new key. ``key`` is shown here and never again."""

    key: str = Field(repr=False)


class KeysPage(BaseModel):
    """The keys of a project, oldest first."""

    model_config = ConfigDict(frozen=True)

    keys: list[KeyView]
