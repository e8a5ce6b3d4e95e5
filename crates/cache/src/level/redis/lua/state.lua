-- What a process begins with: epoch, number, forgotten, the log's last id, and that entry's origin if it is there.
local epoch = epoch_now() or begin(0)
local last, origin = '0-0', ''
if redis.call('EXISTS', KEYS[2]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[2])
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then last = info[at + 1] end
  end
  local entry = redis.call('XRANGE', KEYS[2], last, last)[1]
  for at = 1, entry and #entry[2] or 0, 2 do
    if entry[2][at] == 'o' then origin = entry[2][at + 1] end
  end
end
local state = redis.call('HMGET', KEYS[1], 'number', 'forgotten')
return { epoch, state[1], state[2], last, origin }
