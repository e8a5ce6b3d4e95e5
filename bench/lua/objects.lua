-- Asks for /cached/1, /cached/2, … one after the other: fills a cache.
-- Written for one thread of wrk, which starts at 1 in every run.
local COUNT = 100000
local requests, at = {}, 0

function init()
  for number = 1, COUNT do
    requests[number] = wrk.format("GET", "/cached/" .. number)
  end
end

function request()
  at = at % COUNT + 1
  return requests[at]
end
