"""What `pmpo ci refresh` does with each prompt: optimize, write what is confirmed, lock what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from pmpo.ci import words
from pmpo.ci.lock import LockedPrompt, rounded
from pmpo.ci.standing import Models, Standing, changes_of, with_measurement
from pmpo.cli.ci_project import KeptPrompt, Project
from pmpo.cli.ci_scoring import models_of, run_all, served_models, standing_of
from pmpo.cli.ci_service import Served, Service
from pmpo.cli.watch import Watcher
from pmpo.client import Client
from pmpo.contracts.jobs import JobSpec, JobView, ResultView
from pmpo.errors import TooLongError
from pmpo.text.placeholders import placeholders

KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What became of one prompt.

    Attributes:
        verdict: of its run; ``kept`` without one.
        is_written: its file has a new prompt.
        is_refused: nothing was written for it: it got worse, and no better prompt was confirmed.
        sentence: all of that for a person.
    """

    name: str
    verdict: str
    is_written: bool
    is_refused: bool
    loss_before: float | None
    loss_after: float | None
    sentence: str

    def as_json(self) -> dict[str, object]:
        """The fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}


class Refreshing:
    """Refreshes prompts one after the other.

    Prompt and lock are written after the last question to the service, so that a stop leaves both as they were or both
    new, and loses no finished work. ``done`` holds what was finished.
    """

    def __init__(
        self, service: Service, project: Project, console: Console | None, *, accepts_all: bool, keeps: bool
    ) -> None:
        self.done: list[Refreshed] = []
        self._service = service
        self._served: Served = {}
        self._project = project
        self._console = console
        self._accepts_all = accepts_all
        self._keeps = keeps
        self._locked = dict(project.lock.prompts)

    def run(self, prompts: Sequence[KeptPrompt], *, everything: bool) -> None:
        """Refresh those that changed, or all of them. The lock is also rewritten when only prompts left it."""
        self._served = served_models(self._service.client)
        models = {prompt.name: models_of(prompt, self._served) for prompt in prompts}
        for prompt in prompts:
            if everything or changes_of(self._locked.get(prompt.name), prompt.now, models[prompt.name]):
                refreshed = self._refresh(prompt, models[prompt.name])
                self._project.save_lock(self._locked)
                self.done.append(refreshed)
        if self._project.left_over or (self._project.notes and not self.done):
            self._project.save_lock(self._locked)

    def _refresh(self, prompt: KeptPrompt, models: Models) -> Refreshed:
        result = None if self._keeps else self._optimized(prompt)
        is_new = result is not None and result.prompt_after != prompt.file.text
        is_written = is_new and result is not None and (self._accepts_all or result.verdict == "confirmed")
        new = prompt.with_text(result.prompt_after) if is_written and result is not None else prompt
        standing = self._measured(new, models)
        is_refused = standing.is_worse and not (is_written or self._keeps)
        if not is_refused:
            if is_written:
                prompt.give_way_to(new)
            verdict = result.verdict if is_written and result is not None else KEPT
            self._locked[prompt.name] = _entry(new, standing, models, verdict)
        return _Outcome(standing, result, is_new, is_written, is_refused).told()

    def _optimized(self, prompt: KeptPrompt) -> ResultView:
        """The result of the prompt's job; the locked prompt is a second one to start from, where it may be."""
        earlier = self._locked.get(prompt.name)
        if earlier is None or not _may_start_from(earlier.text, prompt.spec):
            return self._followed(prompt.spec)
        try:
            return self._followed(prompt.spec.model_copy(update={"prompts": [prompt.file.text, earlier.text]}))
        except TooLongError:  # the limit was lowered since it was locked, or the prompt itself is too long
            return self._followed(prompt.spec)

    def _followed(self, spec: JobSpec) -> ResultView:
        found: list[ResultView] = []

        def keep(client: Client, job: JobView) -> None:
            found.append(client.result(job.id))

        created = self._service.take_up(spec, self._served)
        watcher = Watcher(self._console, self._service.how_to_go_on, as_json=True)
        watcher.run_to_end(self._service.client, spec, keep, created)
        return found[0]

    def _measured(self, prompt: KeptPrompt, models: Models) -> Standing:
        job = self._service.measuring(prompt)
        jobs, read = {prompt.name: job}, self._service.client.evaluation
        found = run_all(self._service, jobs, self._console, self._served, read)[prompt.name]
        standing = standing_of(self._project, prompt, models)
        return with_measurement(standing, job.read(found), models, seed=prompt.spec.seed)


def _may_start_from(text: str, spec: JobSpec) -> bool:
    """Whether the job would take ``text`` beside its own prompt."""
    has_all = all(protected in text for protected in spec.constraints.protect)
    return text != spec.prompt and has_all and Counter(placeholders(text)) == Counter(placeholders(spec.prompt))


def _entry(prompt: KeptPrompt, standing: Standing, models: Models, verdict: str) -> LockedPrompt:
    measured = standing.measured
    assert measured is not None, "a prompt is locked with what it was measured at"
    now = prompt.now
    return LockedPrompt(
        file=prompt.entry.file.replace("\\", "/"),
        prompt=now.prompt,
        data=now.data,
        scoring=now.scoring,
        search=now.search,
        meta_prompts=now.meta_prompts,
        verdict=verdict,
        loss=rounded(measured.loss),
        unit=measured.unit,
        models=dict(models),
        text=prompt.file.text,
        losses={row: rounded(loss) for row, loss in measured.losses.items()},
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a prompt, before it is put into words. ``result`` is that of its run, None without one."""

    standing: Standing
    result: ResultView | None
    is_new: bool
    is_written: bool
    is_refused: bool

    def told(self) -> Refreshed:
        measured = self.standing.measured
        return Refreshed(
            name=self.standing.name,
            verdict=KEPT if self.result is None else self.result.verdict,
            is_written=self.is_written,
            is_refused=self.is_refused,
            loss_before=self.standing.loss_before,
            loss_after=None if measured is None else measured.loss,
            sentence=self._sentence(),
        )

    def _sentence(self) -> str:
        standing, result = self.standing, self.result
        loss = f"loss {standing.loss_after:.3f} {standing.unit}"
        since = "" if standing.comparison is None else words.change(standing.comparison, standing.unit)
        if self.is_written and result is not None:
            is_back = standing.locked is not None and standing.text == standing.locked.text
            what = "the locked prompt is back in its file" if is_back else "a better prompt was written"
            return f"{what} ({_against(result)}), {loss}"
        found = "no better prompt was found"
        if self.is_new and result is not None:
            found = f"a new prompt was found, whose gain is {result.verdict} ({_against(result)}): --accept writes it"
        if self.is_refused:
            return f"nothing was written: since it was locked {since}; {found}; --keep locks it as it is"
        told = "" if result is None else f": {found}"
        return f"locked as it is, {loss}{f'; since then {since}' if since else ''}{told}"


def _against(result: ResultView) -> str:
    """The verdict of a run with its test of the new prompt against the one in the file."""
    test = result.test
    if test is None:
        return result.verdict
    return f"{result.verdict}: {test.loss_before:.3f} became {test.loss_after:.3f} on {test.num_examples} rows"
