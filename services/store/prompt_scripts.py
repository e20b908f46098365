"""What Redis does to a prompt of the registry in one step. What refuses comes before what writes."""

from __future__ import annotations

# Moves a label and remembers it. A stack holds the versions that a label stood at, as "3,7,": of very many, the last.
_MOVE = """
local function move(labels, stacks, moves, label, number, kind, now)
  local from = redis.call('HGET', labels, label) or ''
  number = string.format('%d', number)
  if from == number then return end
  redis.call('HSET', labels, label, number)
  local stack = (redis.call('HGET', stacks, label) or '') .. number .. ','
  while #stack > 4000 do stack = string.sub(stack, string.find(stack, ',', 1, true) + 1) end
  redis.call('HSET', stacks, label, stack)
  redis.call('RPUSH', moves, table.concat({kind, label, from, number, now}, '\\n'))
end
"""
# KEYS: prompts, versions, labels, stacks, moves, origins, job, and the remembered answer of a keyed request.
# ARGV: name, entry, digests of its text and of the text it was made from (or ""), job id (or ""), the record to
# remember (or ""), its time to live, now, the kind of the labels' moves, what it was measured on and its test loss (or
# "" twice), labels.
ADD = (
    _MOVE
    + """
local function is_better(at)
  if not at or ARGV[10] == '' then return false end
  local content = cjson.decode(string.match(redis.call('LINDEX', KEYS[2], tonumber(at) - 1), '\\n(.*)'))
  local lineage = content.lineage
  if type(lineage) ~= 'table' or lineage.measured_on ~= ARGV[10] or type(lineage.test) ~= 'table' then return false end
  return lineage.test.loss_after < tonumber(ARGV[11])
end
local name, entry, text, seed, job, record = ARGV[1], ARGV[2], 'text:' .. ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if job ~= '' then
  if redis.call('HGET', KEYS[7], 'state') ~= 'succeeded' then return {'refused', 0} end
  local known = redis.call('HGET', KEYS[6], 'job:' .. job)
  if known then return {'known', known} end
end
if record ~= '' then
  local known = redis.call('GET', KEYS[8])
  if known then return {'replayed', known} end
end
local number, said = redis.call('LLEN', KEYS[2]), 'same'
if number == 0 or redis.call('HGET', KEYS[6], text) ~= string.format('%d', number) then
  local parent = seed ~= '' and redis.call('HGET', KEYS[6], 'text:' .. seed) or '0'
  number, said = redis.call('RPUSH', KEYS[2], parent .. '\\n' .. entry), 'new'
  redis.call('HSET', KEYS[6], text, number)
  redis.call('ZADD', KEYS[1], 0, name)
end
local kept = ''
for i = 12, #ARGV do
  local at = redis.call('HGET', KEYS[3], ARGV[i])
  if is_better(at) then kept = kept .. ' ' .. ARGV[i] .. '=' .. at
  else move(KEYS[3], KEYS[4], KEYS[5], ARGV[i], number, ARGV[9], ARGV[8]) end
end
if record ~= '' then redis.call('SET', KEYS[8], record .. number, 'EX', ARGV[7]) end
if job ~= '' then
  redis.call('HSET', KEYS[6], 'job:' .. job, number)
  redis.call('HSET', KEYS[7], 'registered', name .. ' ' .. number .. kept)
end
return {said, number}
"""
)
# KEYS: versions, labels, stacks, moves, origins.  ARGV: label, version, the version it must stand at ("any", or "" for
# none), now.
PROMOTE = (
    _MOVE
    + """
local num_versions, number = redis.call('LLEN', KEYS[1]), tonumber(ARGV[2])
if num_versions == 0 then return {'missing', 0} end
if number > num_versions then return {'no_version', num_versions} end
local at = redis.call('HGET', KEYS[2], ARGV[1]) or ''
if at == ARGV[2] then return {'done', number} end
if ARGV[3] ~= 'any' and at ~= ARGV[3] then return {'elsewhere', tonumber(at) or 0} end
move(KEYS[2], KEYS[3], KEYS[4], ARGV[1], number, 'promote', ARGV[4])
return {'done', number}
"""
)
# KEYS: as of PROMOTE.  ARGV: label, the version it must stand at ("any", or "" for none), now.
ROLLBACK = """
if redis.call('LLEN', KEYS[1]) == 0 then return {'missing', 0} end
local at = redis.call('HGET', KEYS[2], ARGV[1]) or ''
if ARGV[2] ~= 'any' and at ~= ARGV[2] then return {'elsewhere', tonumber(at) or 0} end
if at == '' then return {'nowhere', 0} end
local before, target = string.match(redis.call('HGET', KEYS[3], ARGV[1]), '^(.-(%d+),)%d+,$')
if not before then return {'first', tonumber(at)} end
redis.call('HSET', KEYS[2], ARGV[1], target)
redis.call('HSET', KEYS[3], ARGV[1], before)
redis.call('RPUSH', KEYS[4], table.concat({'rollback', ARGV[1], at, target, ARGV[3]}, '\\n'))
return {'done', tonumber(target)}
"""
