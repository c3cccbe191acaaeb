package status

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// read returns a configuration with three remotes and the contents of the own tables: rows wait for
// berlin, boston has everything, and the node never ran with cairo.
func read(now time.Time) (*config.Config, *own) {
	cfg := &config.Config{ClientName: "hamburg", RemoteClients: []string{"boston", "berlin", "cairo"}, SyncTables: []string{"orders", "items"},
		ReceiveTables: []string{"orders", "notes"}, InitialSync: "missing"}
	o := newOwn()
	o.streams[pair{"berlin", "orders"}] = outbox.Backlog{Table: "orders", Pending: 3, Oldest: now.Add(-time.Minute).UnixMicro()}
	o.streams[pair{"berlin", "items"}] = outbox.Backlog{Table: "items", Pending: 2, Refused: 1, Oldest: now.Add(time.Hour).UnixMicro()}
	o.whole = map[pair]bool{{"boston", "orders"}: true, {"boston", "items"}: true, {"berlin", "orders"}: true, {"berlin", "items"}: false}
	o.strange["cairo"] = true
	return cfg, o
}

// state builds a state; traffic is nil for a stopped node.
func state(cfg *config.Config, o *own, l *Live, traffic *Traffic, now time.Time) *State {
	s := about(cfg, Link{Online: true}, l, now)
	(&builder{s, cfg, o, l, traffic}).build()
	return s
}

func TestStoredStateIsTheSameForRunningAndStoppedNodes(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	cfg, o := read(now)
	stopped := state(cfg, o, &Live{}, nil, now)
	running := state(cfg, o, &Live{}, NewTraffic(func() time.Time { return now }, cfg.RemoteClients, []string{"items", "notes", "orders"}, false), now)
	of := func(s *State, remote string) (r Remote, streams []Stream) {
		for _, x := range s.Remotes {
			if x.Name == remote {
				r = x
			}
		}
		for _, x := range s.Streams {
			if x.Remote == remote && x.Table != "notes" { // receive-only: not reported by a stopped node
				streams = append(streams, x)
			}
		}
		return r, streams
	}
	for _, remote := range cfg.RemoteClients {
		r, streams := of(stopped, remote)
		r2, streams2 := of(running, remote)
		if !reflect.DeepEqual(r, r2) || !reflect.DeepEqual(streams, streams2) {
			t.Errorf("%s: stopped %+v %+v, running %+v %+v", remote, r, streams, r2, streams2)
		}
	}
	r, streams := of(stopped, "berlin")
	if r.Pending.Rows != 5 || r.Errors != 1 || r.Lag != 60 || r.NeverSent != 0 || streams[0].Standing != Pending {
		t.Errorf("berlin: %+v %+v", r, streams)
	}
	if r, streams := of(stopped, "cairo"); r.NeverSent != 2 || len(streams) != 0 {
		t.Errorf("cairo: %+v %+v", r, streams)
	}
	for _, s := range []*State{stopped, running} {
		if text, err := json.Marshal(s); err != nil || bytes.Contains(text, []byte("null")) {
			t.Errorf("an empty list is null: %s, %v", text, err)
		}
	}
}

func TestStateOfARunningNode(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	cfg, o := read(now)
	traffic := NewTraffic(func() time.Time { return now }, cfg.RemoteClients, []string{"items", "notes", "orders"}, true)
	l := &Live{
		Clients:  map[string]Client{"boston": {Online: true, Heard: now, Node: true, Batches: true, InFlight: 7, Key: "one"}, "berlin": {Heard: now}},
		Declines: func(remote, table string) bool { return remote == "berlin" && table == "items" },
		Found:    map[string]int64{"orders": 4}, Altered: map[string]int64{"notes": 2},
	}
	s := state(cfg, o, l, traffic, now)
	if len(s.Remotes) != 3 || s.Conflicts.Found != 4 || s.Tables[2].Conflicts != 4 || s.Tables[1].Altered != 2 {
		t.Fatalf("state %+v", s)
	}
	berlin, boston := s.Remotes[0], s.Remotes[1]
	if boston.Protocol != wire.Protocol || boston.InFlight != 7 || boston.Key != "one" || berlin.Protocol != 1 || berlin.Pending.Rows != 3 || berlin.Errors != 1 {
		t.Errorf("remotes %+v", s.Remotes)
	}
	standing := map[pair]string{}
	for _, x := range s.Streams {
		standing[pair{x.Remote, x.Table}] = x.Standing
	}
	for at, want := range map[pair]string{{"boston", "orders"}: InStep, {"boston", "notes"}: NotSent, {"berlin", "orders"}: Pending, {"berlin", "items"}: Refused} {
		if standing[at] != want {
			t.Errorf("%v: got %q, want %q", at, standing[at], want)
		}
	}
	traffic.Came("stranger", time.Time{})
	if s := state(cfg, o, l, traffic, now); len(s.Remotes) != 4 || s.Remotes[0].Name != Anyone {
		t.Errorf("after somebody else sent something, remotes %+v", s.Remotes)
	}
}
