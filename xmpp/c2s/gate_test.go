package c2s

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Contract section 3: logins have a rate, and who comes too soon is told when.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{rate: 10, burst: 20}
		admitted := func() (n int) {
			for g.admit() == nil {
				n++
			}
			return n
		}
		if n := admitted(); n != 20 {
			t.Errorf("%d came at once", n)
		}
		var e *im.Error
		if err := g.admit(); !errors.As(err, &e) || e.Code != im.CodeRetryLater || e.RetryAfter != 100*time.Millisecond {
			t.Errorf("one more: %v", err)
		}
		<-time.After(time.Second)
		if n := admitted(); n != 10 {
			t.Errorf("%d came in a second", n)
		}
		free := gate{}
		for range 1000 {
			if err := free.admit(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
