-- Who shares the level: the ids and positions of those that were heard of lately. KEYS: members. ARGV: how long
-- silence is tolerated (ms).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all, present = redis.call('HGETALL', KEYS[1]), {}
for at = 1, #all, 2 do
  local position, seen = all[at + 1]:match('^(%d+:%d+):(%d+)$')
  if seen and now - tonumber(seen) <= tonumber(ARGV[1]) then
    present[#present + 1] = all[at]
    present[#present + 1] = position
  end
end
return present
