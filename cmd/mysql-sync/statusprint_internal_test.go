package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// full is a state with something of everything, and texts that a malicious remote could send.
func full() seen {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	before := func(d time.Duration) *time.Time { t := now.Add(-d); return &t }
	return seen{Running: true, State: &status.State{
		Client: "berlin", Version: "1.0", Started: *before(3*time.Hour + 20*time.Minute), Now: now, LogLevel: "info",
		Database: status.Link{Online: true, Address: "127.0.0.1:3306", Server: "10.11", Since: *before(time.Hour)},
		Broker:   status.Link{Address: "broker:1883", Since: *before(90 * time.Second), Error: "refused\x1b[2J"},
		Remotes: []status.Remote{
			{Name: "boston", Online: true, Protocol: 2, Pending: status.Count{Rows: 1234567, AtLeast: true}, Errors: 2, Oldest: before(65 * time.Second), Lag: 65,
				Sent: status.Rate{PerSecond: 37000.4}, Received: status.Rate{PerSecond: 0.3}, InFlight: 500, Key: "2026-11"},
			{Name: "paris", Met: true},
		},
		Tables:  []status.Table{{Name: "orders", Sends: true, Receives: true, Policy: "lastWriteWins"}, {Name: "items", Receives: true, Policy: "priority"}},
		Streams: []status.Stream{{Table: "orders", Remote: "boston", Pending: status.Count{Rows: 7}, Errors: 2, Last: before(3 * time.Second)}, {Table: "orders", Remote: "paris", Pending: status.Count{Rows: 5}}, {Table: "items", Remote: "paris", KeptBack: true}},
		Transfers: []status.Transfer{{Table: "orders", Remote: "boston", Mode: "missing", Done: 450000, Total: 1000000, Rate: 37000, Left: 15},
			{Table: "items", Remote: "boston", Mode: "all", Done: 10, Total: 10, Finished: before(time.Minute)}},
		Transformers: []status.Transformer{{File: "orders.js", Errors: 1, Last: "orders.js:3: no\nway", LastAt: before(time.Minute), LastRow: "17"}},
		Conflicts:    status.Conflicts{Kept: 1},
		Uncaptured:   status.Count{Rows: 3},
		Capture:      status.Captured{By: "trigger", Instead: []string{"binlog_format: it is MIXED"}},
		Problems:     []string{"the clock of \x1b]0;paris is wrong"},
	}}
}

func TestStatusShowsEverything(t *testing.T) {
	var b strings.Builder
	full().print(&b, screen{})
	for _, want := range []string{
		"berlin  running for 3 h 20 min, version 1.0", "database  online for 1 h 0 min  127.0.0.1:3306  10.11", "broker    away for 1 min 30 s  broker:1883: refused?[2J",
		"boston  online  >1,234,567       2  1 min 5 s  37,000         0.3        500  2", "2026-11",
		"orders  both ways       12       2", "3.0 s ago", "items   receives",
		"orders    boston  45 %  450,000 of about 1,000,000  37,000  15 s  what is missing",
		"paris does not accept items: rows are held back until it does",
		"1 version that lost a conflict is kept", "3 changes are not recorded yet", "triggers notice local writes, since the server's log cannot be read: binlog_format: it is MIXED", "✗ the clock of ?]0;paris is wrong",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("control characters in\n%q", b.String())
	}
}

// What a node's problems say is not repeated; a stopped node has none.
func TestStatusRepeatsNothing(t *testing.T) {
	f := full()
	f.Problems = []string{"2 rows for boston are refused: mysql-sync errors says why.", "The transformer orders.js failed on row 17 of orders: no."}
	f.Conflicts = status.Conflicts{Kept: 10000, AtLeast: true}
	var b strings.Builder
	f.print(&b, screen{})
	for part, times := range map[string]int{"refused:": 1, "orders.js": 1, ">10,000 versions that lost a conflict are kept": 1} {
		if n := strings.Count(b.String(), part); n != times {
			t.Errorf("%q occurs %d times:\n%s", part, n, b.String())
		}
	}
	f.Running, f.Problems, f.note = false, nil, "x"
	b.Reset()
	f.print(&b, screen{})
	if !strings.Contains(b.String(), "2 rows are refused: mysql-sync errors") {
		t.Errorf("missing for a stopped node:\n%s", b.String())
	}
}

func TestNumbersAndTimesAreReadable(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0.0 s", 1500 * time.Millisecond: "1.5 s", 59 * time.Second: "59 s", time.Minute: "1 min 0 s",
		47*time.Hour + 59*time.Minute: "47 h 59 min", 50 * time.Hour: "2 days 2 h"} {
		if got := command.Span(d); got != want {
			t.Errorf("command.Span(%v) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := command.Number(n); got != want {
			t.Errorf("command.Number(%d) = %q, want %q", n, got, want)
		}
	}
}

// A hub whose sites are named by a pattern has no remote until one has joined.
func TestStatusWithoutRemotes(t *testing.T) {
	f := full()
	f.Remotes, f.Streams = nil, nil
	var b strings.Builder
	f.print(&b, screen{})
	if want := "there is no remote: none is named in the configuration, and no site has joined"; !strings.Contains(b.String(), want) {
		t.Errorf("%q is not in\n%s", want, b.String())
	}
}

func TestFleetNamesPauses(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC)
	there := fleet.Pause{SummaryPause: wire.SummaryPause{By: "hq (anna)", Reason: "stock\x1b[2Jtaking", Until: now.Add(time.Hour)}}
	here := fleet.Pause{Here: true, SummaryPause: wire.SummaryPause{Remote: "store-2", Table: "orders"}}
	own := here
	own.Here = false
	sites := []*fleet.Site{{Name: "store-1", Standing: fleet.Paused, Pauses: []fleet.Pause{there}}, {Name: "store-2", Standing: fleet.Paused, Pauses: []fleet.Pause{here}},
		{Name: "hq", Own: true, Standing: fleet.Paused, Pauses: []fleet.Pause{own}}}
	var b bytes.Buffer
	printFleet(&b, screen{}, &fleet.Fleet{Client: "hq", Now: now, Sites: sites}, 3)
	said := b.String()
	for text, times := range map[string]int{"3 sites: 3 with pauses": 1, "paused at store-1: everything, until 2026-11-29 21:00:00 (1 h 0 min), by hq (anna): stock": 1, "paused at hq: orders to store-2, until it is resumed": 1, "\x1b": 0} {
		if n := strings.Count(said, text); n != times {
			t.Errorf("%q is there %d times in\n%s", text, n, said)
		}
	}
	b.Reset()
	printFleet(&b, screen{}, &fleet.Fleet{Client: "hq", Now: now, Sites: sites[1:2]}, 3)
	if said := b.String(); !strings.Contains(said, "paused at hq: orders to store-2") {
		t.Error(said)
	}
}

// What many sites have is said once, so that it does not hide what the others say.
func TestFleetSaysOnceWhatManySitesHave(t *testing.T) {
	t.Parallel()
	f := &fleet.Fleet{Client: "hq", Now: time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC)}
	for i := range 300 {
		f.Sites = append(f.Sites, &fleet.Site{Name: fmt.Sprintf("store-%d", i+1), Standing: fleet.Offline, Why: "this node does not reach the broker"})
	}
	f.Sites = append(f.Sites, &fleet.Site{Name: "hq", Own: true, Standing: fleet.Problems, Told: &fleet.Told{Summary: wire.Summary{Problems: []string{"The broker is unreachable."}}}})
	var b bytes.Buffer
	printFleet(&b, screen{}, f, len(f.Sites))
	_, said, _ := strings.Cut(b.String(), "✗")
	if want := " store-1, store-2, store-3 and 297 more: this node does not reach the broker\n✗ hq: The broker is unreachable.\n"; said != want {
		t.Errorf("%q, want %q", said, want)
	}
}
