"""What Redis does to a job in one step: either all of a script happens, or what refuses comes before what writes."""

from __future__ import annotations

from services.store.admission import COUNT_JOBS

# KEYS: job, active jobs, lease, ended jobs, those with journal, those with events, webhooks to be called.
# ARGV: what the lease must be ("any", "none", "some", or its value), states it may move from (between commas), state it
# moves to, whether that is final, now, job id, whether the lease ends with it, then fields and values.
# With the end of a job its webhook becomes due, so that no crash comes between the two.
MOVE = """
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return {'missing', ''} end
local held = redis.call('GET', KEYS[3])
if ARGV[1] == 'none' and held then return {'held', state} end
if ARGV[1] == 'some' and not held then return {'unheld', state} end
if string.find(ARGV[1], ':', 1, true) and held ~= ARGV[1] then return {'lease_lost', state} end
if not string.find(ARGV[2], ',' .. state .. ',', 1, true) then return {'refused', state} end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'updated_at', ARGV[5])
for at = 8, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('HINCRBY', KEYS[1], 'version', 1)
if ARGV[7] == '1' then redis.call('DEL', KEYS[3]) end
if ARGV[4] == '1' then
  redis.call('SREM', KEYS[2], ARGV[6])
  for at = 4, 6 do redis.call('ZADD', KEYS[at], ARGV[5], ARGV[6]) end
  if redis.call('HEXISTS', KEYS[1], 'webhook') == 1 then redis.call('ZADD', KEYS[7], ARGV[5], ARGV[6]) end
end
return {'done', state}
"""
# KEYS: job, jobs of its project, active jobs, the remembered answer of a keyed request, ended jobs.  ARGV: now, job id,
# the record to remember ("" without a key), its time to live, the six that ``counts_if_full`` is asked with, then
# fields and values. A second request of one key creates nothing, and neither does one for which there is no room: the
# answer is then the counts.
CREATE = (
    COUNT_JOBS
    + """
if ARGV[3] ~= '' then
  local known = redis.call('GET', KEYS[4])
  if known then return known end
end
local full = counts_if_full(KEYS[3], KEYS[5], {unpack(ARGV, 5, 10)})
if full then return full end
if ARGV[3] ~= '' then redis.call('SET', KEYS[4], ARGV[3], 'EX', ARGV[4]) end
for at = 11, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[2])
redis.call('SADD', KEYS[3], ARGV[2])
return false
"""
)
# Notes the entry of a job in its queue, unless the job has moved on meanwhile.
NOTE_ENTRY = """
if redis.call('HGET', KEYS[1], 'state') ~= 'queued' then return 0 end
redis.call('HSET', KEYS[1], 'enqueued_id', ARGV[1])
return 1
"""
