package web

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/cxx-im/cxx/im"
)

// maxImport caps one import; more users take more calls.
const maxImport = 64 << 20

// ImportReport says what became of the lines of an import.
type ImportReport struct {
	Made   int         `json:"made"`
	Failed []LineError `json:"failed"`
}

// LineError is one line that made no account. A repetition of an import
// reports the accounts of the first one here as NAME_TAKEN and loses nothing.
type LineError struct {
	Line   int    `json:"line"`
	Addr   string `json:"addr,omitempty"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Import makes an account for each line "addr,password" of a CSV text, some at
// the same time, because most of the work is hashing. A first line of exactly
// these two words is a heading. A bad line stops nothing; report is called for
// every account tried, from one goroutine at a time. Import returns early only
// when ctx ends or in fails: then too with what became of the lines before.
func Import(ctx context.Context, in io.Reader, accounts Accounts, report func(addr string, err error)) (ImportReport, error) {
	type job struct {
		line           int
		addr, password string
	}
	var (
		jobs  = make(chan job)
		mu    sync.Mutex // guards out, and report while it runs
		out   = ImportReport{Failed: []LineError{}}
		group sync.WaitGroup
	)
	settle := func(line int, addr string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if report != nil {
			report(addr, err)
		}
		if err == nil {
			out.Made++
			return
		}
		out.Failed = append(out.Failed, lineError(line, addr, err))
	}
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for j := range jobs {
				settle(j.line, j.addr, makeAccount(ctx, accounts, j.addr, j.password))
			}
		})
	}
	err := eachLine(in, func(line int, fields []string, bad error) error {
		if bad != nil {
			settle(line, first(fields), bad)
			return nil
		}
		select {
		case jobs <- job{line, fields[0], fields[1]}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	close(jobs)
	group.Wait()
	slices.SortFunc(out.Failed, func(x, y LineError) int { return cmp.Compare(x.Line, y.Line) })
	return out, err
}

// maxLine is the most bytes of a line: an address and a password, all quoted.
const maxLine = 16 << 10

// eachLine reads the CSV text. A line that is none goes to visit as bad. Each
// line stands for itself: neither an address nor a password can hold a line
// break, and a quote that is not closed must not swallow the users after it.
func eachLine(in io.Reader, visit func(line int, fields []string, bad error) error) error {
	r := bufio.NewReaderSize(in, maxLine)
	for number := 1; ; number++ {
		text, more, err := r.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var fields []string
		var bad error
		if more {
			bad = im.Errorf(im.CodeInvalid, "longer than %d bytes", maxLine)
		} else {
			fields, bad = splitLine(string(text), number == 1)
		}
		for ; more && err == nil; _, more, err = r.ReadLine() { // pass over the rest
		}
		if fields == nil && bad == nil {
			continue
		}
		if err := visit(number, fields, bad); err != nil {
			return err
		}
	}
}

// splitLine returns the address and the password of a line; nothing for an
// empty line and for the heading.
func splitLine(text string, isFirst bool) ([]string, error) {
	text = strings.TrimRight(strings.TrimPrefix(text, "\ufeff"), "\r")
	if text == "" {
		return nil, nil
	}
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	fields, err := r.Read()
	switch {
	case err != nil:
		return nil, im.Errorf(im.CodeInvalid, `the quotes are not right; around a field they are as in addr,"pass""word", where "" stands for one`)
	case isFirst && len(fields) == 2 && fields[0] == "addr" && fields[1] == "password":
		return nil, nil
	case len(fields) != 2:
		return fields, im.Errorf(im.CodeInvalid, "a line is addr,password; this one has %d fields (put quotes around a password that has a comma)", len(fields))
	}
	return []string{strings.TrimSpace(fields[0]), fields[1]}, nil
}

func first(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

func makeAccount(ctx context.Context, accounts Accounts, addr, password string) error {
	a, err := parseUser(addr)
	if err != nil {
		return err
	}
	_, err = accounts.CreateAccount(ctx, a, password)
	return err
}

func lineError(line int, addr string, err error) LineError {
	e := LineError{Line: line, Addr: addr, Code: im.CodeOf(err).String(), Detail: "see the log of the server"}
	var known *im.Error
	if errors.As(err, &known) {
		e.Detail = known.Detail
	}
	return e
}

// userImport reads a text/csv body as it comes. It has no deadline but the
// caller's patience: whoever hangs up keeps the accounts made until then.
func (a *Admin) userImport(w http.ResponseWriter, r *http.Request) {
	if a.Accounts == nil {
		writeError(w, errNotHere)
		return
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "text/csv" {
		writeError(w, im.Errorf(im.CodeInvalid, "send lines of addr,password as Content-Type: text/csv"))
		return
	}
	body := Line{Action: "user.import", From: r.RemoteAddr}
	id, err := a.Audit.Begin(body)
	if err != nil {
		writeError(w, a.public(err))
		return
	}
	body.ID = id
	report, err := Import(r.Context(), http.MaxBytesReader(w, r.Body, maxImport), a.Deps.Accounts, func(addr string, err error) {
		if err != nil && im.CodeOf(err) == im.CodeInternal {
			a.log.Error("imported line failed", "user", addr, "err", err)
		}
		if err == nil {
			a.finish(Line{ID: id, Action: "user.create", Target: addr, From: r.RemoteAddr}, nil)
		}
	})
	a.finish(body, err)
	if err != nil {
		e := a.public(err)
		report.Failed = append(report.Failed, LineError{Code: e.Code.String(), Detail: "the import ended early: " + e.Detail})
		writeJSON(w, HTTPStatus(e.Code), report)
		return
	}
	writeJSON(w, http.StatusOK, report)
}
