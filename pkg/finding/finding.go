// Package finding is what a check reports about one thing that it examined.
//
// It keeps promise 9: a finding names what and where, says what it means, and what to do. It is
// printed for people as a table that says once what many findings have in common, and for programs
// as JSON. What is looked at is left to those who look.
package finding

import (
	"fmt"
	"strings"
	"unicode"
)

// Level says how much a finding matters.
type Level string

// The levels. What has a mistake does not start, or does not do all its work; what has
// warnings does.
const (
	Right   Level = "right"
	Warning Level = "warning"
	Mistake Level = "mistake"
)

// Mark is how people are shown the level: ✓, ! or ✗.
func (l Level) Mark() string {
	switch l {
	case Right:
		return "✓"
	case Warning:
		return "!"
	}
	return "✗"
}

// Finding is about one thing that was examined. It contains no secret.
type Finding struct {
	Level Level  `json:"level"`
	Area  string `json:"area"`         // what belongs together, such as tables
	About string `json:"about"`        // a key of the configuration, a table, a remote …
	Text  string `json:"text"`         // what was found, and what it means
	Do    string `json:"do,omitempty"` // what to do about it: a sentence, or statements of SQL
	At    string `json:"at,omitempty"` // the file and line of About, such as sync.json:12; "": it is no key of the file

	// Kind is the same for findings that say the same about different things, such as tables.
	Kind string `json:"-"`
}

// Worst returns the worst level of findings; that of none is Right.
func Worst(list []Finding) Level {
	worst := Right
	for _, f := range list {
		if f.Level == Mistake || worst == Right {
			worst = f.Level
		}
		if worst == Mistake {
			break
		}
	}
	return worst
}

// List collects the findings of one area.
type List struct {
	Area  string
	Found []Finding
}

// Rightf records what is as it should be.
func (l *List) Rightf(about, format string, args ...any) {
	l.addf(Right, about, "", format, args...)
}

// Warnf records what works but is worth knowing, and what to do about it; "" is nothing.
func (l *List) Warnf(about, do, format string, args ...any) {
	l.addf(Warning, about, do, format, args...)
}

// Wrongf records what does not work, and what to do about it.
func (l *List) Wrongf(about, do, format string, args ...any) {
	l.addf(Mistake, about, do, format, args...)
}

func (l *List) addf(level Level, about, do, format string, args ...any) {
	text := Printable(fmt.Sprintf(format, args...))
	kind := format
	if kind == "%v" || kind == "%s" {
		kind = text // an error, of which nothing is known
	}
	l.Found = append(l.Found, Finding{Level: level, Area: l.Area, About: Printable(about), Text: text, Do: Printable(do), Kind: kind})
}

// Printable makes text from a server or another client fit for a terminal: one line of valid text without control
// characters. Promise 9.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
