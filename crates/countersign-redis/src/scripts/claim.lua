-- Claims every id under one token, or none.
--
-- KEYS     the ids
-- ARGV[1]  the entry of a run under this token
-- ARGV[2]  for how long it is kept, in milliseconds: the lease, and the grace
-- ARGV[3]  the grace, in milliseconds
-- ARGV[…]  for each id, the entry that a commit of its payload makes
--
-- Answers a number if an id is in progress under another token: how many milliseconds its lease
-- still runs, of several the longest. Else a letter an id: `n` is now held, `o` was held under this
-- token already, `c` is committed, `d` is committed with another payload.

local letters, longest = {}, 0
for i, id in ipairs(KEYS) do
  local entry = redis.call('GET', id)
  if not entry then
    letters[i] = 'n'
  elseif entry == ARGV[1] then
    letters[i] = 'o'
  elseif string.sub(entry, 1, 1) == 'c' then
    letters[i] = entry == ARGV[3 + i] and 'c' or 'd'
  else
    letters[i] = 'n'
    longest = math.max(longest, redis.call('PTTL', id) - tonumber(ARGV[3]))
  end
end
if longest > 0 then
  return longest
end
for i, id in ipairs(KEYS) do
  if letters[i] == 'n' or letters[i] == 'o' then
    redis.call('SET', id, ARGV[1], 'PX', ARGV[2])
  end
end
return table.concat(letters)
