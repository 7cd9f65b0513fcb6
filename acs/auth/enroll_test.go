package auth

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

func TestEnrollNewDevice(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	d := login(0)
	d.Resource, d.Name, d.UDPPort, d.TCPPort = "Phone", "  Alice's phone ", 7001, 7002
	dev, token, err := f.Enroll(t.Context(), acct, d)
	if err != nil {
		t.Fatal(err)
	}
	if dev.ID == 0 || dev.ID > deviceIDMax || dev.Resource != "Phone" || dev.Name != "Alice's phone" || dev.Epoch != 1 ||
		dev.Class != im.ClassPhone || dev.Protocol != im.ProtocolCXX || dev.ClientName != "test" || dev.IP != here.String() ||
		dev.UDPPort != 7001 || dev.TCPPort != 7002 || !dev.Created.Equal(noon) || !dev.LastLogin.Equal(noon) {
		t.Errorf("record %+v", dev)
	}
	if len(f.logged) != 1 || f.logged[0].Kind != im.KindDevice || f.logged[0].Device.ID != dev.ID || f.logged[0].From != acct.ID || f.logged[0].MsgID == 0 || f.logged[0].Seq != 1 {
		t.Errorf("other devices were told %+v", f.logged)
	}
	if _, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID)); err != nil {
		t.Error(err)
	}
}

func TestEnrollAgain(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	d := login(0)
	d.Resource = "phone"
	dev, old, err := f.Enroll(t.Context(), acct, d)
	if err != nil {
		t.Fatal(err)
	}
	f.pass(time.Hour)
	for _, c := range []struct {
		what     string
		id       im.DeviceID
		resource string
		protocol im.Protocol
		same     bool
		want     string // resource; empty: any
	}{
		{"by id", dev.ID, "phone", im.ProtocolCXX, true, "phone"},
		{"by id, nothing wished", dev.ID, "", im.ProtocolCXX, true, "phone"},
		{"by id, renamed", dev.ID, "handset", im.ProtocolCXX, true, "handset"},
		{"by resource", 0, "handset", im.ProtocolCXX, true, "handset"},
		{"by resource with a foreign id", 12345, "handset", im.ProtocolCXX, true, "handset"},
		{"same resource, other protocol", 0, "handset", im.ProtocolXMPP, false, "handset-2"},
		{"nothing known", 0, "", im.ProtocolCXX, false, ""},
		{"impossible resource", 0, "\x00", im.ProtocolCXX, false, ""},
		{"resource of another live device", dev.ID, "handset-2", im.ProtocolCXX, true, "handset"},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := f.store.device(acct.ID, dev.ID).Epoch
			d := login(c.id)
			d.Resource, d.Protocol = c.resource, c.protocol
			got, _, err := f.Enroll(t.Context(), acct, d)
			if err != nil {
				t.Fatal(err)
			}
			if (got.ID == dev.ID) != c.same {
				t.Errorf("device %v, first was %v", got.ID, dev.ID)
			}
			if c.want != "" && got.Resource != c.want || got.Resource == "" {
				t.Errorf("resource %q, want %q", got.Resource, c.want)
			}
			if c.same && got.Epoch != before+1 {
				t.Errorf("epoch %d after %d", got.Epoch, before)
			}
		})
	}
	_, _, _, err = f.Token(t.Context(), acct.ID, old, login(dev.ID))
	wantCode(t, err, im.CodeTokenInvalid)
}

func TestEnrollLimit(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.DeviceLimit = 3 })
	acct := f.user(alice)
	var devs []im.Device
	var tokens []string
	for i := range 3 {
		f.pass(time.Minute)
		dev, token, err := f.Enroll(t.Context(), acct, login(0))
		if err != nil {
			t.Fatal(err)
		}
		if dev.Revoked {
			t.Fatalf("device %d", i)
		}
		devs, tokens = append(devs, dev), append(tokens, token)
	}
	f.pass(time.Minute)
	// The first comes back, so that the second has been away for longest.
	if _, _, _, err := f.Token(t.Context(), acct.ID, tokens[0], login(devs[0].ID)); err != nil {
		t.Fatal(err)
	}
	fourth, _, err := f.Enroll(t.Context(), acct, login(0))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, false} {
		if got := f.store.device(acct.ID, devs[i].ID).Revoked; got != want {
			t.Errorf("device %d revoked: %v", i, got)
		}
	}
	if k := f.kicked(); len(k) != 1 || k[0].Device != devs[1].ID || k[0].Code != im.CodeRevoked || k[0].Below != devs[1].Epoch+1 {
		t.Errorf("kicks: %+v", k)
	}
	n := len(f.logged)
	if n != 5 || f.logged[3].Device.ID != devs[1].ID || !f.logged[3].Device.Revoked || f.logged[4].Device.ID != fourth.ID {
		t.Errorf("told %d entries", n)
	}
	_, _, _, err = f.Token(t.Context(), acct.ID, tokens[1], login(devs[1].ID))
	wantCode(t, err, im.CodeRevoked)

	f.cfg.DevicePolicy = RefuseDevice
	_, _, err = f.Enroll(t.Context(), acct, login(0))
	wantCode(t, err, im.CodeTooManyDevices)
	if _, _, err := f.Enroll(t.Context(), acct, login(fourth.ID)); err != nil {
		t.Errorf("a known device at the limit: %v", err)
	}
}

// A client that takes a new resource at each login must not fill the table.
func TestEnrollBoundsTheTable(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.DeviceLimit = 2 })
	acct := f.user(alice)
	epochs := map[im.DeviceID]uint64{}
	for i := range 40 {
		f.pass(time.Minute)
		d := login(0)
		d.Resource = fmt.Sprintf("run-%d", i)
		dev, token, err := f.Enroll(t.Context(), acct, d)
		if err != nil {
			t.Fatal(err)
		}
		if dev.Epoch <= epochs[dev.ID] {
			t.Fatalf("the epoch of a record went from %d to %d: old sessions would win", epochs[dev.ID], dev.Epoch)
		}
		epochs[dev.ID] = dev.Epoch
		if _, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID)); err != nil {
			t.Fatal(err)
		}
		epochs[dev.ID]++
	}
	if n := len(f.store.all(acct.ID)); n > 8 {
		t.Errorf("%d records", n)
	}
}

func TestEnrollBoundsNames(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	d := login(0)
	d.Name, d.ClientName, d.ClientVersion = strings.Repeat("é", 500), strings.Repeat("x", 500)+"\xff", "\xff\xfe1"
	d.Remote = netip.AddrPort{}
	dev, _, err := f.Enroll(t.Context(), acct, d)
	if err != nil {
		t.Fatal(err)
	}
	if len(dev.Name) != tidyMost || len(dev.ClientName) != tidyMost || dev.ClientVersion != "1" || dev.IP != "" {
		t.Errorf("record %+v", dev)
	}
}

func TestEnrollDisabled(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	acct.Disabled = true
	_, _, err := f.Enroll(t.Context(), acct, login(0))
	wantCode(t, err, im.CodeDisabled)
}

// The clock of the node that revoked may be ahead of ours: what is enrolled
// after the revocation is good all the same.
func TestEnrollAfterRevocationByAFastClock(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	f.store.edit(acct.ID, func(a *im.Account) { a.RevokedAt = f.now().Add(20 * time.Second) })
	acct, err := f.store.AccountByID(t.Context(), acct.ID)
	if err != nil {
		t.Fatal(err)
	}
	dev, token, err := f.Enroll(t.Context(), acct, login(0))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		f.pass(time.Second)
		if _, _, token, err = f.Token(t.Context(), acct.ID, token, login(dev.ID)); err != nil {
			t.Fatal(err)
		}
	}
}
