import { hash } from 'node:crypto'

/** One verb of the store as Lua: Redis runs it as a whole, by its own clock. */
export type Script = { readonly lua: string; readonly sha1: string }

// Lua's `..` writes 1.7e+15 for large numbers; `int` writes digits.
const prelude = `
local function int(n) return string.format('%.0f', n) end
local function nowMs()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function header(record)
  if not record then return nil end
  local version, deadline = string.match(record, '^(%d+):(%d+):')
  if not version or #version > 15 or #deadline > 15 then return nil end
  return version, tonumber(deadline)
end
local function changed(channel, id)
  -- A hint to others: an ACL that forbids it must not undo the write.
  redis.pcall('PUBLISH', channel, id)
end
`

const script = (body: string): Script => {
  const lua = prelude + body
  return { lua, sha1: hash('sha1', lua) }
}

/** KEYS record, tombstone. ARGV sealed, idle ms, absolute ms, channel, id. Index into CreateOutcome. */
export const createScript = script(`
if redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
local absolute = tonumber(ARGV[3])
local value = '1:' .. int(nowMs() + absolute) .. ':' .. ARGV[1]
local life = int(math.min(tonumber(ARGV[2]), absolute))
if not redis.call('SET', KEYS[1], value, 'NX', 'PX', life) then return 1 end
changed(ARGV[4], ARGV[5])
return 0
`)

/**
 * For each session KEYS session, vault, listing, tombstone. ARGV slide ms or 0; then for each how the known session and vault
 * begin, or ''. For each {0} missing, {1, reason} ended, {2, session, vault, idle left, absolute left} live, or
 * {3, idle left, absolute left} as known. Single GETs, not MGET: that hides a key of the wrong type as "nothing there".
 */
export const readScript = script(`
local slide, now = tonumber(ARGV[1]), nowMs()
local function start(key) return redis.call('GETRANGE', key, 0, 127) end
local function isKnown(value, known)
  if known == '' then return value == '' end
  local sealed = string.match(value, '^%d+:%d+:()') or 1
  return string.sub(value, sealed, sealed + #known - 1) == known
end
local function look(first, knownSession, knownVault)
  local session, vault = KEYS[first], KEYS[first + 1]
  local reason = redis.call('GET', KEYS[first + 3])
  if reason then return {1, reason} end
  local beginning = start(session)
  local version, deadline = header(beginning)
  if not version then return {0} end
  local left = deadline - now
  if left <= 0 then return {0} end
  local idle = redis.call('PTTL', session)
  if idle < 0 or idle > left then idle = left end
  local same = knownSession ~= '' and isKnown(beginning, knownSession) and isKnown(start(vault), knownVault)
  local answer = same and {3} or {2, redis.call('GET', session), redis.call('GET', vault)}
  local target = math.min(slide, left)
  if idle < slide * 0.9 and target > idle + 1 then
    for i = first, first + 2 do redis.call('PEXPIRE', KEYS[i], int(target)) end
    idle = target
  end
  table.insert(answer, idle)
  table.insert(answer, left)
  return answer
end
local answers = {}
for i = 1, #KEYS / 4 do answers[i] = look(4 * i - 3, ARGV[2 * i], ARGV[2 * i + 1]) end
return answers
`)

/** KEYS record, tombstone. ARGV expected version, sealed, channel, id. Index into UpdateOutcome. */
export const updateScript = script(`
if redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
local version, deadline = header(redis.call('GETRANGE', KEYS[1], 0, 31))
if not version or deadline <= nowMs() then return 2 end
if version ~= ARGV[1] then return 1 end
local value = int(version + 1) .. ':' .. int(deadline) .. ':' .. ARGV[2]
redis.call('SET', KEYS[1], value, 'KEEPTTL')
changed(ARGV[3], ARGV[4])
return 0
`)

/**
 * KEYS record, tombstone. ARGV version, sealed, channel, id. 1 when the record was older than what is put in its place.
 * For a Redis that came back without its last writes: a newer record, an ended session and a missing one stay as they are.
 */
export const reassertScript = script(`
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local version, deadline = header(redis.call('GETRANGE', KEYS[1], 0, 31))
if not version or tonumber(version) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. int(deadline) .. ':' .. ARGV[2], 'KEEPTTL')
changed(ARGV[3], ARGV[4])
return 1
`)

/**
 * KEYS session, vault, listing, tombstone. ARGV reason, absolute ms when no record tells, channel, id. The vault as it was.
 * DEL first: a Redis that is out of memory refuses a script's SET unless the script has written before,
 * so a logout works there too. pcall: a key of the wrong type must not keep a session from ending.
 */
export const endScript = script(`
local record = redis.pcall('GETRANGE', KEYS[1], 0, 31)
local version, deadline = header(type(record) == 'string' and record)
local left = version and deadline - nowMs() or tonumber(ARGV[2])
local vault = redis.pcall('GET', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('SET', KEYS[4], ARGV[1], 'NX', 'PX', int(math.max(left, 3600000)))
changed(ARGV[3], ARGV[4])
return type(vault) == 'string' and vault
`)

/**
 * KEYS lock, fence. ARGV hold ms. The fence, or nil while another holds the lock.
 * A fence is never below the time: it grows even when Redis has lost the last one.
 */
export const lockScript = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local fence = math.max((tonumber(redis.call('GET', KEYS[2])) or 0) + 1, nowMs())
redis.call('SET', KEYS[2], int(fence), 'PX', int(86400000 + ARGV[1]))
redis.call('SET', KEYS[1], int(fence), 'PX', ARGV[1])
return fence
`)

/**
 * KEYS lock, fence. ARGV fence, hold ms. 1 while the lock is this holder's.
 * A lock that ran out while Redis was away is taken again, unless somebody else has had it since.
 */
export const extendScript = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if (tonumber(redis.call('GET', KEYS[2])) or 0) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`)

/** KEYS lock, fence. ARGV fence, channel, id. The fence moves on, so that a late extension takes nothing back. */
export const unlockScript = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], int(ARGV[1] + 1), 'PX', 86400000)
changed(ARGV[2], ARGV[3])
return 1
`)

/**
 * KEYS waiting, pending, return. ARGV pending, return, TTL ms, cap, member, stem of pending keys, of return keys.
 * The score is microseconds, so that the oldest is the first put. Dropped keys share the hash tag of KEYS.
 */
export const putLoginScript = script(`
local ttl = tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', int(now - ttl * 1000))
redis.call('ZADD', KEYS[1], int(now), ARGV[5])
redis.call('PEXPIRE', KEYS[1], int(math.max(ttl, redis.call('PTTL', KEYS[1]))))
local over = redis.call('ZCARD', KEYS[1]) - ARGV[4]
if over <= 0 then return 0 end
local dropped = redis.call('ZPOPMIN', KEYS[1], over)
for i = 1, #dropped, 2 do redis.call('DEL', ARGV[6] .. dropped[i], ARGV[7] .. dropped[i]) end
return over
`)

/** KEYS waiting, pending, return. ARGV member, ms that the return part stays. {pending, return}, nil where gone. */
export const takeLoginScript = script(`
local pending = redis.call('GET', KEYS[2])
local back = redis.call('GET', KEYS[3])
if pending then
  redis.call('DEL', KEYS[2])
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('PEXPIRE', KEYS[3], ARGV[2])
end
return {pending, back}
`)

/** KEYS value. */
export const takeScript = script(`
local value = redis.call('GET', KEYS[1])
if value then redis.call('DEL', KEYS[1]) end
return value
`)

/** KEYS list. ARGV id, life ms. The score is the end; what has ended is taken off, so that a list does not grow. */
export const addToListScript = script(`
local now = nowMs()
local life = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', int(now))
redis.call('ZADD', KEYS[1], int(now + life), ARGV[1])
redis.call('PEXPIRE', KEYS[1], int(math.max(life, redis.call('PTTL', KEYS[1]))))
return 0
`)

/** KEYS mark. ARGV value, TTL ms. */
export const raiseMarkScript = script(`
local value = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, tonumber(ARGV[1]))
redis.call('SET', KEYS[1], int(value), 'PX', int(math.max(tonumber(ARGV[2]), redis.call('PTTL', KEYS[1]))))
return 0
`)
