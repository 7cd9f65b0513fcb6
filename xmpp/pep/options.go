package pep

import (
	"slices"

	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// apply returns c with what a submitted form says. Fields that are not there
// stay as they are, unknown ones are ignored (XEP-0004 sections 3.1 and 3.5).
func (c config) apply(f *form.Form) (config, error) {
	for i := range f.Fields {
		if known, _ := lookup(f.Fields[i].Var); known != nil {
			if err := known.set(&c, &f.Fields[i]); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// meets checks the configuration of a node against publish options (XEP-0060
// section 7.1.5): each field is a precondition.
func (c config) meets(f *form.Form) error {
	for i := range f.Fields {
		x := &f.Fields[i]
		known, _ := lookup(x.Var)
		if known == nil {
			continue
		}
		wanted := c
		if known.set(&wanted, x) != nil || !slices.Equal(known.get(&wanted), known.get(&c)) {
			return fail(stanza.Conflict, "precondition-not-met", "the node is configured otherwise: "+x.Var)
		}
	}
	return nil
}

// options reads the publish options of a request, nil without. An unknown field
// is one that cannot be met.
func options(r *request) (*form.Form, error) {
	e := r.Payload.Child(nsPubsub, "publish-options")
	if e == nil {
		return nil, nil
	}
	f, err := form.Submitted(form.Child(e), formOptions)
	if err != nil {
		return nil, err
	}
	for i := range f.Fields {
		if _, known := lookup(f.Fields[i].Var); !known {
			return nil, fail(stanza.Conflict, "precondition-not-met", "the option is not known here: "+f.Fields[i].Var)
		}
	}
	return f, nil
}

// configured reads the form of a configure element; nil: it is cancelled, or
// there is none and none is needed.
func configured(e *xmlstream.Element) (*form.Form, error) {
	x := form.Child(e)
	if x.Attr("type") == form.TypeCancel {
		return nil, nil
	}
	return form.Submitted(x, formConfig)
}

// form renders c, to be filled in or as a result.
func (c config) form(typ string) *form.Form {
	out := form.New(typ, formConfig)
	for i := range fields {
		f := &fields[i]
		x := form.Field{Var: f.name, Type: f.typ, Label: f.label, Values: f.get(&c)}
		if typ == form.TypeForm {
			for _, o := range f.options {
				x.Options = append(x.Options, form.Option{Value: o})
			}
		}
		out.Add(x)
	}
	return out
}
