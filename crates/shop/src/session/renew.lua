-- Begins a session with the basket of an old one, which ends.
-- KEYS: old session, old cart, new session, new cart. ARGV: now, lifetime, customer, name, mail.
if KEYS[1] ~= KEYS[3] and redis.call('EXISTS', KEYS[1]) == 1 then
  if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('RENAME', KEYS[2], KEYS[4])
    redis.call('EXPIRE', KEYS[4], ARGV[2])
  end
  redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[3], 'seen', ARGV[1], 'customer', ARGV[3], 'name', ARGV[4], 'mail', ARGV[5])
redis.call('EXPIRE', KEYS[3], ARGV[2])
