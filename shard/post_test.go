package shard_test

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

var posts = []im.Post{
	{},
	{Nick: "Römer", All: true},
	{Nick: strings.Repeat("n", 1000), Mentions: []im.UserID{1, math.MaxUint64}, Retracted: true},
	{Mentions: make([]im.UserID, 50), All: true, Retracted: true},
}

func TestPost(t *testing.T) {
	for _, p := range posts {
		for _, ext := range [][]byte{nil, []byte("<x/>"), {0}, bytes.Repeat([]byte{0xff}, 300)} {
			stored := shard.AppendPost(nil, &p, ext)
			got, rest, err := shard.CutPost(stored)
			if err != nil || !reflect.DeepEqual(got, p) || !bytes.Equal(rest, ext) {
				t.Errorf("%+v with %q came back as %+v with %q, %v", p, ext, got, rest, err)
			}
			for n := range len(stored) - len(ext) {
				if _, _, err := shard.CutPost(stored[:n]); err == nil {
					t.Errorf("%d of %d bytes were taken", n, len(stored))
				}
			}
		}
	}
	if _, _, err := shard.CutPost([]byte{0, 0, 51}); err == nil {
		t.Error("more mentions than there can be were taken")
	}
}

func FuzzPost(f *testing.F) {
	for _, p := range posts {
		f.Add(shard.AppendPost(nil, &p, []byte("ext")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ext, err := shard.CutPost(b)
		if err != nil {
			return
		}
		again, rest, err := shard.CutPost(shard.AppendPost(nil, &p, ext))
		if err != nil || !reflect.DeepEqual(again, p) || !bytes.Equal(rest, ext) {
			t.Errorf("%+v with %q came back as %+v with %q, %v", p, ext, again, rest, err)
		}
	})
}
