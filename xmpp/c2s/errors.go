package c2s

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// conditions says with which stream error a session ends for a reason of the
// core's; what is not here is undefined-condition.
var conditions = map[im.ErrorCode]xmlstream.Condition{
	im.CodeReplaced:        stream.Conflict, // RFC 6120 section 4.9.3.3
	im.CodeRevoked:         stream.NotAuthorized,
	im.CodeLoggedOut:       stream.NotAuthorized,
	im.CodeDisabled:        stream.NotAuthorized,
	im.CodeGoAway:          stream.SystemShutdown,
	im.CodeSlowConsumer:    xmlstream.PolicyViolation,
	im.CodeRegressed:       stream.Reset,
	im.CodeZoneUnavailable: stream.ResourceConstraint,
	im.CodeOverloaded:      stream.ResourceConstraint,
	im.CodeRetryLater:      stream.ResourceConstraint,
	im.CodeRateLimited:     xmlstream.PolicyViolation,
	im.CodeTimeout:         stream.ConnectionTimeout,
	im.CodeIdle:            stream.ConnectionTimeout,
	im.CodeInternal:        stream.InternalServerError,
}

func streamError(reason *im.Error) *stream.Error {
	if c, ok := conditions[reason.Code]; ok {
		return stream.Errorf(c, reason.Detail)
	}
	return stream.Errorf(stream.UndefinedCondition, reason.Detail)
}
