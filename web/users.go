package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/cxx-im/cxx/im"
)

// User is an account as the API shows it.
type User struct {
	ID       im.UserID  `json:"id"`
	Addr     string     `json:"addr"`
	Name     string     `json:"name,omitempty"`
	Created  time.Time  `json:"created"`
	LastSeen *time.Time `json:"last_seen,omitempty"`
	Disabled bool       `json:"disabled"`
}

// UserPage is one page of the list; Next is zero on the last one.
type UserPage struct {
	Users []User    `json:"users"`
	Next  im.UserID `json:"next"`
}

// NewUser is the body of POST /users.
type NewUser struct {
	Addr     string `json:"addr"`
	Password string `json:"password"`
}

// NewPassword is the body of POST /users/{addr}/password.
type NewPassword struct {
	Password    string `json:"password"`
	EndSessions bool   `json:"end_sessions"` // also log out everywhere
}

// NewInvite is the body of POST /invites. Zero values give one use, seven days.
type NewInvite struct {
	Uses  int    `json:"uses,omitempty"`
	Valid string `json:"valid,omitempty"` // a duration, such as "48h"
}

// Invite is an invitation code.
type Invite struct {
	Code    string    `json:"code"`
	Uses    int       `json:"uses"`
	Expires time.Time `json:"expires"`
}

func userOf(a im.Account) User {
	u := User{ID: a.ID, Addr: a.Addr.String(), Name: a.Profile.Name, Created: a.Created.UTC(), Disabled: a.Disabled}
	if !a.LastSeen.IsZero() {
		seen := a.LastSeen.UTC()
		u.LastSeen = &seen
	}
	return u
}

// read decodes the one JSON value of a body. An unknown field is refused: a
// misspelt "end_sessions" must not pass for a no.
func read[T any](r *http.Request) (v T, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return v, im.Errorf(im.CodeInvalid, "send the body as Content-Type: application/json")
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return v, err
		}
		return v, im.Errorf(im.CodeInvalid, "the body is not what this route takes: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, im.Errorf(im.CodeInvalid, "there is something after the JSON value of the body")
	}
	return v, nil
}

// parseUser reads the bare address of an account.
func parseUser(s string) (im.Addr, error) {
	addr, err := im.ParseAddr(s)
	if err != nil {
		return im.Addr{}, err
	}
	if addr.Local == "" || addr.Resource != "" {
		return im.Addr{}, im.Errorf(im.CodeInvalid, "%q is not the address of a user; write name@domain", s)
	}
	return addr, nil
}

func (a *Admin) userCreate(r *http.Request) (any, error) {
	if a.Accounts == nil || a.Store == nil {
		return nil, errNotHere
	}
	in, err := read[NewUser](r)
	if err != nil {
		return nil, err
	}
	addr, err := parseUser(in.Addr)
	if err != nil {
		return nil, err
	}
	setTarget(r.Context(), addr.String())
	id, err := a.Deps.Accounts.CreateAccount(r.Context(), addr, in.Password)
	if err != nil {
		return nil, err
	}
	return User{ID: id, Addr: addr.String(), Created: a.Now().UTC()}, nil
}

func (a *Admin) userList(r *http.Request) (any, error) {
	if a.Store == nil {
		return nil, errNotHere
	}
	after, err := number(r, "after", 0, 1<<52)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 100, 1000)
	if err != nil {
		return nil, err
	}
	limit = max(limit, 1)
	list, err := a.Store.Accounts(r.Context(), im.UserID(after), int(limit)+1)
	if err != nil {
		return nil, err
	}
	page := UserPage{Users: []User{}}
	for i, acct := range list {
		if i == int(limit) {
			page.Next = list[i-1].ID
			break
		}
		page.Users = append(page.Users, userOf(acct))
	}
	return page, nil
}

func number(r *http.Request, key string, standard, most uint64) (uint64, error) {
	s := r.URL.Query().Get(key)
	if s == "" {
		return standard, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > most {
		return 0, im.Errorf(im.CodeInvalid, "%s is %q; give a number up to %d", key, s, most)
	}
	return n, nil
}

// account finds the account that the path names.
func (a *Admin) account(r *http.Request) (im.Account, error) {
	if a.Store == nil {
		return im.Account{}, errNotHere
	}
	addr, err := parseUser(r.PathValue("addr"))
	if err != nil {
		return im.Account{}, err
	}
	return a.Store.AccountByAddr(r.Context(), addr)
}

func (a *Admin) userGet(r *http.Request) (any, error) {
	acct, err := a.account(r)
	if err != nil {
		return nil, err
	}
	return userOf(acct), nil
}

func (a *Admin) userPassword(r *http.Request) (any, error) {
	if a.Accounts == nil {
		return nil, errNotHere
	}
	acct, err := a.account(r)
	if err != nil {
		return nil, err
	}
	in, err := read[NewPassword](r)
	if err != nil {
		return nil, err
	}
	if _, err := a.Deps.Accounts.SetPassword(r.Context(), acct.ID, in.Password, in.EndSessions); err != nil {
		return nil, err
	}
	if in.EndSessions && a.Sessions != nil {
		a.Sessions.KickUser(acct.ID, im.CodeRevoked)
	}
	return userOf(acct), nil
}

func (a *Admin) userDisable(r *http.Request) (any, error) {
	u, err := a.setDisabled(r, true)
	if err == nil && a.Sessions != nil {
		a.Sessions.KickUser(u.ID, im.CodeDisabled)
	}
	return u, err
}

func (a *Admin) userEnable(r *http.Request) (any, error) { return a.setDisabled(r, false) }

func (a *Admin) setDisabled(r *http.Request, disabled bool) (User, error) {
	acct, err := a.account(r)
	if err != nil {
		return User{}, err
	}
	_, err = a.Store.UpdateAccount(r.Context(), acct.ID, func(stored *im.Account) ([]im.Entry, error) {
		stored.Disabled = disabled
		return nil, nil
	})
	acct.Disabled = disabled
	return userOf(acct), err
}

func (a *Admin) inviteCreate(r *http.Request) (any, error) {
	if a.Store == nil {
		return nil, errNotHere
	}
	in, err := read[NewInvite](r)
	if err != nil {
		return nil, err
	}
	return a.newInvite(r.Context(), in)
}

func (a *Admin) newInvite(ctx context.Context, in NewInvite) (Invite, error) {
	valid := 7 * 24 * time.Hour
	if in.Valid != "" {
		d, err := time.ParseDuration(in.Valid)
		if err != nil || d <= 0 || d > 365*24*time.Hour {
			return Invite{}, im.Errorf(im.CodeInvalid, "valid is %q; give a duration up to 8760h, such as 48h", in.Valid)
		}
		valid = d
	}
	if in.Uses < 0 || in.Uses > 100_000 {
		return Invite{}, im.Errorf(im.CodeInvalid, "uses is %d; give 1 to 100000", in.Uses)
	}
	var b [15]byte // 120 bits, 24 characters
	_, _ = rand.Read(b[:])
	i := Invite{Code: im.Code(b[:]), Uses: max(in.Uses, 1), Expires: a.Now().Add(valid).UTC().Truncate(time.Second)}
	return i, a.Store.AddInvite(ctx, i.Code, i.Uses, i.Expires)
}
