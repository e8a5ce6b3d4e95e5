-- Counts one request of one client, by the server's time. KEYS: the client.
-- ARGV: 'bucket', interval, burst, cost, or 'window', length, limit, cost. Times are in ticks of 1/16 us; they count from 2025,
-- so that a double holds them exactly, and an integer of Redis without memory of its own. A negative cost is given back; a cost
-- of 0 only looks, and so does any with a fifth argument.
-- Returns whether it is allowed, how many more would be, and for how long it has to wait, or until all is there again (ticks).
local time = redis.call('TIME')
local now = ((time[1] - 1735689600) * 1000000 + time[2]) * 16
local state = tonumber(redis.call('GET', KEYS[1]) or '0')
local length, most, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local function store(value, ticks)
  if cost ~= 0 and not ARGV[5] then
    redis.call('SET', KEYS[1], string.format('%.0f', value), 'PX', string.format('%.0f', math.max(1, math.ceil(ticks / 16000))))
  end
end

if ARGV[1] == 'bucket' then
  -- GCRA: the state is the moment at which the bucket is full again.
  local depth = length * most
  local full = math.min(math.max(state, now), now + depth) + length * cost
  local debt = math.max(full - now, 0)
  if debt > depth then return {0, 0, debt - depth} end
  if debt > 0 then store(now + debt, debt) elseif cost < 0 then redis.call('DEL', KEYS[1]) end
  return {1, math.floor((depth - debt) / length), debt}
end

-- Two counters and the window's number in one integer below 2^53: 12, 20 and 20 bits.
local unit = 1048576
local number = math.floor(now / length) % 4096
local last, this = math.floor(state / unit) % unit, state % unit
local age = (number - math.floor(state / unit / unit)) % 4096
if age == 1 then last, this = this, 0 elseif age > 1 then last, this = 0, 0 end
local elapsed = now % length
local rest = length - elapsed
local used = this + math.ceil(last * rest / length)
if cost > 0 and used + cost > most then
  local wait
  if this + cost <= most then
    wait = length * (1 - (most - this - cost) / last) - elapsed
  else
    wait = rest + length * math.max(0, 1 - (most - cost) / this)
  end
  return {0, 0, math.ceil(wait)}
end
this = math.max(0, this + cost)
store((number * unit + last) * unit + this, rest + length)
return {1, math.max(0, most - used - cost), rest + length}
