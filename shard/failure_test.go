package shard_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/shard"
	"github.com/go-sql-driver/mysql"
)

// impatient makes faults show soon.
func impatient(cfg shard.Config) shard.Config {
	cfg.Timeout = config.Duration(1500 * time.Millisecond)
	cfg.Probe = config.Duration(20 * time.Millisecond)
	return cfg
}

func openLogged(t *testing.T, cfg shard.Config) (*shard.Store, *logTo) {
	t.Helper()
	log := newLog()
	return openIn(t, cfg, t.TempDir(), slog.New(slog.NewTextHandler(log, nil))), log
}

func TestLostCommitAnswer(t *testing.T) {
	for name, f := range map[string]fate{"after the server had it": answerLost, "before the server had it": requestLost, "while the server reads it": requestLate} {
		t.Run(name, func(t *testing.T) {
			cfg := mysqlConfig(t, 1)
			p := behindProxy(t, &cfg.Zones[0])
			s, log := openLogged(t, cfg)
			a, b := create(t, s, "alice"), create(t, s, "bob")
			p.set(func() { p.onSeen = func(*proxy) fate { return f } })
			m := message(a, b, "once")
			if got := send(t, s, m); got.Duplicate || got.FromSeq != 1 || got.ToSeq != 1 {
				t.Errorf("got %+v", got)
			}
			log.wait("outcome of a commit was looked up")
			if len(inbox(t, s, a)) != 1 || len(inbox(t, s, b)) != 1 {
				t.Error("the message was written twice")
			}
			if got := send(t, s, m); !got.Duplicate {
				t.Errorf("a repeat gave %+v", got)
			}
			// A change that is no message, and must not run twice.
			d := im.Device{ID: 7}
			_, err := s.UpdateDevices(context.Background(), a, func([]im.Device) ([]im.Device, []im.Entry, error) { return []im.Device{d}, nil, nil })
			if err != nil {
				t.Fatal(err)
			}
			p.set(func() { p.onSeen = func(*proxy) fate { return f } })
			if err := s.UpdateDevice(context.Background(), a, 7, func(d *im.Device) bool { d.Epoch++; return true }); err != nil {
				t.Fatal(err)
			}
			if all, err := s.Devices(context.Background(), a); err != nil || all[0].Epoch != 1 {
				t.Errorf("%+v %v", all, err)
			}
		})
	}
}

func TestUnknownOutcome(t *testing.T) {
	cfg := impatient(mysqlConfig(t, 1))
	p := behindProxy(t, &cfg.Zones[0])
	s, log := openLogged(t, cfg)
	a, b := create(t, s, "alice"), create(t, s, "bob")
	p.set(func() {
		p.onSeen = func(p *proxy) fate {
			p.set(func() { p.down = true })
			return answerLost
		}
	})
	m := message(a, b, "once")
	wantCode(t, sendAll(s, m)[0].err, im.CodeUnknownOutcome)
	// From now on the zone is down, and says so without asking the database.
	wantCode(t, sendAll(s, message(a, b, "x"))[0].err, im.CodeZoneUnavailable)
	_, err := s.Read(context.Background(), a, 0, 1)
	wantCode(t, err, im.CodeZoneUnavailable)
	if z := s.Zones()[0]; !z.Down {
		t.Errorf("%+v", z)
	}
	p.set(func() { p.down = false })
	log.wait("zone answered again")
	if got := send(t, s, m); !got.Duplicate || got.FromSeq != 1 {
		t.Errorf("a repeat gave %+v", got)
	}
}

func TestFrozenZone(t *testing.T) {
	cfg := impatient(mysqlConfig(t, 2))
	p := behindProxy(t, &cfg.Zones[0])
	s, log := openLogged(t, cfg)
	a, b := createIn(t, s, 1), createIn(t, s, 1)
	c, d := createIn(t, s, 2), createIn(t, s, 2)
	p.set(func() { p.frozen = true })
	start := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() {
		wantCode(t, sendAll(s, message(a, b, "x"))[0].err, im.CodeZoneUnavailable)
	})
	wg.Go(func() {
		_, err := s.Read(context.Background(), a, 0, 1)
		wantCode(t, err, im.CodeZoneUnavailable)
	})
	wg.Go(func() { // between the zones, both ways
		for _, o := range sendAll(s, message(a, c, "x"), message(c, a, "x")) {
			wantCode(t, o.err, im.CodeZoneUnavailable)
		}
	})
	for range 20 {
		send(t, s, message(c, d, "nobody else notices"))
	}
	wg.Wait()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the last answer took %v", took)
	}
	p.set(func() { p.frozen = false })
	log.wait("zone answered again")
	send(t, s, message(a, c, "again"))
	if len(inbox(t, s, c)) != 21 {
		t.Error("a refused message was written")
	}
}

func TestRestartedDatabase(t *testing.T) {
	cfg := mysqlConfig(t, 1)
	p := behindProxy(t, &cfg.Zones[0])
	s := open(t, cfg)
	a, b := create(t, s, "alice"), create(t, s, "bob")
	for range 5 { // idle connections that have died are no failure
		p.cut()
		send(t, s, message(a, b, "x"))
	}
	if len(inbox(t, s, b)) != 5 {
		t.Error("entries are missing")
	}
}

// eachEngine runs f on a store of either kind.
func eachEngine(t *testing.T, tune func(shard.Config) shard.Config, f func(t *testing.T, s *shard.Store, log *logTo)) {
	for name, cfg := range map[string]func(t *testing.T) shard.Config{
		"sqlite": func(*testing.T) shard.Config { return sqliteConfig(1) },
		"mysql":  func(t *testing.T) shard.Config { return mysqlConfig(t, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			s, log := openLogged(t, tune(cfg(t)))
			f(t, s, log)
		})
	}
}

func TestCommitInDoubt(t *testing.T) {
	eachEngine(t, impatient, func(t *testing.T, s *shard.Store, log *logTo) {
		a, b := create(t, s, "alice"), create(t, s, "bob")
		oops := errors.New("the connection broke")
		for point, want := range map[string]im.ErrorCode{"after commit": 0, "resolve": im.CodeUnknownOutcome} {
			shard.SetHook(s, 1, func(at string) error {
				if at == "after commit" || at == point {
					return oops
				}
				return nil
			})
			m := message(a, b, point)
			first := sendAll(s, m)[0]
			if im.CodeOf(first.err) != want {
				t.Errorf("%s: %+v", point, first)
			}
			shard.SetHook(s, 1, nil)
			if want != 0 {
				log.wait("zone answered again")
			}
			if got := send(t, s, m); !got.Duplicate {
				t.Errorf("%s: a repeat gave %+v", point, got)
			}
		}
		if len(inbox(t, s, b)) != 2 {
			t.Error("a message was written twice")
		}
	})
}

func TestHangingTransaction(t *testing.T) {
	eachEngine(t, impatient, func(t *testing.T, s *shard.Store, log *logTo) {
		a, b := create(t, s, "alice"), create(t, s, "bob")
		reached, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		shard.SetHook(s, 1, func(at string) error {
			if at == "before commit" {
				once.Do(func() { close(reached) })
				<-release
			}
			return nil
		})
		first := make(chan error, 1)
		s.AppendMessage(message(a, b, "hangs"), func(_ im.Committed, err error) { first <- err })
		<-reached
		// What waits behind it is answered though the writer is stuck.
		_, err := s.Append(context.Background(), a, []im.Entry{{Kind: im.KindRead, MsgID: 1, From: a, Peer: b}})
		wantCode(t, err, im.CodeZoneUnavailable)
		wantCode(t, sendAll(s, message(a, b, "x"))[0].err, im.CodeZoneUnavailable)
		shard.SetHook(s, 1, nil)
		close(release)
		err = <-first
		if err != nil && im.CodeOf(err) != im.CodeZoneUnavailable && im.CodeOf(err) != im.CodeUnknownOutcome {
			t.Error(err)
		}
		log.wait("zone answered again")
		send(t, s, message(a, b, "works"))
	})
}

func TestFullQueue(t *testing.T) {
	small := func(c shard.Config) shard.Config { c.Queue = 16; return c }
	eachEngine(t, small, func(t *testing.T, s *shard.Store, _ *logTo) {
		a, b := create(t, s, "alice"), create(t, s, "bob")
		reached, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		shard.SetHook(s, 1, func(at string) error {
			if at == "before commit" {
				once.Do(func() { close(reached); <-release })
			}
			return nil
		})
		var wg sync.WaitGroup
		put := func() {
			wg.Add(1)
			s.AppendMessage(message(a, b, "x"), func(_ im.Committed, err error) {
				if err != nil {
					t.Error(err)
				}
				wg.Done()
			})
		}
		put()
		<-reached
		for range 15 {
			put()
		}
		// The last place is taken by a caller who gives up.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := s.Append(ctx, a, []im.Entry{{Kind: im.KindRead, MsgID: 1, From: a, Peer: b}})
		wantCode(t, err, im.CodeTimeout)
		wantCode(t, sendAll(s, message(a, b, "one too many"))[0].err, im.CodeOverloaded)
		close(release)
		wg.Wait()
		if len(inbox(t, s, a)) != 16 {
			t.Error("what was given up or refused was written")
		}
	})
}

func TestServerErrors(t *testing.T) {
	s := open(t, mysqlConfig(t, 1))
	a, b := create(t, s, "alice"), create(t, s, "bob")
	for _, test := range []struct {
		number uint16
		times  int
		want   im.ErrorCode
	}{
		{1213, 2, 0},
		{1205, 3, 0},
		{1213, 4, im.CodeZoneUnavailable},
		{1290, 1, im.CodeZoneUnavailable},
		{1836, 1, im.CodeZoneUnavailable},
		{1114, 1, im.CodeZoneUnavailable},
		{1366, 1, im.CodeInternal},
	} {
		left := test.times
		shard.SetHook(s, 1, func(at string) error {
			if at != "before commit" || left == 0 {
				return nil
			}
			left--
			return &mysql.MySQLError{Number: test.number, Message: "made up"}
		})
		before := len(inbox(t, s, a))
		o := sendAll(s, message(a, b, "x"))[0]
		if im.CodeOf(o.err) != test.want {
			t.Errorf("error %d, %d times, gave %v", test.number, test.times, o.err)
		}
		if wrote := len(inbox(t, s, a)) > before; wrote != (test.want == 0) {
			t.Errorf("error %d, %d times: written is %t", test.number, test.times, wrote)
		}
		shard.SetHook(s, 1, nil)
		send(t, s, message(a, b, "nothing stays behind"))
	}
}

func TestChangedMap(t *testing.T) {
	eachEngine(t, impatient, func(t *testing.T, s *shard.Store, log *logTo) {
		a := create(t, s, "alice")
		if err := shard.SQL(s, a, "UPDATE zone_self SET map_version = 2"); err != nil {
			t.Fatal(err)
		}
		log.wait("zone map was changed")
		log.wait("zone was taken as down")
		wantCode(t, sendAll(s, message(a, a, "x"))[0].err, im.CodeZoneUnavailable)
	})
}

// What the database cannot store harms only itself.
func TestPoison(t *testing.T) {
	s := open(t, mysqlConfig(t, 1))
	a, b := create(t, s, "alice"), create(t, s, "bob")
	all := make([]im.Message, 40)
	for i := range all {
		all[i] = message(a, b, "good")
	}
	all[23].Text = "not UTF-8: \xff"
	for i, o := range sendAll(s, all...) {
		if (o.err != nil) != (i == 23) {
			t.Errorf("message %d gave %v", i, o.err)
		}
	}
	if n := len(inbox(t, s, b)); n != 39 {
		t.Errorf("%d entries", n)
	}
}
