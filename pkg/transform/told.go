package transform

import (
	"errors"
	"regexp"
)

// built are the errors that the engine throws by itself, and those that Go has made: their texts have what the script worked on.
var built = regexp.MustCompile(`^(?:column [^:]*: )?((?:Type|Range|Syntax|Reference|Eval|URI|Internal|Aggregate|Go)Error)\b`)

// Told is what other nodes learn about an error of a transformer: neither file nor line, and of the text only what the script has
// thrown itself, which is its answer to who sent the row. What the engine says, a statement or a limit, is told by its class.
// Promise 8.
func Told(err error) string {
	const why = "the log there says why"
	if Transient(err) {
		return "the transformer cannot be run there now; " + why
	}
	var s *scriptError
	if !errors.As(err, &s) || s.cause != nil {
		return "the transformer fails on it; " + why
	}
	if class := built.FindStringSubmatch(s.text); class != nil {
		return "the transformer fails on it (" + class[1] + "); " + why
	}
	return bounded("the transformer fails on it: " + s.text)
}

// Told makes the error one that itself says what others learn about it.
func (e *scriptError) Told() string { return Told(e) }
