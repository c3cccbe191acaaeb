package status

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/lead"
)

// known is the input of problems besides a State.
type known struct {
	Live
	own error
}

func TestProblemsAreSentences(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := now.Add(-time.Hour)
	soon := now.Add(-time.Minute)
	fine := func() *State {
		return &State{Now: now, Database: Link{Online: true}, Broker: Link{Online: true},
			Remotes: []Remote{{Name: "hamburg", Online: true, Heard: &soon}}}
	}
	for name, c := range map[string]struct {
		change func(*State, *known)
		want   string
	}{
		"nothing is wrong": {func(*State, *known) {}, ""},
		"the database is away": {func(s *State, u *known) {
			s.Database = Link{Address: "db:3306", Since: ago, Error: "connection refused"}
			u.own, u.Trouble.Tables = errors.New("a consequence of that"), errors.New("another consequence")
		}, "The database at db:3306 has been unreachable since 2026-03-01 11:00:00 UTC (connection refused)."},
		"the broker is away, so nobody is heard": {func(s *State, _ *known) {
			s.Broker = Link{Since: ago}
			s.Remotes[0].Online = false
		}, "The broker has been unreachable since 2026-03-01 11:00:00 UTC."},
		"a remote is away": {func(s *State, _ *known) { s.Remotes[0].Online, s.Remotes[0].Heard = false, &ago },
			"hamburg has been offline since 2026-03-01 11:00:00 UTC."},
		"a remote never came": {func(s *State, _ *known) { s.Remotes[0].Online, s.Remotes[0].Heard = false, nil },
			"hamburg has not been heard since this node started."},
		"a remote had no time to be heard": {func(s *State, _ *known) {
			s.Remotes[0].Online, s.Remotes[0].Heard, s.Broker.Since = false, nil, now.Add(-29*time.Second)
		}, ""},
		"a remote does not come": {func(s *State, _ *known) {
			s.Remotes[0].Online, s.Remotes[0].Heard, s.Broker.Since = false, nil, now.Add(-31*time.Second)
		}, "hamburg has not been heard since this node started."},
		"the other clients are not a remote": {func(s *State, _ *known) { s.Remotes = []Remote{{Name: Anyone}} }, ""},
		"rows are refused":                   {func(s *State, _ *known) { s.Remotes[0].Errors = 12 }, "12 rows for hamburg are refused: mysql-sync errors says why."},
		"one row is refused":                 {func(s *State, _ *known) { s.Remotes[0].Errors = 1 }, "1 row for hamburg is refused: mysql-sync errors says why."},
		"the broker refuses a topic": {func(s *State, _ *known) {
			s.Broker = Link{Address: "b:1", Since: ago, Refused: true, Error: "subscribe /info: refused"}
		}, "The broker b:1 has refused this node since 2026-03-01 11:00:00 UTC (subscribe /info: refused)."},
		"the broker swallows what is sent": {func(s *State, _ *known) { s.Broker.Address, s.Broker.Error = "b:1", "/info: no echo" },
			"The others may not hear this node through the broker b:1 (/info: no echo)."},
		"the hub's configuration is refused": {func(s *State, _ *known) {
			s.Led = &lead.Standing{From: "hq", Profile: "store", Version: 1_764_335_000, Tried: 1_764_335_060, Refused: "table prices: it does not exist"}
		}, "This node refuses version 2025-11-28 13:04:20 of the profile store of hq, and keeps version 2025-11-28 13:03:20: table prices: it does not exist."},
		"no configuration came": {func(s *State, _ *known) {
			s.Led = &lead.Standing{From: "hq", Profile: "store", Why: "it runs an older version"}
		},
			"This node has not got its configuration (profile store) from hq yet, and keeps what its own file says: it runs an older version."},
		"the hub has no such profile any more": {func(s *State, _ *known) {
			s.Led = &lead.Standing{From: "hq", Profile: "store", Version: 1_764_335_000, Why: "hq has no profile store for store-1", Denied: true}
		}, "hq gives this node no configuration any more (profile store), and the node keeps version 2025-11-28 13:03:20: hq has no profile store for store-1."},
		"the hub does not answer for once": {func(s *State, _ *known) {
			s.Led = &lead.Standing{From: "hq", Profile: "store", Version: 1_764_335_000, Why: "the remote does not answer"}
		}, ""},
		"another profile gave nothing yet": {func(s *State, _ *known) {
			s.Led = &lead.Standing{From: "hq", Profile: "trial", Before: "profile store of hq, version 5", Asked: now}
		}, "This node has no configuration (profile trial) from hq yet, and keeps what it had before (profile store of hq, version 5): no version is released to it there."},
		"the hub's configuration is in use": {func(s *State, _ *known) { s.Led = &lead.Standing{From: "hq", Profile: "store", Version: 1_764_335_000} }, ""},
		"a site refuses what cannot be trusted": {func(s *State, _ *known) {
			s.Leads = []lead.Profile{{Name: "store", Version: 1_764_335_000, Sites: []lead.Report{{Site: "store-1", Version: 1_764_335_000}, {Site: "store-2", Refused: "it was forged"}}}}
		}, "store-2 refuses the profile store, and keeps what its own file says: it was forged."},
		"a site has what the hub has forgotten": {func(s *State, _ *known) {
			s.Leads = []lead.Profile{{Name: "store", Version: 1_764_335_000, Sites: []lead.Report{{Site: "store-1", Version: 1_764_335_060, Newer: true}}}}
		}, "store-1 has version 2025-11-28 13:04:20 of the profile store, which is newer than this node's (2025-11-28 13:03:20): this node was restored from a backup. " +
			"The site keeps its own until the profile is changed here, or mysql-sync lead --renew store gives it a new version."},
		"a clock is a little ahead": {func(_ *State, u *known) {
			u.Clients = map[string]Client{"hamburg": {Ahead: time.Second}}
		}, ""},
		"a clock is ahead": {func(_ *State, u *known) { u.Clients = map[string]Client{"hamburg": {Ahead: 3 * time.Minute}} },
			"The clock of hamburg is about 3m0s ahead of this node's, so its writes win over later ones: synchronize both with NTP."},
		"a clock is a little behind": {func(_ *State, u *known) {
			u.Clients = map[string]Client{"hamburg": {Behind: time.Second}}
		}, ""},
		"a clock is behind": {func(_ *State, u *known) { u.Clients = map[string]Client{"hamburg": {Behind: 3 * time.Minute}} },
			"The clock of hamburg is about 3m0s behind this node's, so its writes lose to earlier ones (or its messages take that long): synchronize both with NTP."},
		"writes cannot be captured": {func(_ *State, u *known) { u.Trouble.Capture = errors.New("read table_changes: no right") },
			"Local writes are not captured: read table_changes: no right."},
		"triggers may be missing": {func(_ *State, u *known) { u.Trouble.Tables = errors.New("no right") },
			"The tables and their triggers cannot be inspected, so writes may go uncaptured: no right."},
		"a transformer fails": {func(s *State, _ *known) {
			s.Transformers = []Transformer{{Table: "orders", File: "orders.js", Last: "orders.js:3: no", LastAt: &soon, LastRow: "7"}, {File: "items.js", LastAt: &ago}}
		}, "The transformer orders.js failed on row 7 of orders at 2026-03-01 11:59:00 UTC: orders.js:3: no."},
		"rows have vanished": {func(s *State, u *known) {
			u.Trouble.Vanished = map[string]time.Time{"orders": ago}
		}, "Rows of orders vanished without firing a trigger, as with TRUNCATE (noticed 2026-03-01 11:00:00 UTC): they stay at the remotes until they are deleted there; resync there, or verify --repair, brings them back."},
		"writes were not captured": {func(_ *State, u *known) { u.Trouble.Unseen = map[string]time.Time{"orders": ago} },
			"Writes to orders may have been missed while the node was down (noticed 2026-03-01 11:00:00 UTC): its rows were sent, but no deletes; mysql-sync verify shows the differences."},
		"tables differ": {func(s *State, _ *known) {
			s.Verified = []Comparison{{Table: "orders", Remote: "hamburg", At: ago, Differs: 3}, {Table: "items", Error: "away"}, {Equal: true}}
		}, "orders differs from that of hamburg in 3 rows (2026-03-01 11:00:00 UTC): mysql-sync verify --repair sends them."},
		"tables differ in a row": {func(s *State, _ *known) {
			s.Verified = []Comparison{{Table: "orders", Remote: "hamburg", At: ago, Differs: 1}}
		}, "orders differs from that of hamburg in 1 row (2026-03-01 11:00:00 UTC): mysql-sync verify --repair sends it."},
	} {
		s, u := fine(), known{}
		c.change(s, &u)
		if got := strings.Join(problems(s, &u.Live, u.own), "\n"); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}

func TestATransferReportsItsPace(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	var list []sample
	for i := range 60 {
		list = proceed(list, sample{at.Add(time.Duration(i) * time.Second), int64(i) * 100})
	}
	if rate, left := pace(list, 6900); rate != 100 || left != 10 || len(list) > 12 {
		t.Errorf("%d samples: %v rows a second, %v seconds left", len(list), rate, left)
	}
	list = proceed(list, sample{at.Add(time.Minute), 10}) // it was restarted
	if rate, left := pace(list, 6900); rate != 0 || left != 0 || len(list) != 1 {
		t.Errorf("%d samples: %v rows a second, %v seconds left", len(list), rate, left)
	}
}
