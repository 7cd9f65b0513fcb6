package pep

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// fail returns an error with a condition of pubsub (XEP-0060 section 15.4).
func fail(c stanza.Condition, app, text string) error {
	return stanza.Errorf(c, text).WithApp(xmlstream.New(nsErrors, app))
}

// unsupported names a feature of XEP-0060 that is not there.
func unsupported(feature string) error {
	return stanza.Errorf(stanza.FeatureNotImplemented, "").
		WithApp(xmlstream.New(nsErrors, "unsupported").SetAttr("feature", feature))
}

// The errors that more than one request has.
var (
	errNode      = stanza.Errorf(stanza.ItemNotFound, "there is no such node")
	errItem      = stanza.Errorf(stanza.ItemNotFound, "there is no such item")
	errForbidden = stanza.Errorf(stanza.Forbidden, "only the owner of the account may do this")
	// errStranger is what everybody gets who may not see the account, and for an
	// account that does not exist (XEP-0060 sections 6.1.3.2 and 6.5.9.8).
	errStranger = fail(stanza.NotAuthorized, "presence-subscription-required", "only contacts may ask for that")
)

// noNode makes the storage's "no such leaf" the error of a missing node.
func noNode(err error) error {
	if im.CodeOf(err) == im.CodeNotFound {
		return errNode
	}
	return err
}
