package transform

import (
	"bytes"

	"github.com/dop251/goja"
	"github.com/dop251/goja_nodejs/util"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// mostLines is how many lines of one call are logged.
const mostLines = 1000

// enableConsole sets the global console, which writes to the log: log and info at level info, the others at their own
// level.
func (m *machine) enableConsole() {
	console := m.vm.NewObject()
	for name, level := range map[string]zapcore.Level{
		"debug": zapcore.DebugLevel,
		"log":   zapcore.InfoLevel,
		"info":  zapcore.InfoLevel,
		"warn":  zapcore.WarnLevel,
		"error": zapcore.ErrorLevel,
	} {
		console.Set(name, func(c goja.FunctionCall) goja.Value {
			if entry := m.log.Check(level, "transformer says"); entry != nil && m.mayLog() {
				entry.Write(zap.String("table", m.table), zap.String("text", m.shown(m.line(c.Arguments))))
			}
			return goja.Undefined()
		})
	}
	m.vm.Set("console", console)
}

// mayLog counts a line of the call, and reports whether to log it.
func (m *machine) mayLog() bool {
	m.lines++
	if m.lines == mostLines+1 {
		m.log.Warn("a transformer logged too much in one call; the rest is dropped", zap.String("table", m.table), zap.Int("lines", mostLines))
	}
	return m.lines <= mostLines
}

// line returns the arguments of a console function as one text, using the first as a format, and plain objects and
// arrays as JSON.
func (m *machine) line(arguments []goja.Value) string {
	if len(arguments) == 0 {
		return ""
	}
	shown := make([]goja.Value, len(arguments))
	for i, v := range arguments {
		shown[i] = v
		if o, ok := v.(*goja.Object); ok && (o.ClassName() == "Object" || isArray(o)) {
			if text, err := m.stringify(goja.Undefined(), o); err == nil && !goja.IsUndefined(text) {
				shown[i] = text
			}
		}
	}
	var b bytes.Buffer
	util.New(m.vm).Format(&b, shown[0].String(), shown[1:]...)
	return b.String()
}
