-- Marks every id committed, whatever stands there. What is committed already stays as it is.
--
-- KEYS     the ids
-- ARGV[1]  the entry of a run under this token
-- ARGV[2]  the retention in milliseconds
-- ARGV[…]  for each id, its entry once it is committed
--
-- Answers 1 if another token's entry stood under one of them, else 0.

local lost = 0
for i, id in ipairs(KEYS) do
  local entry = redis.call('GET', id)
  if not entry or string.sub(entry, 1, 1) ~= 'c' then
    if entry and entry ~= ARGV[1] then
      lost = 1
    end
    redis.call('SET', id, ARGV[2 + i], 'PX', ARGV[2])
  end
end
return lost
