-- Changes a basket, and says how many things are in it now; -1: the session has ended, -2: the basket is full.
-- KEYS: session, cart. ARGV: product, how many, 'add' or 'set', most of one, most kinds, now in milliseconds, a new name, lifetime.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return -1
end
local cart, kinds, count = redis.call('HGETALL', KEYS[2]), 0, 0
local before, added, named = 0, ARGV[6], false
for at = 1, #cart, 2 do
  if cart[at] == 'basket' then
    named = true
  else
    local since, quantity = string.match(cart[at + 1], '^(%d+):(%d+)$')
    kinds = kinds + 1
    count = count + tonumber(quantity)
    if cart[at] == ARGV[1] then
      before, added = tonumber(quantity), since
    end
  end
end
local after = tonumber(ARGV[2])
if ARGV[3] == 'add' then
  after = math.min(before + after, tonumber(ARGV[4]))
end
count = count - before + after
if after > 0 then
  if before == 0 and kinds >= tonumber(ARGV[5]) then
    return -2
  end
  redis.call('HSET', KEYS[2], ARGV[1], added .. ':' .. after)
  if not named then
    redis.call('HSET', KEYS[2], 'basket', ARGV[7])
  end
  redis.call('EXPIRE', KEYS[2], ARGV[8])
elseif count == 0 then
  redis.call('DEL', KEYS[2])
else
  redis.call('HDEL', KEYS[2], ARGV[1])
end
return count
