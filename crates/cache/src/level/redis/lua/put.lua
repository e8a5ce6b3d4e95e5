-- Stores a value unless something newer is known. KEYS: value, fence. ARGV: epoch, number, fence, lifetime in ms,
-- the sender's time in Unix ms, how late and how early by the server's clock is too much, how long a number must be
-- remembered (all ms), value. Returns 1: stored; 0: refused; -time: came at the wrong time, by the server's clock.
local epoch, number, fence = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local lifetime, remember = tonumber(ARGV[4]), tonumber(ARGV[8])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local late = now - tonumber(ARGV[5])
if late > tonumber(ARGV[6]) or -late > tonumber(ARGV[7]) then return -now end

local old = head(KEYS[1])
if old and old.epoch > epoch then return 0 end
if old and old.epoch == epoch then
  if old.stamp > number or old.soft > number then return 0 end
  if fence > 0 and old.fence > fence then return 0 end
  -- The number of an invalidation outlives the value that was stored after it, or an older fill could follow.
  lifetime = math.max(lifetime, math.min(redis.call('PTTL', KEYS[1]), remember))
end
if fence > 0 and tonumber(redis.call('GET', KEYS[2]) or '0') > fence then return 0 end
redis.call('SET', KEYS[1], ARGV[9], 'PX', string.format('%.0f', lifetime))
return 1
