-- Removes every id that is in progress under this token.
--
-- KEYS     the ids
-- ARGV[1]  the entry of a run under this token
--
-- Answers 0.

for _, id in ipairs(KEYS) do
  if redis.call('GET', id) == ARGV[1] then
    redis.call('DEL', id)
  end
end
return 0
