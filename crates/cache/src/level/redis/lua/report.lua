-- A process says how far it has read, or (with an empty position) leaves. KEYS: members. ARGV: its id, epoch:number,
-- how long silence is tolerated (ms).
if ARGV[2] == '' then return redis.call('HDEL', KEYS[1], ARGV[1]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. string.format('%.0f', now))
-- A second of each ten is enough to remove who fell silent.
if time[1] % 10 == 0 then
  local all = redis.call('HGETALL', KEYS[1])
  for at = 1, #all, 2 do
    local seen = tonumber(all[at + 1]:match(':(%d+)$') or '0')
    if now - seen > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[at]) end
  end
end
return 1
