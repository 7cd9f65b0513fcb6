package main

import (
	"net"
	"slices"
	"testing"
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
