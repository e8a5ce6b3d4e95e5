-- Who is logged into a session, and notes that it was seen if it was not for a while.
-- KEYS: session, cart. ARGV: now, seconds after which it is noted again, lifetime.
local found = redis.call('HMGET', KEYS[1], 'customer', 'name', 'mail', 'seen')
if not found[4] then
  return false
end
if tonumber(ARGV[1]) - tonumber(found[4]) >= tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'seen', ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  redis.call('EXPIRE', KEYS[2], ARGV[3])
end
return {found[1], found[2], found[3]}
