package status

import (
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/paused"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// Stages are the parts of a working node, as far as its state is read from them.
type Stages struct {
	Line
	Capture      Capture
	Watcher      Watcher
	Tables       Tables
	Transformers Transformers
	Applier      Applier
	Receiver     Receiver
	Senders      Senders
	Doubts       Doubts
	Pauses       Pauses
	Joining      Joining
	Leads        Leads
	Follower     Follower
}

// Capture records local writes; see capture.Capture.
type Capture interface {
	Failing(now time.Time) error
}

// Watcher checks the tables; see capture.Told.
type Watcher interface {
	How() capture.How
	Trouble() error
	Denied() []capture.Denied
	Uncaptured() []string
}

// Tables are the tables of the database; see schema.Tables.
type Tables interface{ AllAside() []schema.Aside }

// Transformers are the users' scripts; see transform.Transformers.
type Transformers interface{ Stats() []transform.Stats }

// Applier writes received rows; see apply.Applier.
type Applier interface {
	Conflicts() []apply.Conflicts
	Altered() []apply.Altered
	Stuck() []apply.Stuck
}

// Receiver takes messages in; see receive.Receiver.
type Receiver interface {
	Longest() (loop string, since time.Time)
}

// Senders send; see deliver.Senders.
type Senders interface {
	Each(see func(remote string, inFlight int, mute, busy time.Time))
}

// Doubts are what the node is unsure of; see doubt.Doubts.
type Doubts interface {
	SetBack() *time.Time
	Of(kind string) map[string]time.Time
}

// Pauses are what people have paused; see paused.Pauses.
type Pauses interface{ All() paused.Set }

// Joining is where sites ask to join; see sites.Desk.
type Joining interface{ Asking() []sites.Waiting }

// Leads are what the node leads others by; see lead.Desk.
type Leads interface{ Look() []lead.Profile }

// Follower takes a part of the configuration from a hub; see lead.Follower.
type Follower interface{ Look() *lead.Standing }

// Live tells what goes on in a node that works.
func (n Stages) Live(clients []string, now time.Time) Live {
	l := n.Line.Live(clients, now)
	n.tell(&l, now)
	return l
}

// tell adds what the stages tell.
func (n Stages) tell(l *Live, now time.Time) {
	l.SetBack, l.Paused = n.Doubts.SetBack(), n.Pauses.All()
	l.Capture = Captured(n.Watcher.How())
	l.Found, l.Altered = map[string]int64{}, map[string]int64{}
	for _, c := range n.Applier.Conflicts() {
		l.Found[c.Table] += int64(c.Count)
	}
	altered := n.Applier.Altered()
	for _, x := range altered {
		l.Altered[x.Table] += int64(x.Count)
	}
	for _, t := range n.Transformers.Stats() {
		x := Transformer{Table: t.Table, File: t.File, Calls: t.Calls, Errors: t.Errors, Last: t.Last, LastRow: t.LastRow}
		if !t.LastAt.IsZero() {
			x.LastAt = &t.LastAt
		}
		l.Transformers = append(l.Transformers, x)
	}
	l.Trouble.Capture = n.Capture.Failing(now)
	l.Trouble.Tables, l.Trouble.Denied, l.Trouble.Unarmed = n.Watcher.Trouble(), n.Watcher.Denied(), n.Watcher.Uncaptured()
	l.Trouble.Vanished, l.Trouble.Unseen = n.Doubts.Of(schema.DoubtVanished), n.Doubts.Of(schema.DoubtUnseen)
	l.Trouble.Asking = n.Joining.Asking()
	l.Trouble.Stuck, l.Trouble.Held = n.Applier.Stuck(), n.Tables.AllAside()
	l.Trouble.Triggers = slices.DeleteFunc(altered, func(x apply.Altered) bool { return !x.Trigger })
	l.Led, l.Leads = n.Follower.Look(), n.Leads.Look()
	n.sending(l, now)
}

// sending adds what the senders tell, and the step that is taking longest.
func (n Stages) sending(l *Live, now time.Time) {
	loop, since := n.Receiver.Longest()
	n.Senders.Each(func(remote string, inFlight int, mute, busy time.Time) {
		c := l.Clients[remote]
		c.InFlight, c.Mute = inFlight, mute
		l.Clients[remote] = c
		if !busy.IsZero() && (since.IsZero() || busy.Before(since)) {
			loop, since = "outbound to "+remote, busy
		}
	})
	if !since.IsZero() {
		l.Step = Step{Loop: loop, Seconds: now.Sub(since).Seconds()}
	}
}
