package proto

import (
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Unmarshal decodes a body from a client. vtprotobuf does not check that
// strings are UTF-8, so it is done here. m holds copies; body may be reused.
// The error is an *im.Error.
func Unmarshal(body []byte, m Message) error {
	if err := m.UnmarshalVT(body); err != nil {
		return &im.Error{Code: im.CodeMalformed, Detail: "the body of the frame cannot be decoded", Err: err}
	}
	if !validUTF8(m) {
		return im.Errorf(im.CodeMalformed, "a text field is not valid UTF-8")
	}
	return nil
}

func validUTF8(m Message) bool {
	switch m := m.(type) {
	case *cxxpb.Send:
		return utf8.ValidString(m.Text)
	case *cxxpb.Cursor, *cxxpb.Signal:
		return true
	case proto.Message:
		return validStrings(m.ProtoReflect())
	}
	return true
}

func validStrings(m protoreflect.Message) bool {
	valid := true
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList():
			list := v.List()
			for i := range list.Len() {
				valid = valid && validValue(fd, list.Get(i))
			}
		default:
			valid = validValue(fd, v)
		}
		return valid
	})
	return valid
}

func validValue(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return utf8.ValidString(v.String())
	case protoreflect.MessageKind:
		return validStrings(v.Message())
	}
	return true
}
