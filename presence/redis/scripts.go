package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// Epochs are compared as decimal text, by length and then by digit: numbers in
// Lua are floats and would confuse neighbours above 2^53.

// announce: KEYS node, incarnations; ARGV epoch, info, lease in ms, member.
// It answers 1 known, 0 new, -1 a newer incarnation is alive.
var announceScript = goredis.NewScript(`
local old, new = redis.call('HGET', KEYS[1], 'epoch'), ARGV[1]
if old and (#old > #new or (#old == #new and old > new)) then return -1 end
redis.call('HSET', KEYS[1], 'epoch', new, 'info', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SADD', KEYS[2], ARGV[4])
if old == new then return 1 end
return 0`)

// withdraw: KEYS node; ARGV epoch.
var withdrawScript = goredis.NewScript(`
if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)

// nodes: KEYS incarnations; ARGV prefix of node keys. It answers the info of
// every live incarnation.
var nodesScript = goredis.NewScript(`
local out = {}
for _, inc in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local id, epoch = string.match(inc, '^(%d+):(%d+)$')
  local node = id and redis.call('HMGET', ARGV[1] .. id, 'epoch', 'info')
  if node and node[1] == epoch then out[#out + 1] = node[2] end
end
return out`)

// incarnations: KEYS incarnations; ARGV prefix of node keys, "live" or "dead".
var incarnationsScript = goredis.NewScript(`
local out = {}
for _, inc in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local id, epoch = string.match(inc, '^(%d+):(%d+)$')
  local live = id and redis.call('HGET', ARGV[1] .. id, 'epoch') == epoch
  if live == (ARGV[2] == 'live') then out[#out + 1] = inc end
end
return out`)

// sweep: KEYS incarnations, node, owned; ARGV epoch, incarnation, most, prefix
// of user keys. It takes a chunk of sessions from an incarnation and answers
// {more, user, session, info, user, session, info, …}. Whether the incarnation
// is dead is checked in the same breath, so that a node that comes back to life
// loses nothing that it puts after its Announce.
var sweepScript = goredis.NewScript(`
if redis.call('HGET', KEYS[2], 'epoch') == ARGV[1] then return {'0'} end
local out = {'1'}
for _, m in ipairs(redis.call('SPOP', KEYS[3], ARGV[3])) do
  local user, session = string.match(m, '^(%d+):(%d+)$')
  if user then
    local key, name = ARGV[4] .. user, ARGV[2] .. ':' .. session
    local info = redis.call('HGET', key, name)
    if info then
      redis.call('HDEL', key, name)
      out[#out + 1] = user
      out[#out + 1] = session
      out[#out + 1] = info
    end
  end
end
if redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('SREM', KEYS[1], ARGV[2])
  out[1] = '0'
end
return out`)

// unlock: KEYS lock; ARGV token.
var unlockScript = goredis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)

// loadScripts gives the server what it forgot at a restart. One by one: the
// library's Load loses the digest when it runs in a pipeline.
func (r *Registry) loadScripts(ctx context.Context) error {
	for _, s := range []*goredis.Script{
		announceScript, withdrawScript, nodesScript, incarnationsScript, sweepScript, unlockScript,
	} {
		if err := s.Load(ctx, r.client).Err(); err != nil {
			return err
		}
	}
	return nil
}
