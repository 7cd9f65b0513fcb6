package edge

import (
	"fmt"
	"log/slog"
)

// engineLog passes the engine's own log lines on. They are about its inner
// workings, so only errors are shown at a level that an operator sees.
type engineLog struct{ log *slog.Logger }

func (e engineLog) Debugf(format string, args ...any) {}
func (e engineLog) Infof(format string, args ...any)  {}
func (e engineLog) Warnf(format string, args ...any) {
	e.log.Debug("event loop", "reason", fmt.Sprintf(format, args...))
}

func (e engineLog) Errorf(format string, args ...any) {
	e.log.Warn("event loop", "reason", fmt.Sprintf(format, args...))
}

func (e engineLog) Fatalf(format string, args ...any) {
	e.log.Error("event loop", "reason", fmt.Sprintf(format, args...))
}
