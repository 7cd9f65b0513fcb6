package edge

import (
	"crypto/tls"
	"net"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/cxx-im/cxx/proto/cxxpb"
)

func TestMain(m *testing.M) {
	if os.Getenv(benchEnv) != "" {
		benchServer()
		return
	}
	goleak.VerifyTestMain(m,
		// The engine keeps a pool of workers for the life of the process.
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
	)
}

// A thousand clients come and vanish with a reset, some in the middle of a
// handshake or login; nothing of them stays.
func TestChurn(t *testing.T) {
	r := newRig(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 250 {
				addr := r.srv.Addrs()[i%2]
				nc, err := net.Dial("tcp", addr.String())
				if err != nil {
					t.Error(err)
					return
				}
				_ = nc.(*net.TCPConn).SetLinger(0) // Close sends RST
				switch i % 5 {
				case 0:
				case 1:
					_, _ = nc.Write([]byte{0x16, 3, 1, 0, 200, 1})
				case 2:
					if i%2 == 0 {
						c := tls.Client(nc, clientTLS())
						_ = c.Handshake()
					}
				default:
					var c net.Conn = nc
					if i%2 == 0 {
						c = tls.Client(nc, clientTLS())
					}
					b := frame(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1})
					b = append(b, frame(cxxpb.FrameType_FRAME_LOGIN, tokenLogin(r.core.user("alice")))...)
					_, _ = c.Write(b)
					_, _ = c.Read(make([]byte, 100))
				}
				nc.Close()
			}
		})
	}
	wg.Wait()
	r.empty()
	r.stop()
	if n := r.srv.Sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if n := len(r.core.of(r.core.user("alice"))); n != 0 {
		t.Errorf("the core still has %d sessions", n)
	}
	if n := r.srv.handshakes.pending(); n != 0 {
		t.Errorf("%d handshakes are pending", n)
	}
	if len(r.srv.slots) != 0 {
		t.Errorf("%d slots are taken", len(r.srv.slots))
	}
}
