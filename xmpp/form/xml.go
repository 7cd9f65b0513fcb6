package form

import (
	"slices"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Limits of what one form may hold; a stanza that is full of fields stays cheap
// to look at.
const (
	maxFields = 256
	maxValues = 1024
)

// Parse reads a form. The error is a *stanza.Error that tells the client what is
// wrong: bad-request for what is no form.
func Parse(e *xmlstream.Element) (*Form, error) {
	if !e.Is(stanza.NSData, "x") {
		return nil, wrong("a data form is missing")
	}
	f := &Form{Type: e.Attr("type"), Title: e.ChildText(stanza.NSData, "title")}
	if !slices.Contains([]string{TypeForm, TypeSubmit, TypeCancel, TypeResult}, f.Type) {
		return nil, wrong("the type of a data form is form, submit, cancel or result")
	}
	var err error
	for c := range e.Children() {
		if c.Space != stanza.NSData {
			continue
		}
		switch c.Local {
		case "instructions":
			f.Instructions = append(f.Instructions, c.Text())
		case "reported":
			f.Reported, err = parseFields(c)
		case "item":
			var item []Field
			item, err = parseFields(c)
			f.Items = append(f.Items, item)
		}
		if err != nil {
			return nil, err
		}
	}
	f.Fields, err = parseFields(e)
	return f, err
}

// Submitted reads a form that a client has filled in, about what about says.
func Submitted(e *xmlstream.Element, about string) (*Form, error) {
	f, err := Parse(e)
	switch {
	case err != nil:
		return nil, err
	case f.Type != TypeSubmit:
		return nil, wrong("the data form is not of type submit")
	case f.About() != about:
		return nil, wrong("the FORM_TYPE of the data form has to be " + about)
	}
	return f, nil
}

func wrong(text string) error { return stanza.Errorf(stanza.BadRequest, text) }

func parseFields(parent *xmlstream.Element) (out []Field, err error) {
	seen := make(map[string]bool)
	for c := range parent.Children() {
		if !c.Is(stanza.NSData, "field") {
			continue
		}
		x := Field{Var: c.Attr("var"), Type: c.Attr("type"), Label: c.Attr("label"), Desc: c.ChildText(stanza.NSData, "desc")}
		switch {
		case x.Var == "" && x.Type != Fixed: // section 3.2
			return nil, wrong("a field of the data form has no name")
		case x.Var != "" && seen[x.Var]:
			return nil, wrong("the data form has a field twice")
		case len(out) == maxFields:
			return nil, wrong("the data form has too many fields")
		}
		seen[x.Var] = true
		if err := x.parse(c); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func (x *Field) parse(e *xmlstream.Element) error {
	for c := range e.Children() {
		switch {
		case c.Is(stanza.NSData, "value"):
			x.Values = append(x.Values, c.Text())
		case c.Is(stanza.NSData, "required"):
			x.Required = true
		case c.Is(stanza.NSData, "option"):
			x.Options = append(x.Options, Option{c.Attr("label"), c.ChildText(stanza.NSData, "value")})
		}
	}
	if len(x.Values) > maxValues || len(x.Options) > maxValues {
		return wrong("a field of the data form has too many values")
	}
	return nil
}

// Element renders f.
func (f *Form) Element() *xmlstream.Element {
	e := xmlstream.New(stanza.NSData, "x").SetAttr("type", f.Type)
	if f.Title != "" {
		e.Add(xmlstream.NewText(stanza.NSData, "title", f.Title))
	}
	for _, text := range f.Instructions {
		e.Add(xmlstream.NewText(stanza.NSData, "instructions", text))
	}
	addFields(e, f.Fields)
	if len(f.Reported) > 0 {
		addFields(e.AddNew(stanza.NSData, "reported"), f.Reported)
	}
	for _, item := range f.Items {
		addFields(e.AddNew(stanza.NSData, "item"), item)
	}
	return e
}

func addFields(e *xmlstream.Element, fields []Field) {
	for i := range fields {
		e.Add(fields[i].element())
	}
}

func (x *Field) element() *xmlstream.Element {
	e := xmlstream.New(stanza.NSData, "field").OptAttr("var", x.Var).OptAttr("type", x.Type).OptAttr("label", x.Label)
	if x.Desc != "" {
		e.Add(xmlstream.NewText(stanza.NSData, "desc", x.Desc))
	}
	if x.Required {
		e.AddNew(stanza.NSData, "required")
	}
	for _, v := range x.Values {
		e.Add(xmlstream.NewText(stanza.NSData, "value", v))
	}
	for _, o := range x.Options {
		e.AddNew(stanza.NSData, "option").OptAttr("label", o.Label).Add(xmlstream.NewText(stanza.NSData, "value", o.Value))
	}
	return e
}
