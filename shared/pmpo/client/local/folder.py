"""A local run on disk: nothing that a model answered is lost, whatever becomes of the process.

A run is a folder with ``spec.json``, ``splits.json`` and ``terms.json`` (what was asked for, written once),
``job.json`` (how it stands), ``journal.jsonl`` and ``events.jsonl`` (a line each, on the disk before it is used), and
in the end ``result.json``. A line that a crash cut off is dropped at the next look: it was not used.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pmpo.contracts.jobs import FINAL_STATES, JobFailure, JobSpec, JobView
from pmpo.errors import ConfigurationError, ConflictError, NotFoundError

INTERRUPTED = JobFailure(
    code="interrupted", message="its process ended before the job did; what it had found is kept", retryable=True
)


class SavedRun(BaseModel):
    """``job.json``. ``digest`` names what was asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    digest: str
    view: JobView


def digest_of(spec: JobSpec) -> str:
    """The same for equal jobs."""
    return hashlib.sha256(spec.model_dump_json().encode()).hexdigest()


def default_folder() -> Path:
    """Where runs are kept: ``XDG_STATE_HOME``, else ``~/.local/state``."""
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "pmpo" / "runs"


class RunFolder:
    """One run's files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def job_id(self) -> str:
        """The job's id is the folder's name."""
        return self.path.name

    def create(self, spec: bytes, splits: bytes, terms: bytes, saved: SavedRun) -> None:
        """Make the folder. Raises ConfigurationError: it cannot be made."""
        try:
            self.path.mkdir(parents=True)
            for name, content in (("spec.json", spec), ("splits.json", splits), ("terms.json", terms)):
                self._replace(name, content)
            self.save(saved)  # last: a folder without it is no run
        except OSError as error:
            raise ConfigurationError(
                f"the run cannot be kept in {self.path.parent} ({error.strerror or error}); name another folder"
            ) from None

    def save(self, saved: SavedRun) -> None:
        """How the job stands."""
        self._replace("job.json", saved.model_dump_json().encode())

    def save_result(self, result: bytes) -> None:
        """What the job found."""
        self._replace("result.json", result)

    def saved(self) -> SavedRun:
        """How the job stands; one that no process works on and that is not over is paused.

        Raises:
            NotFoundError: the folder holds no run.
        """
        try:
            found = SavedRun.model_validate_json((self.path / "job.json").read_bytes())
        except (OSError, ValidationError):
            raise NotFoundError(f"there is no job {self.job_id!r} in {self.path.parent}") from None
        if found.view.state in FINAL_STATES or found.view.state == "paused" or self.is_held():
            return found
        paused = found.view.model_copy(update={"state": "paused", "failure": INTERRUPTED})
        return found.model_copy(update={"view": paused})

    def read(self, name: str) -> bytes | None:
        """A file's content; None when there is none."""
        try:
            return (self.path / name).read_bytes()
        except OSError:
            return None

    def lines(self, name: str) -> list[bytes]:
        """The whole lines of a journal."""
        content = self.read(name) or b""
        return content[: content.rfind(b"\n") + 1].splitlines()

    def append(self, name: str, lines: list[bytes]) -> None:
        """Add lines to a journal; they are on the disk when this returns."""
        with (self.path / name).open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())

    def repair(self) -> None:
        """Drop what a crash cut off at the end of the journals."""
        for name in ("journal.jsonl", "events.jsonl"):
            content = self.read(name)
            if content is not None:
                os.truncate(self.path / name, content.rfind(b"\n") + 1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """This process alone works on the run inside the block.

        Raises:
            ConflictError: another one does.
        """
        import fcntl

        with (self.path / "lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ConflictError(f"another process works on job {self.job_id}; wait for it, or stop it") from None
            yield

    def is_held(self) -> bool:
        """Whether a process works on the run."""
        try:
            with self.held():
                return False
        except ConflictError:
            return True

    def _replace(self, name: str, content: bytes) -> None:
        """The whole content or the old one, also after a crash."""
        passing = self.path / f".{name}"
        with passing.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        passing.replace(self.path / name)


class RunsFolder:
    """All runs of one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, job_id: str) -> RunFolder:
        """A run, whether or not it is there. Raises NotFoundError: an id that is no name of a folder."""
        if not job_id or job_id != Path(job_id).name or job_id.startswith("."):
            raise NotFoundError(f"there is no job {job_id!r} in {self.root}")
        return RunFolder(self.root / job_id)

    def newest_first(self) -> list[SavedRun]:
        """All runs."""
        found = []
        with suppress(OSError):
            for path in self.root.iterdir():
                with suppress(NotFoundError):
                    found.append(RunFolder(path).saved())
        return sorted(found, key=lambda saved: (saved.view.created_at, saved.view.id), reverse=True)

    def unfinished(self, spec: JobSpec) -> JobView | None:
        """The newest run of this very job that can go on; None when there is none."""
        digest = digest_of(spec)
        for saved in self.newest_first():
            failed = saved.view.failure if saved.view.state == "failed" else None
            can_go_on = saved.view.state == "paused" or (failed is not None and failed.retryable)
            if saved.digest == digest and can_go_on:
                return saved.view
        return None
