-- Takes out of a basket what was ordered, unless it has another name now. What was put in meanwhile stays, under a new name.
-- KEYS: cart. ARGV: the name under which it was ordered, a new one, then product and how many of each.
if redis.call('HGET', KEYS[1], 'basket') ~= ARGV[1] then
  return
end
for at = 3, #ARGV, 2 do
  local line = redis.call('HGET', KEYS[1], ARGV[at])
  if line then
    local since, quantity = string.match(line, '^(%d+):(%d+)$')
    local left = tonumber(quantity) - tonumber(ARGV[at + 1])
    if left > 0 then
      redis.call('HSET', KEYS[1], ARGV[at], since .. ':' .. left)
    else
      redis.call('HDEL', KEYS[1], ARGV[at])
    end
  end
end
if redis.call('HLEN', KEYS[1]) > 1 then
  redis.call('HSET', KEYS[1], 'basket', ARGV[2])
else
  redis.call('DEL', KEYS[1])
end
