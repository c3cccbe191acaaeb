package check

import (
	"fmt"
	"strings"
	"unicode"
)

// Level says how much a finding matters.
type Level string

// The levels. A node with a mistake does not start, or does not do all its work;
// one with warnings does.
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

// Finding is one thing that was looked at. It holds no secret.
type Finding struct {
	Level Level  `json:"level"`
	Area  string `json:"area"`         // one of the Area constants
	About string `json:"about"`        // a key of the configuration, a table, a remote …
	Text  string `json:"text"`         // what was found, and what it means
	Do    string `json:"do,omitempty"` // what to do about it: a sentence, or statements of SQL

	// Kind is the same in findings that say the same of other things, as of other tables.
	Kind string `json:"-"`
}

// The areas, in the order in which they are looked at.
const (
	AreaConfiguration = "configuration"
	AreaFiles         = "files"
	AreaTransformers  = "transformers"
	AreaDatabase      = "database"
	AreaPrivileges    = "privileges"
	AreaTables        = "tables"
	AreaBroker        = "broker"
	AreaRemotes       = "remotes"
)

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

// findings collects those of one area.
type findings struct {
	area string
	list []Finding
}

func (f *findings) right(about, format string, args ...any) {
	f.add(Right, about, "", format, args...)
}

func (f *findings) warn(about, do, format string, args ...any) {
	f.add(Warning, about, do, format, args...)
}

func (f *findings) wrong(about, do, format string, args ...any) {
	f.add(Mistake, about, do, format, args...)
}

func (f *findings) add(level Level, about, do, format string, args ...any) {
	text := printable(fmt.Sprintf(format, args...))
	kind := format
	if kind == "%v" || kind == "%s" {
		kind = text // an error, of which nothing is known
	}
	f.list = append(f.list, Finding{Level: level, Area: f.area, About: printable(about), Text: text, Do: printable(do), Kind: kind})
}

// printable makes what may come from a server or another client fit for a
// terminal: one line of valid text without control characters. Promise 9.
func printable(s string) string {
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
