"""The engine, the generator and the one thread that runs them; and what is done when the engine is dead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from pmpo.errors import EngineError, PmpoError
from services.scorer.engines.base import EngineIdentity, ScoredItems, TokenItem
from services.scorer.engines.machine import Machine
from services.scorer.generation.types import RowEnd, RowKey, SamplingRow

logger = logging.getLogger(__name__)
T = TypeVar("T")


class EngineDeadError(Exception):
    """The engine has failed and does not pass its check any more. ``reason``: how it failed, in one sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How a dead engine is started again.

    Attributes:
        max_tries: restarts in a row, without a successful engine call in between, before it is left dead.
        first_wait_s: wait before the second of them; it doubles with every further one.
        max_wait_s: no wait is longer.
    """

    max_tries: int = 5
    first_wait_s: float = 1.0
    max_wait_s: float = 30.0

    def wait_s(self, number: int) -> float:
        """Seconds to wait before restart ``number`` (from 1)."""
        return 0.0 if number == 1 else min(self.max_wait_s, self.first_wait_s * 2.0 ** (number - 2))


class EngineRoom:
    """Runs the machine's calls one at a time on a thread of its own.

    Args:
        build: makes the machine anew, with its check; takes as long as loading the model does.
        machine: the first one.
        policy: of restarts.

    Attributes:
        num_restarts: restarts that were tried, all in all.
    """

    def __init__(self, build: Callable[[], Machine], machine: Machine, policy: RestartPolicy) -> None:
        self._build = build
        self._machine: Machine | None = machine
        self._policy = policy
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._identity = machine.engine.identity
        self._num_in_a_row = 0
        self.num_restarts = 0
        self.max_cached_tokens = machine.generator.max_cached_tokens
        self.lets_rows_join = machine.generator.lets_rows_join

    @property
    def peak_memory_bytes(self) -> int | None:
        """Of the engine that runs; None while there is none, or where it does not know."""
        return None if self._machine is None else self._machine.engine.peak_memory_bytes

    async def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        """The engine's answer, one entry an item. Raises whatever the engine raises."""
        scored = await self._run(self._running().engine.score, items)
        if not len(scored.token_log_likelihoods) == len(scored.computed_tokens) == len(items):
            raise EngineError(f"the engine answered {len(scored.token_log_likelihoods)} of {len(items)} items")
        self._num_in_a_row = 0
        return scored

    async def turn(self, leaving: Set[RowKey], joining: Sequence[SamplingRow]) -> list[RowEnd]:
        """One turn of the generator. Raises whatever it raises, and drops all rows then."""
        generator = self._running().generator
        try:
            ends = await self._run(generator.turn, leaving, joining)
        except Exception:
            await self._run(generator.clear)
            raise
        self._num_in_a_row = 0
        return ends

    async def outlive(self, failure: Exception) -> str:
        """After a failed call: check the engine.

        Returns how the call failed, in one sentence.

        Raises:
            EngineDeadError: the engine does not pass its check.
        """
        reason = sentence_of(failure)
        try:
            await self._run(self._running().engine.self_check)
        except Exception as error:
            logger.exception("the engine does not pass its check any more")
            raise EngineDeadError(reason) from error
        return reason

    async def restart(self, tell: Callable[[str], None]) -> None:
        """Build the machine anew, with waits in between, until it works.

        Args:
            tell: gets a sentence about each try before it begins.

        Raises:
            EngineError: it did not come back in as many tries as the policy allows; says why.
        """
        self._machine = None  # two of them may not fit into the memory
        reason = "it fails whenever it is used"
        while self._num_in_a_row < self._policy.max_tries:
            self._num_in_a_row += 1
            self.num_restarts += 1
            tell(f"restart {self._num_in_a_row} of at most {self._policy.max_tries}")
            await asyncio.sleep(self._policy.wait_s(self._num_in_a_row))
            try:
                self._machine = self._checked(await self._run(self._build))
            except Exception as error:
                reason = sentence_of(error)
                logger.exception("restart %d of the engine failed", self._num_in_a_row)
            else:
                logger.warning("the engine is back after restart %d", self._num_in_a_row)
                return
        raise EngineError(f"{_times(self._num_in_a_row)} did not help: {reason}")

    def close(self) -> None:
        """Take no more calls; a call that runs is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, call: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    def _running(self) -> Machine:
        if self._machine is None:
            raise EngineError("the engine is not running")
        return self._machine

    def _checked(self, machine: Machine) -> Machine:
        """Refuse a model that was exchanged meanwhile: the tokenizer that is loaded and the scores are not its own."""
        found, before = machine.engine.identity, self._identity
        if _what_decides(found) != _what_decides(before):
            raise EngineError(
                f"another model stands in its place (revision {found.revision} in {found.dtype}, before "
                f"{before.revision} in {before.dtype}): start the scorer anew"
            )
        return machine


def _what_decides(identity: EngineIdentity) -> tuple[str, str, str, str, int]:
    """What must be the same after a restart; how work is shared may differ."""
    return (identity.model, identity.revision, identity.dtype, identity.engine, identity.context_length)


def _times(number: int) -> str:
    return {0: "no restart is allowed, and waiting", 1: "a restart"}.get(number, f"{number} restarts")


def sentence_of(error: Exception) -> str:
    """What went wrong, in the words of the error."""
    return error.message if isinstance(error, PmpoError) else f"{type(error).__name__}: {error}"
