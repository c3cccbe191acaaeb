package transform

import (
	"errors"
	"regexp"
)

// built matches errors thrown by the engine or created by Go: their texts contain what the script worked on.
var built = regexp.MustCompile(`^(?:column [^:]*: )?((?:Type|Range|Syntax|Reference|Eval|URI|Internal|Aggregate|Go)Error)\b`)

// Told returns what other nodes learn about a transformer's error: neither file nor line, and only text that the script
// itself threw, which is its answer to the row's sender. An error of the engine, a statement or a limit is named only
// by its class. Promise 8.
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

// Told returns what others learn about the error.
func (e *scriptError) Told() string { return Told(e) }
