-- 100,000 objects, asked for by Zipf's law with exponent 1: the k-th most popular one gets 1/k of what
-- the first one gets, as on many sites (Breslau et al., Web caching and Zipf-like distributions, 1999).
-- The sequence is drawn beforehand, with a fixed seed, so that a request costs wrk a table look-up, and
-- every proxy gets the same one.
local COUNT, DRAWN = 100000, 1000000
local requests, sequence, at = {}, {}, 0

-- Popular objects must not be those that were stored first: their numbers are spread by a factor
-- that has no divisor in common with COUNT.
local function number_of(rank)
  return rank * 61803 % COUNT + 1
end

function init()
  local sums, sum = {}, 0
  for rank = 1, COUNT do
    sum = sum + 1 / rank
    sums[rank] = sum
    requests[rank] = wrk.format("GET", "/cached/" .. number_of(rank))
  end
  math.randomseed(20261121)
  for draw = 1, DRAWN do
    local value = math.random() * sum
    local low, high = 1, COUNT
    while low < high do
      local middle = math.floor((low + high) / 2)
      if sums[middle] < value then low = middle + 1 else high = middle end
    end
    sequence[draw] = low
  end
end

function request()
  at = at % DRAWN + 1
  return requests[sequence[at]]
end
