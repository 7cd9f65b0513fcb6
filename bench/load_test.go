package main

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func TestOrderSeesLossesAndRepeats(t *testing.T) {
	for _, c := range []struct {
		name  string
		texts []string
		ok    bool
	}{
		{"in order", []string{number(0, 0) + "xx", number(1, 0), number(0, 1), number(1, 1)}, true},
		{"a repeat", []string{number(0, 0), number(0, 0)}, false},
		{"a loss", []string{number(0, 0), number(0, 2)}, false},
		{"another sender", []string{number(2, 0)}, false},
		{"short", []string{"00"}, false},
		{"no number", []string{"hello, you"}, false},
	} {
		next := make([]int, 2)
		var err error
		for _, text := range c.texts {
			if err == nil {
				_, _, err = order(next, text)
			}
		}
		if (err == nil) != c.ok {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

// Bodies are found however the stream is cut.
func TestBodyReader(t *testing.T) {
	const stream = "<message><body>00000000xx</body></message><presence/><message><body>00000001</body></message>"
	for cut := 1; cut < len(stream); cut++ {
		server, client := net.Pipe()
		go func() {
			for _, part := range []string{stream[:cut], stream[cut:]} {
				_, _ = server.Write([]byte(part))
			}
			server.Close()
		}()
		var got []string
		r := bodyReader{c: client, buf: make([]byte, 0, 64)}
		for {
			if err := r.read(func(text []byte) error { got = append(got, string(text)); return nil }); err != nil {
				break
			}
		}
		if !slices.Equal(got, []string{"00000000", "00000001"}) {
			t.Fatalf("cut at %d: got %q", cut, got)
		}
	}
}

// Messages leave when they are due, the senders in turn, and count from then on
// although the one before was taken late.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		l := &groupLoad{
			groupPlan: groupPlan{senders: 2, messages: 3, size: 100, every: 10 * time.Millisecond},
			start:     time.Now(), sent: [][]atomic.Int64{make([]atomic.Int64, 3), make([]atomic.Int64, 3)},
		}
		failed := make(chan error, 1)
		go func() { failed <- l.send(context.Background(), &conn{Conn: proto.NewConn(theirs)}, 1, nil) }()
		reader := proto.NewConn(ours)
		for n, want := range []time.Duration{5, 18, 25} {
			if n == 1 { // its reader comes late
				<-time.After(13 * time.Millisecond)
			}
			f, err := reader.Next()
			if err != nil || f.Type != cxxpb.FrameType_FRAME_SEND {
				t.Fatal(f.Type, err)
			}
			if at := time.Since(l.start); at != want*time.Millisecond {
				t.Errorf("message %d came at %v", n, at)
			}
			if sent := time.Duration(l.sent[1][n].Load()); sent != time.Duration(5+10*n)*time.Millisecond {
				t.Errorf("message %d counts from %v", n, sent)
			}
		}
		if err := <-failed; err != nil {
			t.Error(err)
		}
		ours.Close()
		theirs.Close()
	})
}

func TestBareWrites(t *testing.T) {
	per, err := bareWrites(10, 200)
	if err != nil || per <= 0 {
		t.Errorf("got %v %v", per, err)
	}
}
