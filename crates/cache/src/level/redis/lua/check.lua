-- Whether the log still is the one that a process has read. ARGV: the id of the last entry that it took in.
-- Returns epoch (empty: lost), number, that entry's number and origin (empty: not there), the first id, the last id.
local epoch = epoch_now()
if not epoch then return { '', '0', '', '', '', '' } end
local number, origin, first, last = '', '', '', '0-0'
local entry = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1]
if entry then
  for at = 1, #entry[2], 2 do
    if entry[2][at] == 'n' then number = entry[2][at + 1] end
    if entry[2][at] == 'o' then origin = entry[2][at + 1] end
  end
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[2])
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then last = info[at + 1] end
  end
  local head = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  if head then first = head[1] end
end
return { epoch, redis.call('HGET', KEYS[1], 'number'), number, origin, first, last }
