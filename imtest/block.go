package imtest

import (
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// blockAddr is who is meant by bob, bob/phone, or @example.org for a domain.
func blockAddr(word string) string {
	if domain, ok := strings.CutPrefix(word, "@"); ok {
		return domain
	}
	name, device, _ := strings.Cut(word, "/")
	if device != "" {
		device = "/" + device
	}
	return name + "@" + Domain + device
}

// blockWord is the reverse of blockAddr.
func blockWord(a im.Addr) string {
	device := ""
	if a.Resource != "" {
		device = "/" + a.Resource
	}
	if a.Local == "" || a.Domain != Domain {
		return strings.TrimPrefix(a.Bare().String(), "@") + device
	}
	return a.Local + device
}

func blockAddrs(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, blockAddr(w))
	}
	return out
}

// block mallory [mallory/phone @spam.example …]
func block(_ *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_Block{Block: &cxxpb.BlockCall{Addrs: blockAddrs(args)}}})
	return err
}

// unblock mallory …; unblock: everybody
func unblock(_ *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_Unblock{Unblock: &cxxpb.UnblockCall{Addrs: blockAddrs(args)}}})
	return err
}

// blocked: the list comes as an event
func blocked(_ *player, c *Client, _ []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_BlockList{BlockList: &cxxpb.BlockListCall{}}})
	if err != nil {
		return err
	}
	line := []string{"listed"}
	for _, s := range slices.Sorted(slices.Values(r.GetBlockList().GetAddrs())) {
		a, err := im.ParseAddr(s)
		if err != nil {
			return err
		}
		line = append(line, blockWord(a))
	}
	c.hear(strings.Join(line, " "))
	return nil
}
