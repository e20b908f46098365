"""The files of `pmpo ci`: pmpo.toml, pmpo.lock and the prompts, read as they are and written in one step."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pmpo import __version__
from pmpo.ci.config import CONFIG_NAME, PromptEntry, read_config
from pmpo.ci.digests import Fingerprint, fingerprint, text_digest
from pmpo.ci.lock import LOCK_NAME, Lock, LockedPrompt, lock_text, read_lock
from pmpo.ci.promptfile import PromptFile
from pmpo.contracts.jobs import JobSpec
from pmpo.data.loading import missing_file
from pmpo.errors import ConflictError, InvalidInputError, PmpoError


@dataclass(frozen=True, slots=True)
class KeptPrompt:
    """One prompt of the repository, read.

    Attributes:
        entry: its section.
        path: its file.
        data: the file's bytes.
        file: what they hold.
        spec: the job that improves it.
        now: its digests.
    """

    entry: PromptEntry
    path: Path
    data: bytes
    file: PromptFile
    spec: JobSpec
    now: Fingerprint

    @property
    def name(self) -> str:
        """The name of its section."""
        return self.entry.name

    def with_text(self, text: str) -> KeptPrompt:
        """The prompt as it would be with ``text`` in its file, which otherwise stays as it is. Nothing is written.

        Raises:
            PlaceholderError: ``text`` has other placeholders.
        """
        data = self.file.written(text)
        file = PromptFile.read(data, str(self.path))
        spec = self.spec.model_copy(update={"prompt": file.text})
        return replace(self, data=data, file=file, spec=spec, now=replace(self.now, prompt=text_digest(file.text)))

    def give_way_to(self, new: KeptPrompt) -> None:
        """Replace the prompt's file by that of ``new``, in one step. Raises ConflictError: it changed meanwhile."""
        if _bytes_of(self.path) != self.data:
            raise ConflictError(f"{self.path} was edited meanwhile, so it was not written; run `pmpo ci refresh` again")
        write_in_one_step(self.path, new.data)


@dataclass(frozen=True, slots=True)
class Project:
    """A repository with a ``pmpo.toml``."""

    lock_path: Path
    lock: Lock
    prompts: Sequence[KeptPrompt]

    @property
    def left_over(self) -> list[str]:
        """Names that stand in the lock alone."""
        return sorted(set(self.lock.prompts) - {prompt.name for prompt in self.prompts})

    @property
    def notes(self) -> list[str]:
        """What is worth knowing of the lock as a whole."""
        version = self.lock.written_by
        changed = [f"the lock was written by pmpo {version}, and this is {__version__}"]
        return changed if version not in ("", __version__) else []

    def chosen(self, names: Sequence[str]) -> list[KeptPrompt]:
        """The prompts of these names, all without any. Raises InvalidInputError: there is none of that name."""
        known = {prompt.name: prompt for prompt in self.prompts}
        for name in names:
            if name not in known:
                raise InvalidInputError(f"{CONFIG_NAME} has no prompt {name!r:.60}; it has: {', '.join(known)}")
        return [known[name] for name in names] if names else list(self.prompts)

    def save_lock(self, prompts: Mapping[str, LockedPrompt]) -> None:
        """Write the lock in one step; its lines end as they did, and prompts that left ``pmpo.toml`` leave it."""
        names = {prompt.name for prompt in self.prompts}
        kept = {name: entry for name, entry in prompts.items() if name in names}
        text = lock_text(Lock(kept, __version__))
        old = self.lock_path.read_bytes() if self.lock_path.exists() else b""
        write_in_one_step(self.lock_path, (text.replace("\n", "\r\n") if b"\r\n" in old else text).encode())


def open_project(config: Path, data_dir: Path | None) -> Project:
    """Read the ``pmpo.toml`` at ``config`` and everything that it names. Paths start at its folder.

    Raises:
        InvalidInputError: a file that is missing, cannot be read or does not fit; names the prompt and the remedy.
    """
    lock_path = config.parent / LOCK_NAME
    lock = read_lock(_text_of(lock_path), str(lock_path)) if lock_path.exists() else Lock()
    return Project(lock_path, lock, [_kept(entry, config, data_dir) for entry in _entries(config)])


def _entries(config: Path) -> Sequence[PromptEntry]:
    if not config.is_file():
        raise InvalidInputError(
            f"there is no {config}; write one (docs/ci.md shows how), or name it with --config, or change the folder"
        )
    return read_config(_text_of(config), str(config))


def _kept(entry: PromptEntry, config: Path, data_dir: Path | None) -> KeptPrompt:
    from pmpo.runs.jobfile import job_of

    path = config.parent / entry.file
    try:
        data = _bytes_of(path)
        file = PromptFile.read(data, entry.file)
        spec = job_of({"name": entry.name, **entry.job, "prompt": file.text}, config, data_dir)
    except PmpoError as error:
        raise of_prompt(entry.name, error) from None
    return KeptPrompt(entry, path, data, file, spec, fingerprint(spec, _meta_prompts(spec)))


def of_prompt(name: str, error: PmpoError) -> PmpoError:
    """The same error, naming the prompt that it is about."""
    return type(error)(f"[prompts.{name}] {error.message}")


def _meta_prompts(spec: JobSpec) -> list[str]:
    from pmpo.runs.meta_prompt import meta_texts

    return meta_texts(spec.optimizer.meta_prompt, spec.optimizer.meta_prompt_text)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidInputError(missing_file(path).message) from None
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from None


def _text_of(path: Path) -> str:
    try:
        return _bytes_of(path).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path} is not UTF-8; save it as UTF-8") from None


def write_in_one_step(path: Path, data: bytes) -> None:
    """Replace a file: whoever reads it finds the old bytes or the new ones. A link stays, and so do permissions.

    Raises:
        InvalidInputError: the file cannot be written.
    """
    target = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask())  # noqa: PTH101
            os.replace(name, target)  # noqa: PTH105 - the name is text from mkstemp
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108
            raise
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror or error}") from None


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
