package pep

import (
	"context"
	"slices"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const (
	nsMDS = stanza.NSMDS
	// refreshed is how many conversations are looked at when a client reads all
	// marks.
	refreshed = 100
)

// markRead moves the core's read marks to what a client has published (XEP-0490
// section 3.2). Marks of messages that are not in a log of ours are the client's own
// affair.
func markRead(ctx context.Context, s iq.Session, posts []post) (failed error) {
	core := s.Core()
	for _, p := range posts {
		peer, err := im.ParseAddr(p.id)
		if err != nil {
			continue
		}
		if seq := markedSeq(p.payload, core.Addr().Bare()); seq > 0 {
			err = markTalk(ctx, core, peer.Bare(), seq)
		} else if seq := markedSeq(p.payload, peer); seq > 0 && peer.Local != "" && peer.Resource == "" {
			err = markRoom(ctx, core, peer, seq)
		}
		if err != nil {
			failed = err
		}
	}
	return failed
}

// markTalk moves the mark of a conversation, if seq is a message of it.
func markTalk(ctx context.Context, core im.Session, peer im.Addr, seq uint64) error {
	u, err := core.Resolve(ctx, peer)
	if err != nil {
		return nil // nobody of ours
	}
	page, err := core.Archive(ctx, im.ArchiveQuery{Peer: u, Seqs: []uint64{seq}, Limit: 1})
	if err != nil || len(page.Entries) != 1 || page.Entries[0].Peer != u {
		return err
	}
	return core.MarkReadPrivately(ctx, u, page.Entries[0].MsgID)
}

// markedSeq returns the place that a mark names in the log of by; zero when it names
// none.
func markedSeq(e *xmlstream.Element, by im.Addr) uint64 {
	id := e.Child(stanza.NSSID, "stanza-id")
	if !e.Is(nsMDS, "displayed") || id.Attr("by") != by.String() {
		return 0
	}
	seq, err := strconv.ParseUint(id.Attr("id"), 10, 63)
	if err != nil {
		return 0
	}
	return seq
}

func mark(peer, by im.Addr, seq uint64) post {
	e := xmlstream.New(nsMDS, "displayed")
	e.AddNew(stanza.NSSID, "stanza-id").SetAttr("by", by.String()).SetAttr("id", strconv.FormatUint(seq, 10))
	return newPost(peer.String(), e)
}

// ReadMark brings a read mark that the session's user has set with another client
// into the node, if it goes beyond what is there. Every session of his calls it
// for the same entry; the first changes something. Marks that a client has
// published come back here too, and are there already.
func (v *Service) ReadMark(ctx context.Context, s iq.Session, e *im.Entry) error {
	core := s.Core()
	switch {
	case e.From != core.User():
		return nil
	case e.Kind == im.KindGroupRead:
		return v.roomRead(ctx, s, e)
	case e.Kind != im.KindRead:
		return nil
	}
	peer, err := core.Address(ctx, e.Peer)
	if err != nil {
		return err
	}
	own := core.Addr().Bare()
	_, list, err := fetch(ctx, s, nsMDS, im.ItemQuery{IDs: []string{peer.String()}})
	if err != nil {
		return err
	}
	seq, err := readSeq(ctx, core, e.Peer, e.UpTo)
	if err != nil || seq == 0 || len(list) > 0 && markedSeq(payloadOf(&list[0]), own) >= seq {
		return err
	}
	return v.place(ctx, s, nsMDS, defaults(nsMDS), mark(peer, own, seq))
}

// readSeq returns the place of the newest message of a conversation that is read.
func readSeq(ctx context.Context, core im.Session, peer im.UserID, upTo im.MsgID) (uint64, error) {
	page, err := core.Archive(ctx, im.ArchiveQuery{Peer: peer, To: upTo, Newest: true, Limit: 1})
	if err != nil || len(page.Entries) == 0 {
		return 0, err
	}
	return page.Entries[0].Seq, nil
}

// refresh brings marks into the node that were set while no client of ours was
// there to see, before the owner reads it (XEP-0490 section 3.4).
func (v *Service) refresh(ctx context.Context, r *request) {
	if r.node != nsMDS {
		return
	}
	v.note(r.Session, "read marks are not up to date", v.catchUp(ctx, r.Session))
}

func (v *Service) catchUp(ctx context.Context, s iq.Session) error {
	core, own := s.Core(), s.Addr().Bare()
	talks, err := core.Conversations(ctx, refreshed)
	if err != nil {
		return err
	}
	_, list, err := fetch(ctx, s, nsMDS, im.ItemQuery{})
	if err != nil {
		return err
	}
	known, err := marks(ctx, core, list, own)
	if err != nil {
		return err
	}
	posts, err := roomMarks(ctx, core, list)
	if err != nil {
		return err
	}
	for _, t := range talks {
		peer, err := core.Address(ctx, t.Peer)
		if err != nil || t.ReadTo == 0 || known[peer.String()] >= t.ReadTo {
			continue
		}
		seq, err := readSeq(ctx, core, t.Peer, t.ReadTo)
		if err != nil {
			return err
		}
		if m := find(list, peer.String()); seq > 0 && markedSeq(payloadOf(m), own) < seq {
			posts = append(posts, mark(peer, own, seq))
		}
	}
	for part := range slices.Chunk(posts, maxBatch) {
		if err := v.place(ctx, s, nsMDS, defaults(nsMDS), part...); err != nil {
			return err
		}
	}
	return nil
}

// marks returns up to where stored marks of the newest conversations go.
func marks(ctx context.Context, core im.Session, list []im.Item, own im.Addr) (map[string]im.MsgID, error) {
	at := make(map[uint64]string)
	var seqs []uint64
	list = list[max(0, len(list)-2*refreshed):]
	for i := range list {
		if seq := markedSeq(payloadOf(&list[i]), own); seq > 0 {
			at[seq] = list[i].ID
			seqs = append(seqs, seq)
		}
	}
	out := make(map[string]im.MsgID, len(seqs))
	if len(seqs) == 0 {
		return out, nil
	}
	page, err := core.Archive(ctx, im.ArchiveQuery{Seqs: seqs, Limit: len(seqs)})
	for i := range page.Entries {
		out[at[page.Entries[i].Seq]] = page.Entries[i].MsgID
	}
	return out, err
}

// NSAssist is the feature of an account whose server calls Assist (XEP-0490
// section 3.5).
const NSAssist = "urn:xmpp:mds:server-assist:0"

// Assist takes the read mark for the user's own devices out of a message of his
// client and publishes it. It is called before anything else sees the message,
// and leaves one without such a mark as it is.
func (v *Service) Assist(ctx context.Context, s iq.Session, st *xmlstream.Element) error {
	e := st.Child(nsMDS, "displayed")
	if e == nil {
		return nil
	}
	st.Remove(nsMDS, "displayed")
	to := st.Attr("to")
	if to == "" || checkName(to) != nil {
		return nil
	}
	p := newPost(to, e.Copy())
	if err := v.place(ctx, s, nsMDS, defaults(nsMDS), p); err != nil {
		return err
	}
	return markRead(ctx, s, []post{p})
}
