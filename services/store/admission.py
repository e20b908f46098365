"""How many jobs may wait and be under way: counted by the very script that saves a job, so that no race passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pmpo.errors import OverloadedError

RATE_WINDOW_S = 600.0
MIN_RETRY_S = 5.0
MAX_RETRY_S = 300.0
UNKNOWN_RETRY_S = 60.0

# Counts jobs in state queued, and jobs of a project that are not over. A function for the scripts that begin with it.
COUNT_JOBS = """
local function count_jobs(active, prefix, project)
  local queued, own = 0, 0
  for _, id in ipairs(redis.call('SMEMBERS', active)) do
    local found = redis.call('HMGET', prefix .. id, 'state', 'project')
    if found[1] == 'queued' then queued = queued + 1 end
    if found[1] and (found[2] or ARGV[4]) == project then own = own + 1 end
  end
  return queued, own
end
"""
# KEYS: active jobs, ended jobs.  ARGV: prefix of jobs, project, the moment after which ends are counted, the project of
# jobs that name none.
COUNT = (
    COUNT_JOBS
    + """
local queued, own = count_jobs(KEYS[1], ARGV[1], ARGV[2])
return {queued, own, redis.call('ZCOUNT', KEYS[2], ARGV[3], '+inf')}
"""
)


@dataclass(frozen=True, slots=True)
class JobLimits:
    """The most jobs that may wait in all, and that one project may have under way (waiting, running or paused)."""

    max_queued: int
    max_active_per_project: int


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

    def check(self, limits: JobLimits) -> None:
        """See that there is room for one more job.

        Raises:
            OverloadedError: there is none; says how many there are, the limit, and when to come back.
        """
        if self.queued >= limits.max_queued:
            raise self._refusal(
                f"{self.queued} jobs are queued and {limits.max_queued} may be (PMPO_API_MAX_QUEUED_JOBS)"
            )
        if self.active >= limits.max_active_per_project:
            raise self._refusal(
                f"{self.active} jobs of this project are not over and {limits.max_active_per_project} may be under way "
                "(PMPO_API_MAX_ACTIVE_JOBS_PER_PROJECT)"
            )

    def _refusal(self, what: str) -> OverloadedError:
        """When to come back: about when the next job ends, at the pace of the last ten minutes."""
        wait_s = RATE_WINDOW_S / self.ended if self.ended else UNKNOWN_RETRY_S
        wait_s = float(round(min(MAX_RETRY_S, max(MIN_RETRY_S, wait_s))))
        return OverloadedError(
            f"{what}; send the job again in {wait_s:.0f} s, or cancel one that is not needed", retry_after_s=wait_s
        )
