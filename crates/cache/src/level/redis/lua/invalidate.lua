-- Numbers and records invalidations, and tells the other processes. ARGV: origin, length of the log, most tags, most
-- prefixes, then pairs: what is left and what kind (s or h; k, t or p), and the target. Returns epoch and number.
local epoch = epoch_now() or begin(0)
local number = redis.call('HINCRBY', KEYS[1], 'number', 1)
local entry = { 'XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', epoch, 'n', number, 'o', ARGV[1] }

local function forget(number)
  if number > tonumber(redis.call('HGET', KEYS[1], 'forgotten') or '0') then
    redis.call('HSET', KEYS[1], 'forgotten', string.format('%.0f', number))
  end
end

-- Remembers the number of one target; of too many, the oldest is forgotten, and counts as a mark on everything.
local function mark(key, member, most)
  redis.call('ZADD', key, number, member)
  local over = redis.call('ZCARD', key) - 1 - most
  if over > 0 then
    local oldest = redis.call('ZRANGE', key, over - 1, over - 1, 'WITHSCORES')
    forget(tonumber(oldest[2]))
    redis.call('ZREMRANGEBYRANK', key, 0, over - 1)
  end
end

for at = 5, #ARGV, 2 do
  local code, target = ARGV[at], ARGV[at + 1]
  local mode, kind = code:sub(1, 1), code:sub(2, 2)
  entry[#entry + 1] = code .. at
  entry[#entry + 1] = target
  if kind == 't' then
    mark(KEYS[3], mode .. target, tonumber(ARGV[3]))
  elseif kind == 'p' and code == 'hp' and target == '' then
    forget(number)
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', number)
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', number)
  elseif kind == 'p' then
    mark(KEYS[4], mode .. target, tonumber(ARGV[4]))
  end
end
redis.call(unpack(entry))
return { epoch, tostring(number) }
