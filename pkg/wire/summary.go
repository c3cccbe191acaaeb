package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of a Summary. Promise 10.
const (
	MostSummary         = 4 << 10 // bytes of the message that has it
	MostSummaryProblems = 8
	MostSummaryPauses   = 4
	MostSummaryText     = 200 // characters of a problem
	mostSummaryName     = 64  // characters of a version
	mostSummaryCount    = 1 << 53
)

// Summary is what a node tells about itself to the partners that ask (AskSummary): enough for one line of a list of sites,
// and no row. All times are by its own clock.
type Summary struct {
	Client   string         `json:"client"`
	Version  string         `json:"version"` // of the program
	Started  time.Time      `json:"started"`
	Now      time.Time      `json:"now"`
	Database SummaryLink    `json:"database"`
	Broker   SummaryLink    `json:"broker"`
	Remotes  Online         `json:"remotes"` // that it sends to, or accepts from
	Rows     SummaryRows    `json:"rows"`
	Verified Verified       `json:"verified,omitzero"` // its last comparisons
	Sending  int            `json:"sending,omitempty"` // tables being sent as a whole
	FreeDisk int64          `json:"freeDisk"`          // bytes in its queueDirectory; -1: unknown
	Pauses   []SummaryPause `json:"pauses,omitempty"`  // of what it sends
	Problems []string       `json:"problems,omitempty"`
	More     int            `json:"more,omitempty"`    // problems that did not fit
	Actions  []string       `json:"actions,omitempty"` // what the asker may do there; see Act
}

// SummaryPause is something that a person has paused.
type SummaryPause struct {
	Remote string    `json:"remote,omitempty"` // "": all
	Table  string    `json:"table,omitempty"`  // "": all
	Until  time.Time `json:"until,omitzero"`   // zero: until it is resumed
	By     string    `json:"by,omitempty"`     // who paused it from afar; "": someone there
	Reason string    `json:"reason,omitempty"`
}

// SummaryLink is a connection to a server.
type SummaryLink struct {
	Online bool      `json:"online"`
	Server string    `json:"server,omitempty"` // name and version
	Since  time.Time `json:"since"`            // of being online, or not
}

// Online is how many are online.
type Online struct {
	Online int `json:"online"`
	Total  int `json:"total"`
}

// SummaryRows are numbers of rows. Nodes count only up to a bound.
type SummaryRows struct {
	Pending    int64     `json:"pending"`         // for all remotes
	Oldest     time.Time `json:"oldest,omitzero"` // when the oldest of these was written; zero: none is pending
	Refused    int64     `json:"refused"`         // by its remotes
	Conflicts  int64     `json:"conflicts"`       // kept
	Uncaptured int64     `json:"uncaptured"`
	AtLeast    bool      `json:"atLeast,omitempty"` // there are more pending ones
}

// Verified are a node's last comparisons of its tables with remotes.
type Verified struct {
	At     time.Time `json:"at"` // the latest of them
	Equal  int       `json:"equal"`
	Differ int       `json:"differ"`
}

// Fit makes a summary one that Check accepts: it shortens texts, replaces what is no text, and drops problems and pauses that do
// not fit.
func (s *Summary) Fit() {
	s.Version, s.Database.Server, s.Broker.Server = Plain(s.Version, mostSummaryName), Plain(s.Database.Server, mostSummaryName), Plain(s.Broker.Server, mostSummaryName)
	s.Pauses = slices.Clone(s.Pauses[:min(len(s.Pauses), MostSummaryPauses)])
	for i := range s.Pauses {
		p := &s.Pauses[i]
		p.Remote, p.Table, p.By, p.Reason = Plain(p.Remote, mostSummaryName), Plain(p.Table, mostSummaryName), Plain(p.By, mostSummaryName), Plain(p.Reason, mostSummaryName)
	}
	for b, err := json.Marshal(s.Pauses); err != nil || len(b) > MostSummary/2; b, err = json.Marshal(s.Pauses) {
		s.Pauses = s.Pauses[:len(s.Pauses)-1] // one alone fits
	}
	all := len(s.Problems) + s.More
	kept := make([]string, 0, MostSummaryProblems)
	for _, p := range s.Problems[:min(len(s.Problems), MostSummaryProblems)] {
		kept = append(kept, Plain(p, MostSummaryText))
	}
	for s.Problems = kept; ; s.Problems = s.Problems[:len(s.Problems)-1] {
		s.More = all - len(s.Problems)
		b, err := Answer{ID: 1<<64 - 1, Summary: s}.Encode()
		if len(s.Problems) == 0 || err == nil && len(b) <= MostSummary {
			return
		}
	}
}

// Check returns what is wrong with a summary that claims to be of a client: nothing in it is trusted. Promise 9.
func (s *Summary) Check(client string) error {
	switch {
	case s.Client != client:
		return fmt.Errorf("summary: it is of %.40q, and was sent by %s", s.Client, client)
	case len(s.Problems) > MostSummaryProblems:
		return errors.New("summary: too many problems")
	case len(s.Pauses) > MostSummaryPauses:
		return errors.New("summary: too many pauses")
	case len(s.Actions) > mostActions || slices.ContainsFunc(s.Actions, func(a string) bool { return !isPlain(a, mostAction) }):
		return errors.New("summary: the actions are not valid")
	}
	for _, n := range []int64{s.Rows.Pending, s.Rows.Refused, s.Rows.Conflicts, s.Rows.Uncaptured, int64(s.Remotes.Online), int64(s.Remotes.Total),
		int64(s.Verified.Equal), int64(s.Verified.Differ), int64(s.Sending), int64(s.More), s.FreeDisk + 1} {
		if n < 0 || n > mostSummaryCount {
			return fmt.Errorf("summary: the number %d is out of range", n)
		}
	}
	for _, t := range []time.Time{s.Started, s.Now, s.Database.Since, s.Broker.Since} {
		if !dated(t) {
			return errors.New("summary: a time is missing or out of range")
		}
	}
	for _, t := range []time.Time{s.Rows.Oldest, s.Verified.At} {
		if !t.IsZero() && !dated(t) {
			return errors.New("summary: a time is out of range")
		}
	}
	names := []string{s.Version, s.Database.Server, s.Broker.Server}
	for _, p := range s.Pauses {
		if !p.Until.IsZero() && !dated(p.Until) {
			return errors.New("summary: a time is out of range")
		}
		names = append(names, p.Remote, p.Table, p.By, p.Reason)
	}
	for _, x := range names {
		if !isPlain(x, mostSummaryName) {
			return errors.New("summary: a name is too long, or has characters that are not text")
		}
	}
	for _, p := range s.Problems {
		if !isPlain(p, MostSummaryText) {
			return errors.New("summary: a problem is too long, or has characters that are not text")
		}
	}
	return nil
}

// UnmarshalJSON reads a summary; null is none.
func (s *Summary) UnmarshalJSON(b []byte) error {
	type fields Summary // without this method
	x := fields{FreeDisk: -1}
	if err := json.Unmarshal(b, &x); err != nil {
		return err
	}
	*s = Summary(x)
	return nil
}

// dated reports whether a time can be that of a computer which runs: the bounds also keep differences within a Duration.
func dated(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 2200 }

// Plain returns the first characters of a text, with a mark for each that is no text: at most most of them.
func Plain(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unprintable(r):
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

func isPlain(s string, most int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= most && strings.IndexFunc(s, unprintable) < 0
}

// unprintable reports whether a character is a control, or changes the direction of the text around it.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029'
}
