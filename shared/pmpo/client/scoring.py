"""The interactive routes, written once: ``Client`` and ``AsyncClient`` are two faces of these coroutines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

from pydantic import BaseModel

from pmpo.client.answers import read
from pmpo.client.calls import Answer, Call
from pmpo.client.exchange import Exchange
from pmpo.client.rows import Data, rows_of
from pmpo.contracts.interactive import DEFAULT_MODEL, MAX_CELLS, AnalyzeCall, AnalyzeView, ScoreCall, ScoreView
from pmpo.contracts.objectives import FieldNames
from pmpo.contracts.problems import made
from pmpo.contracts.scoring import ScoreExample, TemplateArguments
from pmpo.errors import InvalidInputError

WAIT_S = 60.0


class ScoringCalls:
    """Scores and analyses by one API."""

    _exchange: Exchange
    _timeout_s: float

    async def score(
        self,
        prompts: str | Sequence[str],
        data: Data,
        *,
        fields: Mapping[str, str] | None = None,
        model: str = DEFAULT_MODEL,
        answer_prefix: str = "",
        chat_template_kwargs: TemplateArguments | None = None,
    ) -> ScoreView:
        """How likely the model finds the known answers under each prompt: ``losses``, one a prompt; lower is better.

        Args:
            prompts: one prompt or several.
            data: rows with an input and a target each: a list of dicts, the path of a file, a pandas DataFrame or a
                ``datasets.Dataset``; at most 1,000 scores, a prompt on a row each.
            fields: which keys hold what, as in a job's ``fields``.
            model: name of an endpoint.
            answer_prefix: how every answer begins.
            chat_template_kwargs: for the model's chat template.

        Raises:
            InvalidInputError: the question is too large, or cannot be scored; says where and why.
            UnavailableError: no API, or no scorer behind it, answers.

        Example::

            rows = [{"input": "Lovely week in Oslo.", "target": "Oslo"}]
            before, after = client.score(["Process the input.", "Name the city."], rows).losses
            print(f"{before:.2f} -> {after:.2f} nats per token")
        """
        call = made(
            ScoreCall,
            prompts=[prompts] if isinstance(prompts, str) else list(prompts),
            examples=examples_of(data, fields),
            answer_prefix=answer_prefix,
            chat_template_kwargs=chat_template_kwargs or {},
            model=model,
        )
        return read(ScoreView, await self._ask("/v1/score", call))

    async def analyze(
        self,
        prompt: str,
        data: Data,
        *,
        fields: Mapping[str, str] | None = None,
        mode: Literal["delete", "placeholder"] = "delete",
        max_units: int = 10,
        protect: Sequence[str] = (),
        model: str = DEFAULT_MODEL,
        answer_prefix: str = "",
        chat_template_kwargs: TemplateArguments | None = None,
    ) -> AnalyzeView:
        """What each sentence or list item of a prompt is worth: how much the loss rises without it.

        Args:
            prompt: two parts at least.
            data: as of ``score``.
            fields: which keys hold what, as in a job's ``fields``.
            mode: take a part out, or put a filler in its place.
            max_units: into how many parts the prompt is cut at most.
            protect: texts that stay.
            model: name of an endpoint.
            answer_prefix: how every answer begins.
            chat_template_kwargs: for the model's chat template.

        Raises:
            InvalidInputError: a prompt of one part, or a question that is too large; says where and why.
            UnavailableError: no API, or no scorer behind it, answers.

        Example::

            rows = [{"input": "Lovely week in Oslo.", "target": "Oslo"}]
            for unit in client.analyze("Name the city. Take your time.", rows).units:
                print(f"{unit.delta:+.3f}  {unit.text}")
        """
        call = made(
            AnalyzeCall,
            prompt=prompt,
            examples=examples_of(data, fields),
            mode=mode,
            max_units=max_units,
            protect=list(protect),
            answer_prefix=answer_prefix,
            chat_template_kwargs=chat_template_kwargs or {},
            model=model,
        )
        return read(AnalyzeView, await self._ask("/v1/analyze", call))

    async def _ask(self, path: str, body: BaseModel) -> Answer:
        call = Call(
            "POST",
            path,
            self._timeout_s + WAIT_S,
            is_repeatable=True,
            headers={"content-type": "application/json"},
            body=body.model_dump_json(exclude_unset=True).encode(),
        )
        return await self._exchange.send(call)


def examples_of(data: Data, fields: Mapping[str, str] | None) -> list[ScoreExample]:
    """The rows as a scorer takes them.

    Raises:
        InvalidDataError: a row that cannot be used; the row and the key are named.
        InvalidInputError: more rows than are scored while somebody waits.
    """
    from pmpo.data.examples import to_examples

    rows = list(islice(rows_of(data), MAX_CELLS + 1))
    if len(rows) > MAX_CELLS:
        raise InvalidInputError(
            f"the data has more than {MAX_CELLS:,} rows, which is all that is scored while somebody waits; give fewer, "
            "or submit a job"
        )
    return [
        ScoreExample(fields={**example.fields, "input": example.input}, target=example.target, weight=example.weight)
        for example in to_examples(rows, made(FieldNames, **dict(fields or {})))
    ]
