-- Common to the scripts on one key: reading the head before a value. See stored.rs for its layout.
local function head(key)
  local text = redis.call('GETRANGE', key, 0, 56)
  local kind = text:sub(1, 1)
  if #text < 57 or (kind ~= 'V' and kind ~= 'T') then return nil end
  local head = {
    kind = kind,
    epoch = tonumber(text:sub(2, 15), 16),
    stamp = tonumber(text:sub(16, 29), 16),
    soft = tonumber(text:sub(30, 43), 16),
    fence = tonumber(text:sub(44, 57), 16),
  }
  if head.epoch and head.stamp and head.soft and head.fence then return head end
  return nil
end
