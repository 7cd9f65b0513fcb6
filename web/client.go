package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
)

// Client calls the admin API of a node; the command line uses it. It is safe
// for any goroutine. What the server refuses comes back as *im.Error.
type Client struct {
	Addr  string // host:port, or a URL with https://
	Token config.Secret
	HTTP  *http.Client // nil: one without a timeout of its own
}

// Status asks how the node is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "GET", "/status", nil)
}

// Ready asks whether the node takes sessions.
func (c *Client) Ready(ctx context.Context) error {
	return c.call(ctx, "GET", "/readyz", nil, nil)
}

// Check asks what disagrees inside the node.
func (c *Client) Check(ctx context.Context) ([]string, error) {
	d, err := get[Disagreements](ctx, c, "GET", "/debug/check", nil)
	return d.Disagreements, err
}

// Drain lets the node drain: it takes no new sessions and sends its own away.
func (c *Client) Drain(ctx context.Context) error {
	return c.call(ctx, "POST", "/drain", nil, nil)
}

// CreateUser makes an account.
func (c *Client) CreateUser(ctx context.Context, addr, password string) (User, error) {
	return get[User](ctx, c, "POST", "/users", NewUser{addr, password})
}

// Users lists accounts with ids above after; limit 0 means the server's page.
func (c *Client) Users(ctx context.Context, after im.UserID, limit int) (UserPage, error) {
	q := url.Values{"after": {after.String()}}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return get[UserPage](ctx, c, "GET", "/users?"+q.Encode(), nil)
}

// User looks one account up.
func (c *Client) User(ctx context.Context, addr string) (User, error) {
	return get[User](ctx, c, "GET", userPath(addr), nil)
}

// ImportUsers makes an account for each line "addr,password" of in. The report
// is good, as far as it goes, also next to an error.
func (c *Client) ImportUsers(ctx context.Context, in io.Reader) (r ImportReport, err error) {
	err = c.do(ctx, "POST", "/users/import", "text/csv", in, &r)
	return r, err
}

// SetPassword sets a user's password, and logs him out everywhere if wished.
func (c *Client) SetPassword(ctx context.Context, addr, password string, endSessions bool) error {
	return c.call(ctx, "POST", userPath(addr)+"/password", NewPassword{password, endSessions}, nil)
}

// DisableUser ends the user's sessions and refuses new ones.
func (c *Client) DisableUser(ctx context.Context, addr string) error {
	return c.call(ctx, "POST", userPath(addr)+"/disable", nil, nil)
}

// EnableUser lets a disabled user in again.
func (c *Client) EnableUser(ctx context.Context, addr string) error {
	return c.call(ctx, "POST", userPath(addr)+"/enable", nil, nil)
}

// Devices lists a user's devices, revoked ones included.
func (c *Client) Devices(ctx context.Context, addr string) ([]im.Device, error) {
	d, err := get[DeviceList](ctx, c, "GET", userPath(addr)+"/devices", nil)
	return d.Devices, err
}

// RevokeDevice logs one device out for good; zero means all of them.
func (c *Client) RevokeDevice(ctx context.Context, addr string, d im.DeviceID) error {
	path := userPath(addr) + "/devices"
	if d != 0 {
		path += "/" + d.String()
	}
	return c.call(ctx, "DELETE", path, nil, nil)
}

// CreateInvite makes an invitation code; zeros mean one use and seven days.
func (c *Client) CreateInvite(ctx context.Context, uses int, valid time.Duration) (Invite, error) {
	in := NewInvite{Uses: uses}
	if valid > 0 {
		in.Valid = valid.String()
	}
	return get[Invite](ctx, c, "POST", "/invites", in)
}

func userPath(addr string) string { return "/users/" + url.PathEscape(addr) }

func get[T any](ctx context.Context, c *Client, method, path string, in any) (T, error) {
	var out T
	err := c.call(ctx, method, path, in, &out)
	return out, err
}

// call sends in as JSON, if there is any.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	if in == nil {
		return c.do(ctx, method, path, "", nil, out)
	}
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	return c.do(ctx, method, path, "application/json", bytes.NewReader(b), out)
}

func (c *Client) do(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	base := c.Addr
	if u, err := url.Parse(base); err != nil || u.Scheme != "http" && u.Scheme != "https" {
		base = "http://" + base
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("web: call the admin API at %s: %w", c.Addr, err)
	}
	defer resp.Body.Close()
	return answer(resp, out)
}

// answer reads the body into out, or the error that it is.
func answer(resp *http.Response, out any) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxImport))
	if err != nil {
		return fmt.Errorf("web: read the answer of the admin API: %w", err)
	}
	if resp.StatusCode < 300 {
		if out == nil {
			return nil
		}
		return wrapAnswer(json.Unmarshal(b, out))
	}
	var p problem
	if json.Unmarshal(b, &p) == nil && p.Error.Number != 0 {
		return &im.Error{
			Code: im.ErrorCode(p.Error.Number), Detail: p.Error.Detail,
			RetryAfter: time.Duration(p.Error.RetryAfter) * time.Millisecond,
		}
	}
	if out != nil {
		_ = json.Unmarshal(b, out) // an import that ended early still has its report
	}
	return fmt.Errorf("web: the admin API answered %s", resp.Status)
}

func wrapAnswer(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return errors.New("web: the answer is not JSON; is this the admin API?")
	}
	if err != nil {
		return fmt.Errorf("web: read the answer of the admin API: %w", err)
	}
	return nil
}
