// Package form reads and writes data forms (XEP-0004): what a client submits,
// and what the server offers or answers.
//
// It leaves to its callers what fields mean; it checks only what holds for every
// form. The packages of XEPs that speak in forms call it. All functions may be
// called from any goroutine.
package form

import (
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// The types of a form (section 3.1).
const (
	TypeForm   = "form"
	TypeSubmit = "submit"
	TypeCancel = "cancel"
	TypeResult = "result"
)

// The types of a field (section 3.3) that are used here.
const (
	Boolean     = "boolean"
	Fixed       = "fixed"
	Hidden      = "hidden"
	JIDMulti    = "jid-multi"
	JIDSingle   = "jid-single"
	ListMulti   = "list-multi"
	ListSingle  = "list-single"
	TextMulti   = "text-multi"
	TextPrivate = "text-private"
	TextSingle  = "text-single"
)

// formType is the field that says what a form is about (XEP-0068).
const formType = "FORM_TYPE"

// Form is a data form. Reported and Items are of results with many items
// (section 3.4).
type Form struct {
	Type         string
	Title        string
	Instructions []string
	Fields       []Field
	Reported     []Field
	Items        [][]Field
}

// Field is one field. Its Var is empty only in fields of type fixed.
type Field struct {
	Var      string
	Type     string // "" where it follows from the context
	Label    string
	Desc     string
	Required bool
	Values   []string
	Options  []Option
}

// Option is one choice of a list.
type Option struct{ Label, Value string }

// New returns a form of a type that is about what about says (XEP-0068).
func New(typ, about string) *Form {
	return (&Form{Type: typ}).Add(Field{Var: formType, Type: Hidden, Values: []string{about}})
}

// Add appends fields and returns f.
func (f *Form) Add(fields ...Field) *Form {
	f.Fields = append(f.Fields, fields...)
	return f
}

// Text appends a field with one line of text and returns f.
func (f *Form) Text(name, label, value string) *Form {
	return f.Add(Field{Var: name, Type: TextSingle, Label: label, Values: []string{value}})
}

// Bool appends a boolean field and returns f.
func (f *Form) Bool(name, label string, value bool) *Form {
	return f.Add(Field{Var: name, Type: Boolean, Label: label, Values: []string{FormatBool(value)}})
}

// List appends a choice of one of the options and returns f.
func (f *Form) List(name, label, value string, options ...string) *Form {
	x := Field{Var: name, Type: ListSingle, Label: label, Values: []string{value}}
	for _, o := range options {
		x.Options = append(x.Options, Option{Value: o})
	}
	return f.Add(x)
}

// About returns what the form is about: the value of FORM_TYPE.
func (f *Form) About() string { return f.Get(formType) }

// Is reports whether f is a submitted form about what about says.
func (f *Form) Is(about string) bool { return f.Type == TypeSubmit && f.About() == about }

// Field returns the field of a name, nil without.
func (f *Form) Field(name string) *Field {
	for i := range f.Fields {
		if f.Fields[i].Var == name {
			return &f.Fields[i]
		}
	}
	return nil
}

// Get returns the first value of a field, "" when there is none.
func (f *Form) Get(name string) string { return f.Field(name).Value() }

// Has reports whether the form has a field of the name, even an empty one.
func (f *Form) Has(name string) bool { return f.Field(name) != nil }

// Value returns the first value, "" when there is none. A nil field has none.
func (x *Field) Value() string {
	if x == nil || len(x.Values) == 0 {
		return ""
	}
	return x.Values[0]
}

// Bool reads the field as a boolean (section 3.3); ok is false when it is none.
func (x *Field) Bool() (value, ok bool) { return ParseBool(x.Value()) }

// ParseBool reads a boolean of XML Schema.
func ParseBool(s string) (value, ok bool) {
	switch s {
	case "1", "true":
		return true, true
	case "0", "false":
		return false, true
	}
	return false, false
}

// FormatBool writes a boolean the way most clients do.
func FormatBool(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// Child returns the form that is a child of e, nil when there is none.
func Child(e *xmlstream.Element) *xmlstream.Element { return e.Child(stanza.NSData, "x") }
