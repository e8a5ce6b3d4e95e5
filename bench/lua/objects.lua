-- Asks for /cached/1, /cached/2, … one after the other, up to the environment's OBJECTS (100,000): fills
-- a cache. Written for one thread of wrk, which starts at 1 in every run.
local count = tonumber(os.getenv("OBJECTS") or 100000)
local at = 0

function request()
  at = at % count + 1
  return wrk.format("GET", "/cached/" .. at)
end
