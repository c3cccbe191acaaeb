package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
)

// What a site says that was asked to compare is printed as text, without anything that a terminal obeys.
func TestAComparisonIsPrintedWithoutTerminalControls(t *testing.T) {
	const evil = `\u001b]0;owned\u0007\u009b31m`
	for _, line := range []string{
		`{"table": "` + evil + `", "remote": "` + evil + `", "error": "` + evil + `"}`,
		`{"table": "` + evil + `", "remote": "` + evil + `", "equal": true}`,
		`{"table": "t", "remote": "r", "differs": 1, "differ": [{"id": "` + evil + `", "kind": "` + evil + `"}]}`,
		`{"error": "` + evil + `"}`,
	} {
		var out bytes.Buffer
		if err := report(&out, strings.NewReader(line), false); err != nil {
			out.WriteString(err.Error())
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
			t.Errorf("%s is printed as %q", line, out.String())
		}
	}
}
