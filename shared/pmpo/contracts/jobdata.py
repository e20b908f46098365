"""The data of a job: rows in the request itself, or the ids of stored data sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails

from pmpo.contracts.jsonvalues import row_problem
from pmpo.contracts.sections import DatasetId, Strict

SetName = Literal["train", "validation", "test"]
SET_NAMES: tuple[SetName, ...] = ("train", "validation", "test")
Row = dict[str, Any]
MAX_INLINE_ROWS = 1_000
_ID = TypeAdapter(DatasetId)
_SETS = (list, tuple, str, type(None))
_ROWS_SCHEMA = {"type": "array", "items": {"type": "object"}}
_ID_SCHEMA = {"type": "string", "pattern": "^ds_[0-9a-f]{32}$"}
_Rows = Annotated[list[Row], WithJsonSchema({"anyOf": [_ROWS_SCHEMA, _ID_SCHEMA]})]
_OptionalRows = Annotated[list[Row] | None, WithJsonSchema({"anyOf": [_ROWS_SCHEMA, _ID_SCHEMA, {"type": "null"}]})]


class JobData(Strict):
    """The sets of a job. ``validation`` and ``test`` are cut from train when absent.

    A set is a list of rows, at most 1,000 in all, or the id of a stored data set; one id in the place of the whole
    object is that of train. A set that is named by its id holds no rows here until ``with_rows`` brings them in; on the
    wire it is always its id.
    """

    model_config = ConfigDict(json_schema_extra={"required": ["train"]})

    train: _Rows = Field(default_factory=list)
    validation: _OptionalRows = None
    test: _OptionalRows = None
    _ids: dict[SetName, str] = PrivateAttr(default_factory=dict)

    @property
    def ids(self) -> Mapping[SetName, str]:
        """The ids of the sets that are stored data sets."""
        return MappingProxyType(self._ids)

    def with_rows(self, rows: Mapping[SetName, Sequence[Row]]) -> Self:
        """A copy that holds the rows of its stored sets."""
        return self.model_copy(update={name: list(found) for name, found in rows.items()})

    @model_validator(mode="wrap")
    @classmethod
    def _take_ids(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(data, str):
            data = {"train": data}
        if not isinstance(data, Mapping) or not data.keys() <= set(SET_NAMES):
            return handler(data)  # which refuses it
        given: dict[SetName, str] = {name: data[name] for name in SET_NAMES if isinstance(data.get(name), str)}
        problems = [problem for name, text in given.items() for problem in _problems_of_id(name, text)]
        problems += [_no_list(name, data[name]) for name in SET_NAMES if not isinstance(data.get(name), _SETS)]
        if not problems and "train" not in given and not data.get("train"):
            problems += _no_train_rows(data)
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        made = handler({key: value for key, value in data.items() if key not in given})
        problems = list(_problems_of_rows(made))
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        made._ids.update(given)
        return made

    @model_serializer(mode="wrap")
    def _write_ids(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {**handler(self), **self._ids}


def is_dataset_id(text: str) -> bool:
    """Whether ``text`` has the form of a stored data set's id."""
    return not _problems_of_id("train", text)


def _problems_of_id(name: str, text: str) -> list[InitErrorDetails]:
    try:
        _ID.validate_python(text)
    except ValidationError:
        reason = ValueError(
            f"{text!r:.60} is no id of a stored data set, which is ds_ and 32 digits; "
            "list them with GET /v1/datasets or `pmpo datasets list`"
        )
        return [InitErrorDetails(type="value_error", loc=(name,), input=text, ctx={"error": reason})]
    return []


def _problems_of_rows(data: JobData) -> Iterator[InitErrorDetails]:
    """Rows that could not be saved and read again."""
    for name in SET_NAMES:
        for number, row in enumerate(getattr(data, name) or ()):
            problem = row_problem(row)
            if problem is not None:
                error = {"error": ValueError(problem)}
                yield InitErrorDetails(type="value_error", loc=(name, number), input=None, ctx=error)


def _no_list(name: str, value: Any) -> InitErrorDetails:
    reason = ValueError(f"a {type(value).__name__} where a list of rows, or the id of a stored data set, should stand")
    return InitErrorDetails(type="value_error", loc=(name,), input=None, ctx={"error": reason})


def _no_train_rows(data: Mapping[str, Any]) -> list[InitErrorDetails]:
    """Rows to train on that are not there; what is no list at all is left to the field."""
    if "train" not in data:
        return [InitErrorDetails(type="missing", loc=("train",), input=data)]
    if data["train"] == []:
        short = {"field_type": "List", "min_length": 1, "actual_length": 0}
        return [InitErrorDetails(type="too_short", loc=("train",), input=[], ctx=short)]
    return []
