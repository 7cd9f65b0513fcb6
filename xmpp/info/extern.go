package info

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Service is one outside of XMPP that clients are told of (XEP-0215), such as a
// relay for calls.
type Service struct {
	Type      string          `toml:"type" doc:"kind of service: stun, turn, stuns, turns …"`
	Host      string          `toml:"host" doc:"name or address of the machine"`
	Port      int             `toml:"port" doc:"port of the service"`
	Transport string          `toml:"transport" doc:"udp or tcp"`
	Name      string          `toml:"name" doc:"what people call it"`
	Username  string          `toml:"username" doc:"fixed user name, for services without a shared secret"`
	TTL       config.Duration `toml:"ttl" doc:"how long a password made with the shared secret is good"`

	PasswordFile string `toml:"password_file" doc:"file with the password of the fixed user"`
	SecretFile   string `toml:"secret_file" doc:"file with the secret that the service shares, which takes passwords made with it (TURN REST)"`

	Password config.Secret `toml:"-"` // out of the files, by Load
	Secret   config.Secret `toml:"-"`
}

// Load reads the secrets.
func (s *Service) Load() (err error) {
	if s.PasswordFile != "" {
		if s.Password, err = config.SecretFile(s.PasswordFile); err != nil {
			return err
		}
	}
	if s.SecretFile != "" {
		s.Secret, err = config.SecretFile(s.SecretFile)
	}
	return err
}

// Validate names the key that is wrong and what to do.
func (s Service) Validate() error {
	switch {
	case s.Type == "":
		return fmt.Errorf("type is missing; write for instance \"turn\"")
	case s.Host == "" || len(s.Host) > 255:
		return fmt.Errorf("host is missing or too long; name the machine of the service")
	case s.Port < 0 || s.Port > 65535:
		return fmt.Errorf("port is %d; choose 1 to 65535, or 0 for the usual one", s.Port)
	case s.Transport != "" && s.Transport != "udp" && s.Transport != "tcp":
		return fmt.Errorf("transport is %q; choose udp or tcp", s.Transport)
	case (s.Secret != "" || s.SecretFile != "") && s.TTL.D() < time.Minute:
		return fmt.Errorf("ttl is %s; choose at least 1m", s.TTL)
	}
	return nil
}

// element renders s with credentials for a user.
func (s Service) element(user im.UserID, now time.Time) *xmlstream.Element {
	out := xmlstream.New(nsExtern, "service").SetAttr("type", s.Type).SetAttr("host", s.Host)
	if s.Port > 0 {
		out.SetAttr("port", strconv.Itoa(s.Port))
	}
	out.OptAttr("transport", s.Transport).OptAttr("name", s.Name)
	name, password := s.Username, string(s.Password)
	if s.Secret != "" {
		until := now.Add(s.TTL.D())
		name, password = s.sign(user, until)
		out.SetAttr("expires", stamp(until))
	}
	if password != "" {
		out.SetAttr("restricted", "1")
	}
	return out.OptAttr("username", name).OptAttr("password", password)
}

// sign makes a password that the service can check by itself: it is bound to a
// time in the user name.
func (s Service) sign(user im.UserID, until time.Time) (name, password string) {
	name = strconv.FormatInt(until.Unix(), 10) + ":" + user.String()
	mac := hmac.New(sha1.New, []byte(s.Secret))
	mac.Write([]byte(name))
	return name, base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (s Service) private() bool { return s.Secret != "" || s.Password != "" }

// services answers with all services, or those of a type (section 3).
func (v service) services(_ context.Context, r *iq.Request) (*xmlstream.Element, error) {
	typ := r.Payload.Attr("type")
	out := xmlstream.New(nsExtern, "services").OptAttr("type", typ)
	for _, s := range v.Services {
		if typ == "" || typ == s.Type {
			out.Add(s.element(r.Session.Core().User(), v.Now()))
		}
	}
	return out, nil
}

// credentials answers with the credentials of one service (section 3.3).
func (v service) credentials(_ context.Context, r *iq.Request) (*xmlstream.Element, error) {
	ask := r.Payload.Child(nsExtern, "service")
	host, typ, port := ask.Attr("host"), ask.Attr("type"), ask.Attr("port")
	if host == "" || typ == "" {
		return nil, stanza.Errorf(stanza.BadRequest, "credentials are for the host and type of a service")
	}
	out := xmlstream.New(nsExtern, "credentials")
	for _, s := range v.Services {
		if s.private() && s.Type == typ && sameHost(s.Host, host) && (port == "" || port == strconv.Itoa(s.Port)) {
			out.Add(s.element(r.Session.Core().User(), v.Now()))
		}
	}
	if out.First() == nil {
		return nil, stanza.Errorf(stanza.ItemNotFound, "there are no credentials for that service")
	}
	return out, nil
}

// sameHost compares names, and addresses however they are written.
func sameHost(a, b string) bool {
	return a == b || slices.Equal(net.ParseIP(a), net.ParseIP(b)) && net.ParseIP(a) != nil
}
