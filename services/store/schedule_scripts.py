"""What Redis does to a schedule in one step. A time is used once, and none while the schedule is paused."""

from __future__ import annotations

from services.store.admission import COUNT_JOBS

# Whether the schedule stands where it was seen, and is not paused: what was seen is used by one who asks, not by two.
_CAN_USE = """
local function can_use(schedule, stamp)
  return redis.call('HGET', schedule, 'next_at') == stamp and redis.call('HEXISTS', schedule, 'paused_at') == 0
end
"""
# KEYS: schedule, schedules of its project, due ones, and the remembered answer of a keyed request.  ARGV: id, created,
# next, most schedules of a project, what to remember ("" without a key), its time to live, then fields and values.
CREATE = """
if ARGV[5] ~= '' then
  local known = redis.call('GET', KEYS[4])
  if known then return {'known', known} end
end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return {'full', ''} end
if ARGV[5] ~= '' then redis.call('SET', KEYS[4], ARGV[5], 'EX', ARGV[6]) end
for at = 7, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
return {'done', ''}
"""
# KEYS: schedule, due ones, those with a window, job, jobs of its project, active jobs, ended jobs.  ARGV: id, the time
# that is used, the next one, now, job id, whether it has a window, the job that is held ("" for none), what is told of
# it, the six that ``counts_if_full`` is asked with, then the job's fields and values. The time is used and the job is
# there, or neither: however many janitors try, and wherever they stop. Without room the answer is the counts.
RUN = (
    COUNT_JOBS
    + _CAN_USE
    + """
if not can_use(KEYS[1], ARGV[2]) then return 0 end
local full = counts_if_full(KEYS[6], KEYS[7], {unpack(ARGV, 9, 14)})
if full then return full end
redis.call('HSET', KEYS[1], 'next_at', ARGV[3], 'last_at', ARGV[4], 'last_job_id', ARGV[5])
redis.call('HSET', KEYS[1], 'held_job', ARGV[7], 'waits', '', 'outcome', ARGV[8])
redis.call('HINCRBY', KEYS[1], 'num_runs', 1)
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
if ARGV[6] == '1' then redis.call('SADD', KEYS[3], ARGV[1]) end
for at = 15, #ARGV, 2 do redis.call('HSET', KEYS[4], ARGV[at], ARGV[at + 1]) end
redis.call('ZADD', KEYS[5], ARGV[4], ARGV[5])
redis.call('SADD', KEYS[6], ARGV[5])
return 1
"""
)
# KEYS: schedule, due ones.  ARGV: id, the time that passes, the next one, what is told of it, the counter, by how much.
PASS_OVER = (
    _CAN_USE
    + """
if not can_use(KEYS[1], ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'next_at', ARGV[3], 'waits', '', 'outcome', ARGV[4])
redis.call('HINCRBY', KEYS[1], ARGV[5], ARGV[6])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
return 1
"""
)
# KEYS: schedule, due ones.  ARGV: id, the time that stays, when to look again, what is told of it, whether it waits for
# the end of the last job.
PUT_OFF = (
    _CAN_USE
    + """
if not can_use(KEYS[1], ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'outcome', ARGV[4], 'waits', ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
return 1
"""
)
# KEYS: schedule, due ones.  ARGV: id, now. Who pauses what is paused changes nothing.
PAUSE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('HSETNX', KEYS[1], 'paused_at', ARGV[2]) == 1 then redis.call('ZREM', KEYS[2], ARGV[1]) end
return 1
"""
# KEYS: schedule, due ones.  ARGV: id, the time that it was paused with, the next one, what is told of those that came
# meanwhile, how many they are.
RESUME = """
if redis.call('HGET', KEYS[1], 'next_at') ~= ARGV[2] then return 0 end
if redis.call('HDEL', KEYS[1], 'paused_at') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'next_at', ARGV[3])
if ARGV[5] ~= '0' then
  redis.call('HSET', KEYS[1], 'outcome', ARGV[4])
  redis.call('HINCRBY', KEYS[1], 'num_missed', ARGV[5])
end
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
return 1
"""
# KEYS: schedule.  ARGV: the job that its window holds. Nothing comes back after a deletion.
HOLD_JOB = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'held_job', ARGV[1])
return 1
"""
