package status

import (
	"errors"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/paused"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// played are stages that report what a test sets.
type played struct {
	trouble   error
	altered   []apply.Altered
	conflicts []apply.Conflicts
	scripts   []transform.Stats
	loop      string
	since     time.Time
	senders   map[string]time.Time // when each began its step
}

func (p *played) Trouble() error                    { return p.trouble }
func (*played) Denied() []capture.Denied            { return nil }
func (*played) How() capture.How                    { return capture.How{By: "log"} }
func (*played) Uncaptured() []string                { return []string{"notes"} }
func (*played) AllAside() []schema.Aside            { return []schema.Aside{{Table: "items"}} }
func (p *played) Stats() []transform.Stats          { return p.scripts }
func (*played) Failing(time.Time) error             { return nil }
func (p *played) Conflicts() []apply.Conflicts      { return p.conflicts }
func (p *played) Altered() []apply.Altered          { return p.altered }
func (*played) Stuck() []apply.Stuck                { return nil }
func (p *played) Longest() (string, time.Time)      { return p.loop, p.since }
func (*played) Asking() []sites.Waiting             { return nil }
func (*played) SetBack() *time.Time                 { return nil }
func (*played) All() paused.Set                     { return nil }
func (*played) Of(kind string) map[string]time.Time { return map[string]time.Time{kind: {}} }
func (p *played) Each(see func(string, int, time.Time, time.Time)) {
	for remote, busy := range p.senders {
		see(remote, 7, time.Time{}, busy)
	}
}

// told returns what the stages report for a node that knows two clients.
func (p *played) told(now time.Time) Live {
	l := Live{Clients: map[string]Client{"berlin": {Online: true}, "bonn": {}}}
	Stages{Capture: p, Watcher: p, Tables: p, Transformers: p, Applier: p, Receiver: p, Senders: p, Doubts: p, Pauses: p, Joining: p,
		Leads: &lead.Desk{}, Follower: lead.NewFollower(lead.FollowerConfig{Node: &config.Config{}})}.tell(&l, now)
	return l
}

func TestTheLongestStepIsReported(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	for name, c := range map[string]struct {
		p    played
		want Step
	}{
		"nothing":                      {played{}, Step{}},
		"a receiver loop":              {played{loop: "rounds", since: ago(5)}, Step{Loop: "rounds", Seconds: 5}},
		"a sender":                     {played{senders: map[string]time.Time{"berlin": ago(3), "bonn": {}}}, Step{Loop: "outbound to berlin", Seconds: 3}},
		"a sender, for longer":         {played{loop: "rounds", since: ago(5), senders: map[string]time.Time{"bonn": ago(9)}}, Step{Loop: "outbound to bonn", Seconds: 9}},
		"a sender, for a shorter time": {played{loop: "rounds", since: ago(5), senders: map[string]time.Time{"bonn": ago(4)}}, Step{Loop: "rounds", Seconds: 5}},
	} {
		if l := c.p.told(now); l.Step != c.want {
			t.Errorf("%s: %+v, want %+v", name, l.Step, c.want)
		}
	}
}

func TestSenderAndMeshStatesAreMerged(t *testing.T) {
	t.Parallel()
	l := (&played{senders: map[string]time.Time{"berlin": {}}}).told(time.Now())
	if c := l.Clients["berlin"]; !c.Online || c.InFlight != 7 {
		t.Errorf("berlin: %+v", c)
	}
	if c := l.Clients["bonn"]; c.InFlight != 0 {
		t.Errorf("bonn: %+v", c)
	}
}

func TestOnlyRowsChangedByUserTriggersAreReported(t *testing.T) {
	t.Parallel()
	at := time.Now()
	p := &played{
		trouble:   errors.New("no table"),
		conflicts: []apply.Conflicts{{Table: "orders", Count: 2}, {Table: "orders", Count: 3}},
		altered:   []apply.Altered{{Table: "orders", Column: "name", Count: 4}, {Table: "orders", Column: "at", Trigger: true, Count: 5}},
		scripts:   []transform.Stats{{Table: "orders", Calls: 2}, {Table: "items", Errors: 1, LastAt: at}},
	}
	l := p.told(at)
	if l.Found["orders"] != 5 || l.Altered["orders"] != 9 {
		t.Errorf("found %v, altered %v", l.Found, l.Altered)
	}
	if x := l.Trouble.Triggers; len(x) != 1 || x[0].Column != "at" {
		t.Errorf("triggers: %+v", x)
	}
	if x := l.Transformers; len(x) != 2 || x[0].LastAt != nil || x[1].LastAt == nil || !x[1].LastAt.Equal(at) {
		t.Errorf("transformers: %+v", x)
	}
	if !errors.Is(l.Trouble.Tables, p.trouble) || len(l.Trouble.Unarmed) != 1 || len(l.Trouble.Held) != 1 || len(l.Trouble.Vanished) != 1 || len(l.Trouble.Unseen) != 1 {
		t.Errorf("trouble: %+v", l.Trouble)
	}
}
