package wire_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// summary is one in which everything is right.
func summary() *wire.Summary {
	now := time.Date(2026, 11, 28, 1, 40, 0, 0, time.UTC)
	return &wire.Summary{
		Client: "store-17", Version: "1.2.3", Started: now.Add(-time.Hour), Now: now,
		Database: wire.SummaryLink{Online: true, Server: "10.11.6-MariaDB", Since: now.Add(-time.Hour)}, Broker: wire.SummaryLink{Online: true, Since: now},
		Remotes: wire.Online{Online: 1, Total: 2}, Rows: wire.SummaryRows{Pending: 3, Oldest: now.Add(-time.Minute), Refused: 1},
		Verified: wire.Verified{At: now, Equal: 4, Differ: 1}, FreeDisk: 1 << 30, Pauses: []wire.SummaryPause{{Table: "orders", Until: now.Add(time.Hour), By: "hq (anna)", Reason: "new column"}},
		Problems: []string{"1 row for hub is refused: mysql-sync errors says why."},
	}
}

// roundTrip sends an answer with a summary, as bytes.
func roundTrip(t *testing.T, s *wire.Summary) (*wire.Summary, error) {
	t.Helper()
	b, err := wire.Answer{ID: 7, Summary: s}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	_, a, err := wire.ParseVerify(b)
	if err != nil {
		return nil, err
	}
	return a.Summary, a.Summary.Check("store-17")
}

func TestASummaryArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	want := summary()
	got, err := roundTrip(t, want)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if string(a) != string(b) {
		t.Errorf("%s arrives as %s", a, b)
	}
}

func TestHostileSummariesAreRefused(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(s *wire.Summary){
		"another client":          func(s *wire.Summary) { s.Client = "store-18" },
		"no client":               func(s *wire.Summary) { s.Client = "" },
		"a control character":     func(s *wire.Summary) { s.Problems[0] = "all is \x1b[2Jwell" },
		"a line break":            func(s *wire.Summary) { s.Version = "1\n2" },
		"text that turns around":  func(s *wire.Summary) { s.Database.Server = "10\u202e" },
		"a long problem":          func(s *wire.Summary) { s.Problems[0] = strings.Repeat("x", wire.MostSummaryText+1) },
		"a long version":          func(s *wire.Summary) { s.Version = strings.Repeat("x", 65) },
		"nine problems":           func(s *wire.Summary) { s.Problems = strings.Split("a b c d e f g h i", " ") },
		"problems without end":    func(s *wire.Summary) { s.Problems = strings.Split(strings.Repeat("x", 5000), "") },
		"more than 4 KiB":         func(s *wire.Summary) { s.Broker.Server = strings.Repeat("x", 5000) },
		"a negative number":       func(s *wire.Summary) { s.Rows.Pending = -1 },
		"a number beyond JSON's":  func(s *wire.Summary) { s.Rows.Refused = 1 << 60 },
		"the largest number":      func(s *wire.Summary) { s.FreeDisk = 1<<63 - 1 },
		"no clock":                func(s *wire.Summary) { s.Now = time.Time{} },
		"a clock of another age":  func(s *wire.Summary) { s.Now = s.Now.AddDate(5000, 0, 0) },
		"a start before all time": func(s *wire.Summary) { s.Started = time.Date(1, 2, 3, 0, 0, 0, 0, time.UTC) },
		"an oldest row of then":   func(s *wire.Summary) { s.Rows.Oldest = time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC) },
		"five pauses":             func(s *wire.Summary) { s.Pauses = make([]wire.SummaryPause, 5) },
		"a pause without sense":   func(s *wire.Summary) { s.Pauses[0].Reason = "all is \x1b[2Jwell" },
		"a pause by a long name":  func(s *wire.Summary) { s.Pauses[0].By = strings.Repeat("x", 65) },
		"a pause for ages":        func(s *wire.Summary) { s.Pauses[0].Until = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a comparison to come":    func(s *wire.Summary) { s.Verified.At = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		s := summary()
		if spoil(s); s.Problems == nil {
			t.Fatal(what)
		}
		if _, err := roundTrip(t, s); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	for _, text := range []string{`{"answer":{"id":"1","summary":[]}}`, `{"answer":{"id":"1","summary":{"now":5}}}`, `{"answer":{"id":"1","summary":{"freeDisk":1e99}}}`} {
		if _, _, err := wire.ParseVerify([]byte(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
	if _, a, err := wire.ParseVerify([]byte(`{"answer":{"id":"1","summary":null}}`)); err != nil || a.Summary != nil {
		t.Errorf("null is %+v, %v", a, err)
	}
}

// What a node fits is accepted, whatever its database, its paths and its errors have in them.
func TestAFittedSummaryIsAccepted(t *testing.T) {
	t.Parallel()
	for _, problem := range []string{"short", strings.Repeat("long ", 100), strings.Repeat("\x00\xff<&>", 50), strings.Repeat("界", 300), "two\nlines\u202e"} {
		s := summary()
		s.Version, s.Database.Server = problem, problem
		s.Pauses = nil
		for range 6 {
			s.Pauses = append(s.Pauses, wire.SummaryPause{Remote: problem, Table: problem, By: problem, Reason: problem})
		}
		s.Problems = nil
		for range 20 {
			s.Problems = append(s.Problems, problem)
		}
		s.Fit()
		got, err := roundTrip(t, s)
		if err != nil {
			t.Errorf("%.20q: %v", problem, err)
			continue
		}
		if len(got.Pauses) == 0 {
			t.Errorf("%.20q: no pause is left", problem)
		}
		if n := len(got.Problems); n == 0 || n+got.More != 20 {
			t.Errorf("%.20q: %d problems and %d more", problem, n, got.More)
		}
	}
}
