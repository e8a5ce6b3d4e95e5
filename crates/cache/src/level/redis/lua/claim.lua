-- Grants one process the right to load. KEYS: claim, fence. ARGV: limit, how long the fence is remembered (ms).
-- Returns the fence, or 0 when it is taken. The fence is the server's time, so that it grows even when forgotten.
if redis.call('EXISTS', KEYS[1]) == 1 then return '0' end
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local fence = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
redis.call('SET', KEYS[1], fence, 'PX', ARGV[1])
redis.call('SET', KEYS[2], fence, 'PX', ARGV[2])
return fence
