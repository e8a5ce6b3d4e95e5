-- Invalidates one key. KEYS: value. ARGV: epoch, number, mode (s or h), how long to remember (ms).
local epoch, number, remember = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])

local function hex(value) return string.format('%014x', value) end
local function bury(number)
  local text = 'T' .. hex(epoch) .. hex(number) .. hex(0) .. hex(0)
  redis.call('SET', KEYS[1], text, 'PX', ARGV[4])
end

local old = head(KEYS[1])
if old and old.epoch > epoch then return 0 end
if not old or old.epoch < epoch then
  bury(number)
elseif old.kind == 'T' or (ARGV[3] == 'h' and old.stamp < number) then
  bury(math.max(number, old.stamp, old.soft))
else
  if old.stamp < number and old.soft < number then
    redis.call('SETRANGE', KEYS[1], 29, hex(number))
  end
  if redis.call('PTTL', KEYS[1]) < remember then redis.call('PEXPIRE', KEYS[1], remember) end
end
return 1
