package main

import "testing"

func TestExitCodes(t *testing.T) {
	never := make(chan struct{})
	for _, c := range []struct {
		script string
		want   int
	}{
		{"exit 0", 0},
		{"exit 3", 3},
		{"kill -9 $$", 137},
		{`test "$VAR" = value`, 0},
	} {
		if got, err := child([]string{"sh", "-c", c.script}, []string{"VAR=value"}, never); got != c.want || err != nil {
			t.Errorf("%s: got %d, %v, want %d", c.script, got, err, c.want)
		}
	}
	if got, err := child([]string{"/no/such/program"}, nil, never); got != 2 || err == nil {
		t.Errorf("no program: got %d, %v", got, err)
	}
}

func TestAnInterruptEndsTheChild(t *testing.T) {
	stop := make(chan struct{})
	close(stop)
	// The shell dies of the SIGINT, its child with the process group.
	if got, _ := child([]string{"sh", "-c", "cat /dev/zero >/dev/null"}, nil, stop); got != 130 {
		t.Errorf("got %d, want 130", got)
	}
}
