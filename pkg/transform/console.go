package transform

import (
	"bytes"

	"github.com/dop251/goja"
	"github.com/dop251/goja_nodejs/util"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// enableConsole sets the global console, which writes to the log: log and info
// at level info, the others at their own.
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
			if entry := m.log.Check(level, "transformer says"); entry != nil {
				entry.Write(zap.String("table", m.table), zap.String("text", bounded(m.line(c.Arguments))))
			}
			return goja.Undefined()
		})
	}
	m.vm.Set("console", console)
}

// line returns the arguments of a console function as one text, the first as a
// format, plain objects and arrays as JSON.
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
