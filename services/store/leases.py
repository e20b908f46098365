"""Leases: who works on a job, and whose turn it is to sweep.

A lease carries a fencing token that only ever rises. Whoever writes to a job shows its lease to the very script that
writes, so a worker that was paused past its lease, and comes back, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from pmpo.errors import LeaseLostError
from services.store import keys
from services.store.connection import Commands

# The same holder asks again when the answer to its first try was lost on the way: it gets the same lease.
_ACQUIRE = """
local held = redis.call('GET', KEYS[1])
if held then
  local token, holder = string.match(held, '^(%d+):(.*)$')
  if holder ~= ARGV[1] then return false end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(token)
end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], string.format('%d', token) .. ':' .. ARGV[1], 'PX', ARGV[2])
return token
"""
# KEYS: lease, fence, job.  ARGV: lease value, time to live, token. A lease that ran out comes back to its holder as
# long as nobody took the job since (the counter still stands at its token) and nobody moved it on: the holder was away,
# or Redis was, and nothing happened meanwhile.
_RENEW = """
local held = redis.call('GET', KEYS[1])
if held == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if held or redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
local state = redis.call('HGET', KEYS[3], 'state')
if state ~= 'running' and state ~= 'paused' and state ~= 'cancelling' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """A hold on one job. ``token`` is higher than that of every earlier hold."""

    job_id: str
    token: int
    holder: str

    @property
    def value(self) -> str:
        """What stands in Redis while the lease is held."""
        return f"{self.token}:{self.holder}"


def lease_lost(job_id: str) -> LeaseLostError:
    """What a writer is told whose lease is gone."""
    return LeaseLostError(
        f"the lease on job {job_id} is gone: it expired, or another worker took over; nothing was written"
    )


class Leases:
    """Acquire, renew, release."""

    def __init__(self, redis: Redis, lease_s: float) -> None:
        self._redis = redis
        self._commands = Commands()
        self._ttl_ms = keys.lease_ttl_ms(lease_s)
        self._turn_ms = max(1, int(keys.sweep_interval_s(lease_s) * 900))
        self._acquire = redis.register_script(_ACQUIRE)
        self._renew = redis.register_script(_RENEW)
        self._release = redis.register_script(_RELEASE)

    async def try_acquire(self, job_id: str, holder: str) -> Lease | None:
        """Take the lease on a job; None when somebody else has it."""
        wanted = [keys.lease(job_id), keys.fence(job_id)]
        token = await self._commands.run(self._acquire(keys=wanted, args=[holder, self._ttl_ms]))
        return None if token is None else Lease(job_id, int(token), holder)

    async def renew(self, lease: Lease) -> None:
        """Hold on; also to a lease that ran out, as long as the job is under way and nobody else took it.

        Raises:
            LeaseLostError: it is too late.
        """
        touched = [keys.lease(lease.job_id), keys.fence(lease.job_id), keys.job(lease.job_id)]
        given: list[str | int] = [lease.value, self._ttl_ms, lease.token]
        renewed = await self._commands.run(self._renew(keys=touched, args=given))
        if not renewed:
            raise lease_lost(lease.job_id)

    async def release(self, lease: Lease) -> None:
        """Let go; a lease that is somebody else's by now stays theirs."""
        await self._commands.run(self._release(keys=[keys.lease(lease.job_id)], args=[lease.value]))

    async def take_turn(self, holder: str) -> bool:
        """Whether the caller is the janitor of this interval; the turn expires, it is not given back."""
        taking = self._redis.set(keys.JANITOR_TURN, holder, nx=True, px=self._turn_ms)
        return bool(await self._commands.run(taking))
