"""The operator's endpoint table: the only hosts that jobs are scored and generated with, each under a name."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pmpo.errors import ConfigurationError, InvalidInputError
from pmpo.runtime.addresses import base_urls
from pmpo.runtime.settings import Settings

VARIABLE = "PMPO_ENDPOINTS"
DEFAULT_NAME = "default"
_KEY_VARIABLES = ("key_variable", "generate_key_variable")
SCORER_KEY_VARIABLE = "PMPO_SCORER_KEY"
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 (none is bound: what to call instead)


def _finite(value: bool | int | float | str | None) -> bool | int | float | str | None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("give true, false, a number, a text or null")
    return value


def _addresses(listed: str) -> str:
    return ",".join(base_urls(listed))


BaseUrls = Annotated[str, AfterValidator(_addresses)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
TemplateValue = Annotated[bool | int | float | str | None, AfterValidator(_finite)]


class _Entry(BaseModel):
    """Frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Prices(_Entry):
    """Money for a million tokens, in the operator's currency: scored, generated, and read in order to generate."""

    scored: Price = 0.0
    generated: Price = 0.0
    prompt: Price = 0.0


class Endpoint(_Entry):
    """One name of the table.

    Attributes:
        name: what jobs call it.
        url: base address of the scorer, without ``/v1``; of several replicas, with commas between them.
        generate_url: base address of an OpenAI-compatible server, or of several; the scorer's when not given.
        generate_api: which of that server's routes writes: of conversations, or of plain text for a model without a
            chat template.
        model: the model's name there, where a server serves several.
        key_variable: the environment variable that holds the key.
        generate_key_variable: the one that holds the key of ``generate_url``; ``key_variable`` when not given.
        prices: for caps on money.
        chat_template_kwargs: what its chat template is given with every conversation, such as ``enable_thinking``.
    """

    name: str
    url: BaseUrls
    generate_url: BaseUrls = ""
    generate_api: Literal["chat", "completions"] = "chat"
    model: str | None = None
    key_variable: str | None = None
    generate_key_variable: str | None = None
    prices: Prices | None = None
    chat_template_kwargs: dict[str, TemplateValue] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _generate_where_scored(cls, data: Any) -> Any:
        return {"generate_url": data["url"], **data} if isinstance(data, Mapping) and "url" in data else data

    @property
    def urls(self) -> tuple[str, ...]:
        """The scorer's replicas."""
        return tuple(self.url.split(","))

    @property
    def generate_urls(self) -> tuple[str, ...]:
        """The servers that write."""
        return tuple(self.generate_url.split(","))

    def key(self, environment: Mapping[str, str] | None = None) -> str | None:
        """The key to send to the scorer, or None.

        Raises:
            ConfigurationError: the variable is named and not set.
        """
        return self._value_of(self.key_variable, environment)

    def generate_key(self, environment: Mapping[str, str] | None = None) -> str | None:
        """The key to send to the server that writes, or None. Raises as ``key``."""
        return self._value_of(self.generate_key_variable or self.key_variable, environment)

    def _value_of(self, variable: str | None, environment: Mapping[str, str] | None) -> str | None:
        if variable is None:
            return None
        value = (os.environ if environment is None else environment).get(variable)
        if not value:
            raise ConfigurationError(f"{variable} is not set; endpoint {self.name!r} takes its key from it")
        return value


def load_endpoints(settings: Settings) -> dict[str, Endpoint]:
    """The table of ``PMPO_ENDPOINTS``, by name; without it ``default`` is the scorer of these settings.

    Raises:
        ConfigurationError: the text or file is malformed; names the endpoint, the key and the rule.
    """
    if settings.endpoints is None:
        key_variable = SCORER_KEY_VARIABLE if settings.scorer_key is not None else None
        return {DEFAULT_NAME: Endpoint(name=DEFAULT_NAME, url=_own_scorer(settings), key_variable=key_variable)}
    table = _read(settings.endpoints)
    if not isinstance(table, dict) or not table:
        raise ConfigurationError(f'{VARIABLE} holds no table; write {{"default": {{"url": "http://scorer:8100"}}}}')
    return {str(name): _endpoint(str(name), entry) for name, entry in table.items()}


def key_variables(given: str | None) -> frozenset[str]:
    """The variables that hold keys, by the text or path in ``PMPO_ENDPOINTS``: names that ``load_settings`` must know.

    A table that cannot be read has none; ``load_endpoints`` says what is wrong with it.
    """
    if given is None:
        return frozenset()
    try:
        table = _read(given)
    except ConfigurationError:
        return frozenset()
    rows = [row for row in table.values() if isinstance(row, dict)] if isinstance(table, dict) else []
    return frozenset(str(row[key]) for row in rows for key in _KEY_VARIABLES if row.get(key))


def endpoint(table: Mapping[str, Endpoint], name: str) -> Endpoint:
    """The endpoint of that name.

    Raises:
        InvalidInputError: there is none; names those that there are.
    """
    if name not in table:
        raise InvalidInputError(f"no endpoint is called {name!r}{_hint(name, table)}; known are: {', '.join(table)}")
    return table[name]


def _own_scorer(settings: Settings) -> str:
    if settings.scorer_port == 0:
        raise ConfigurationError(f"PMPO_SCORER_PORT=0 is any free port; say in {VARIABLE} where the scorer is")
    host = _ANY_ADDRESS.get(settings.scorer_host, settings.scorer_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.scorer_port}"


def _read(given: str) -> Any:
    """The table as JSON text, or from the file that is named."""
    if given.lstrip().startswith(("{", "[")):
        try:
            return json.loads(given)
        except ValueError as error:
            raise ConfigurationError(f"{VARIABLE} is no JSON: {error}; correct it, or give a path") from None
    path = Path(given).expanduser()
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{VARIABLE}: {path.absolute()} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"{VARIABLE}: {path} is no YAML or JSON: {reason}; correct the file") from None


def _endpoint(name: str, entry: Any) -> Endpoint:
    where = f"{VARIABLE}, endpoint {name!r}"
    if not isinstance(entry, dict) or "name" in entry:
        raise ConfigurationError(f"{where}: give an object like {{url: http://scorer:8100}}, without a name of its own")
    try:
        return Endpoint.model_validate({**entry, "name": name})
    except ValidationError as error:
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        key = ".".join(map(str, first["loc"]))
        if first["type"] != "extra_forbidden":
            message = first["msg"].removeprefix("Value error, ")
            raise ConfigurationError(f"{where}: {key} is not usable: {message}") from None
        model = Prices if cast(str, first["loc"][0]) == "prices" else Endpoint
        near = _hint(str(first["loc"][-1]), model.model_fields)
        raise ConfigurationError(f"{where}: unknown key {key!r}{near or '; remove it'}") from None


def _hint(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""
