"""How many jobs may wait and be under way: counted by the very script that saves a job, so that no race passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pmpo.contracts.keys import DEFAULT_PROJECT
from pmpo.errors import OverloadedError
from pmpo.runtime.settings import Settings
from services.store import keys

RATE_WINDOW_S = 600.0
MIN_RETRY_S = 5.0
MAX_RETRY_S = 300.0
UNKNOWN_RETRY_S = 60.0

# Functions for the scripts that begin with them. ``asked``: prefix of jobs, project, the project of jobs that name
# none, the moment after which ends are counted, the most that may be queued (-1: any number), the most of the project
# that may be under way. ``count_jobs`` counts jobs in state queued, jobs of the project that are not over, and ends;
# ``counts_if_full`` answers the counts where there is no room for one more job, else nothing.
COUNT_JOBS = """
local function count_jobs(active, ended, asked)
  local queued, own = 0, 0
  for _, id in ipairs(redis.call('SMEMBERS', active)) do
    local found = redis.call('HMGET', asked[1] .. id, 'state', 'project')
    if found[1] == 'queued' then queued = queued + 1 end
    if found[1] and (found[2] or asked[3]) == asked[2] then own = own + 1 end
  end
  return {queued, own, redis.call('ZCOUNT', ended, asked[4], '+inf')}
end
local function counts_if_full(active, ended, asked)
  if asked[5] == '-1' then return nil end
  local counts = count_jobs(active, ended, asked)
  if counts[1] >= tonumber(asked[5]) or counts[2] >= tonumber(asked[6]) then return counts end
end
"""
# KEYS: active jobs, ended jobs.  ARGV: what is asked.
COUNT = COUNT_JOBS + "return count_jobs(KEYS[1], KEYS[2], ARGV)"


@dataclass(frozen=True, slots=True)
class JobLimits:
    """The most jobs that may wait in all, and that one project may have under way (waiting, running or paused)."""

    max_queued: int
    max_active_per_project: int

    @classmethod
    def of(cls, settings: Settings) -> JobLimits:
        """Those that the operator set."""
        return cls(settings.api_max_queued_jobs, settings.api_max_active_jobs_per_project)


def asked(project: str, now: float, limits: JobLimits | None = None) -> list[str | float]:
    """What the functions of ``COUNT_JOBS`` are given; without limits there is always room."""
    most = (limits.max_queued, limits.max_active_per_project) if limits else (-1, -1)
    return [keys.JOB_PREFIX, project, DEFAULT_PROJECT, now - RATE_WINDOW_S, *most]


@dataclass(frozen=True, slots=True)
class JobCounts:
    """``queued``: jobs that wait, of all projects; ``active``: a project's that are not over; ``ended``: jobs that came
    to their end in the last ten minutes.
    """

    queued: int
    active: int
    ended: int

    @classmethod
    def read(cls, counted: Sequence[int]) -> JobCounts:
        """From what the script answers."""
        return cls(*(int(number) for number in counted))

    def reason(self, limits: JobLimits) -> str:
        """Why there is no room for one more job: how many there are, and the limit; empty when there is room."""
        if self.queued >= limits.max_queued:
            return f"{self.queued} jobs are queued and {limits.max_queued} may be (PMPO_API_MAX_QUEUED_JOBS)"
        if self.active >= limits.max_active_per_project:
            return (
                f"{self.active} jobs of this project are not over and {limits.max_active_per_project} may be under way "
                "(PMPO_API_MAX_ACTIVE_JOBS_PER_PROJECT)"
            )
        return ""

    @property
    def retry_s(self) -> float:
        """When to come back: about when the next job ends, at the pace of the last ten minutes."""
        wait_s = RATE_WINDOW_S / self.ended if self.ended else UNKNOWN_RETRY_S
        return float(round(min(MAX_RETRY_S, max(MIN_RETRY_S, wait_s))))

    def check(self, limits: JobLimits) -> None:
        """See that there is room for one more job.

        Raises:
            OverloadedError: there is none; says how many there are, the limit, and when to come back.
        """
        if reason := self.reason(limits):
            raise OverloadedError(
                f"{reason}; send the job again in {self.retry_s:.0f} s, or cancel one that is not needed",
                retry_after_s=self.retry_s,
            )
