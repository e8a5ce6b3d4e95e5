-- Common to the scripts on the control keys: whether they are whole, and beginning anew when they are not.
-- KEYS: state, log, tags, prefixes. Numbers are exact up to 2^53.

-- The epoch, or nil when any of the keys was lost (a flush, an eviction, a server that came up empty).
local function epoch_now()
  local epoch = redis.call('HGET', KEYS[1], 'epoch')
  if not epoch or redis.call('HEXISTS', KEYS[1], 'number') == 0 then return nil end
  if not redis.call('ZSCORE', KEYS[3], '!' .. epoch) then return nil end
  if not redis.call('ZSCORE', KEYS[4], '!' .. epoch) then return nil end
  return epoch
end

-- A new row of numbers. Its epoch is the server's time in microseconds, and larger than the last one's, and `floor`.
local function begin(floor)
  local time = redis.call('TIME')
  local last = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0') or 0
  local epoch = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1, floor + 1))
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'number', 0, 'forgotten', 0)
  redis.call('ZADD', KEYS[3], '+inf', '!' .. epoch)
  redis.call('ZADD', KEYS[4], '+inf', '!' .. epoch)
  return epoch
end
