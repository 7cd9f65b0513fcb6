package c2s

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// A zone does not answer for a while, whatever is asked of it: messages wait for
// it in the log, whether they came before the client was there (XEP-0160) or
// while it was; none is left out, none overtakes another.
func TestMessagesWaitForAZone(t *testing.T) {
	for _, method := range []string{"Delivered", "Archive", "Address", "Sync"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cell := xmpptest.New()
				romeo, juliet := cell.User("romeo"), cell.Session("juliet/balcony")
				write := func(text string) {
					juliet.Core().Send(im.Outgoing{To: romeo, Text: text}, func(im.Ack, error) {})
				}
				write("one")
				write("two")
				s, conn := desk(t, cell, "romeo/orchard", nil)
				s.seq = 2
				s.queue.start()
				defer s.leaveNow()
				s.say(t, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
				cell.Fail[method] = im.Errorf(im.CodeZoneUnavailable, "down")
				s.say(t, "<presence/>")
				push := func() {
					log := cell.Log("romeo")
					sink{s}.Push(&log[len(log)-1])
					synctest.Wait()
				}
				write("three")
				push()
				<-time.After(5 * retryFeed)
				write("four")
				push()
				s.queue.post(event{kind: evCall, call: func(context.Context) { delete(cell.Fail, method) }})
				synctest.Wait()
				<-time.After(2 * retryFeed)
				synctest.Wait()
				got, at := conn.take(), 0
				for _, text := range []string{"one", "two", "three", "four"} {
					body := "<body>" + text + "</body>"
					next := strings.Index(got[at:], body)
					if next < 0 || strings.Count(got, body) != 1 {
						t.Fatalf("%q does not stand once, in its place, in %s", text, got)
					}
					at += next
				}
				if s.feed.held || s.feed.retry || s.over {
					t.Errorf("held %v, retry %v, over %v", s.feed.held, s.feed.retry, s.over)
				}
			})
		})
	}
}
