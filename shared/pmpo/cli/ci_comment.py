"""What `pmpo ci comment` compares: the prompts now with the lock, or with the lock of another revision."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pmpo.ci.comparison import Measured
from pmpo.ci.lock import LOCK_NAME, Lock, read_lock
from pmpo.ci.markdown import Unit, comment
from pmpo.ci.measuring import MeasuringJob, measuring_job
from pmpo.ci.standing import Standing, with_measurement
from pmpo.cli.ci_project import KeptPrompt, Project, of_prompt
from pmpo.cli.ci_service import Service
from pmpo.errors import InvalidInputError, PmpoError


def base_lock(config: Path, revision: str) -> Lock:
    """The lock beside ``config`` as it was at a git revision; an empty one where it did not exist.

    Raises:
        InvalidInputError: git is not there, this is no repository, or it has no such revision.
    """
    folder = config.absolute().parent
    _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", revision=revision)
    listed = _git(folder, "ls-tree", "--name-only", revision, f"./{LOCK_NAME}", revision=revision)
    if not listed.strip():
        return Lock()
    text = _git(folder, "show", f"{revision}:./{LOCK_NAME}", revision=revision)
    return read_lock(text.replace("\r\n", "\n"), f"{LOCK_NAME} at {revision}")


def compared_with(earlier: Lock, standing: Standing, project: Project, service: Service | None) -> Standing:
    """``standing`` beside an earlier lock; a prompt that was not scored has the losses of the lock now.

    What makes it fail stays: that the lock is stale is a matter of the lock now.

    Raises:
        InvalidInputError: there is no service to ask for the rows of a stored data set.
    """
    prompt = project.chosen([standing.name])[0]
    before, now = earlier.prompts.get(standing.name), project.lock.prompts.get(standing.name)
    against = replace(standing, locked=before, comparison=None, not_compared="")
    if before is None or now is None or (before == now and standing.measured is None):
        return against
    measured, models = standing.measured, now.models
    if measured is None:
        job = _measuring(prompt, service)
        weights = dict(zip(job.names, job.weights, strict=True))
        measured = Measured(now.losses, {name: weights.get(name, 1.0) for name in now.losses}, now.unit)
    has_same_objective = before.scoring == now.scoring
    if not has_same_objective:
        reason = "its losses are of another objective, so they are not compared"
        return replace(against, measured=measured, not_compared=reason)
    return with_measurement(against, measured, models, seed=prompt.spec.seed)


def _measuring(prompt: KeptPrompt, service: Service | None) -> MeasuringJob:
    if service is not None:
        return service.measuring(prompt)
    if prompt.spec.dataset.ids:
        raise InvalidInputError(
            f"[prompts.{prompt.name}] the data is a stored data set, whose rows --base needs; leave --offline out"
        )
    try:
        return measuring_job(prompt.spec)
    except PmpoError as error:
        raise of_prompt(prompt.name, error) from None


def changed_prompts(found: Sequence[Standing], project: Project) -> list[KeptPrompt]:
    """The prompts that a reader wants explained: those whose text is not the earlier one."""
    names = [each.name for each in found if each.locked is None or each.locked.text != each.text]
    return project.chosen(names) if names else []


def commented(found: Sequence[Standing], units: Mapping[str, Sequence[Unit]], project: Project) -> str:
    """The Markdown."""
    return comment(found, units, project.left_over)


def _git(folder: Path, *arguments: str, revision: str) -> str:
    try:
        asked = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)  # noqa: S603, S607 (the caller's own git)
    except OSError as error:
        raise InvalidInputError(f"--base needs git, which cannot be started: {error.strerror or error}") from None
    if asked.returncode:
        said = asked.stderr.decode(errors="replace").strip().splitlines()
        reason = f" ({said[-1]})" if said else ""
        raise InvalidInputError(
            f"git knows no revision {revision!r:.60} here{reason}; fetch it (in a CI job, with the full history)"
        )
    return asked.stdout.decode("utf-8", errors="replace")
