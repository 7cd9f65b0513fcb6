package shard

import (
	"slices"

	"github.com/cxx-im/cxx/im"
)

// everybody stands for all users in the table of mentions.
const everybody im.UserID = 0

// mention remembers whom a message mentions, to be written by writeMentions.
func (t *txn) mention(g im.GroupID, seq uint64, p *im.Post) {
	users := p.Mentions
	if p.All {
		users = append(slices.Clone(users), everybody)
	}
	for _, u := range users {
		t.mentions = append(t.mentions, int64(g), int64(u), signed(seq))
	}
}

// writeMentions writes what the messages of the transaction mention.
func (t *txn) writeMentions() error {
	return t.insert("mention (group_id, user_id, seq)", 3, t.mentions)
}

// mentioned is whom a message mentions by name, each once.
func mentioned(users []im.UserID) []im.UserID {
	return slices.DeleteFunc(distinct(users), func(u im.UserID) bool { return u == everybody })
}
