-- Gives every id that is in progress under this token a full lease. Makes no entry.
--
-- KEYS     the ids
-- ARGV[1]  the entry of a run under this token
-- ARGV[2]  for how long it is kept, in milliseconds: the lease, and the grace
--
-- Answers 1 if one of them is not held under the token, else 0.

local lost = 0
for _, id in ipairs(KEYS) do
  if redis.call('GET', id) == ARGV[1] then
    redis.call('PEXPIRE', id, ARGV[2])
  else
    lost = 1
  end
end
return lost
