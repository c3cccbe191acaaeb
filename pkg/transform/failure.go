package transform

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/dop251/goja"
)

// maxText bounds the text of an error and of a log line, in bytes.
const maxText = 1000

// firstFrame finds the first position in the stack of a JavaScript error.
var firstFrame = regexp.MustCompile(`\n\s*at (?:[^\n(]*\()?([^\s():]+:\d+):\d+`)

// parserText splits an error of the parser: "orders.js: Line 2:13 Unexpected token".
var parserText = regexp.MustCompile(`^(.+): Line (\d+):\d+ (.*)`)

// scriptError is an error of a script, and where it happened.
type scriptError struct {
	where string // file:line, or the file alone
	text  string
	cause error // the Go error behind it, if any
}

func (e *scriptError) Error() string { return bounded(e.where + ": " + e.text) }

func (e *scriptError) Unwrap() error { return e.cause }

// located returns err with the file, unless it already says where it happened.
func located(file string, err error) error {
	if s, ok := errors.AsType[*scriptError](err); ok {
		return s
	}
	return &scriptError{where: file, text: err.Error(), cause: err}
}

// columnError returns err with the column that it concerns.
func columnError(name string, err error) error {
	if s, ok := errors.AsType[*scriptError](err); ok {
		return &scriptError{where: s.where, text: "column " + name + ": " + s.text, cause: s.cause}
	}
	return fmt.Errorf("column %s: %w", name, err)
}

// explain returns err, an error of goja, as a scriptError. Other errors, and the interrupts that limited handles, stay
// as they are.
func (m *machine) explain(err error) error {
	if overflow, ok := errors.AsType[*goja.StackOverflowError](err); ok {
		return &scriptError{where: m.position(overflow.Stack()), text: "recursion is too deep", cause: err}
	}
	if syntax, ok := errors.AsType[*goja.CompilerSyntaxError](err); ok {
		return explainSyntax(syntax)
	}
	if thrown, ok := err.(*goja.Exception); ok { //nolint:errorlint // what the script itself threw, not what that wraps
		return m.explainValue(thrown.Value(), thrown.Stack())
	}
	return err
}

// explainSyntax returns err as a scriptError. The parser's errors have their position only in the text.
func explainSyntax(err *goja.CompilerSyntaxError) error {
	if parts := parserText.FindStringSubmatch(err.Message); parts != nil {
		return &scriptError{where: parts[1] + ":" + parts[2], text: "SyntaxError: " + parts[3]}
	}
	at := err.File.Position(err.Offset)
	return &scriptError{where: fmt.Sprintf("%s:%d", at.Filename, at.Line), text: "SyntaxError: " + err.Message}
}

// explainValue returns a thrown value as a scriptError. It runs JavaScript: a getter or toString of the value.
func (m *machine) explainValue(v goja.Value, stack []goja.StackFrame) error {
	e := &scriptError{where: m.position(stack), text: "threw a value that cannot be shown"}
	m.vm.Try(func() {
		if object, ok := v.(*goja.Object); ok {
			if text := object.Get("stack"); text != nil {
				if frame := firstFrame.FindStringSubmatch(text.String()); frame != nil {
					e.where = frame[1]
				}
			}
			if cause := object.Get("value"); cause != nil {
				e.cause, _ = cause.Export().(error)
			}
		}
		e.text = m.shown(v.String())
	})
	return e
}

// position returns the topmost line of stack that is JavaScript.
func (m *machine) position(stack []goja.StackFrame) string {
	for i := range stack {
		if at := stack[i].Position(); at.Filename != "" {
			return fmt.Sprintf("%s:%d", at.Filename, at.Line)
		}
	}
	return m.file
}

// bounded cuts s to maxText bytes.
func bounded(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText-len("…")], "") + "…"
}

// mostSent is how many bytes of a text leave the scripts' process: enough to find secrets in it before it is shortened.
const mostSent = 64 << 10

// sendable cuts s to mostSent bytes.
func sendable(s string) string { return strings.ToValidUTF8(s[:min(len(s), mostSent)], "") }

// shown is what scripts have thrown or logged as people may see it. Their process leaves that to the other side.
func (c *Config) shown(s string) string {
	if c.apart {
		return sendable(s)
	}
	if c.Redact != nil {
		s = c.Redact(s)
	}
	return bounded(s)
}
