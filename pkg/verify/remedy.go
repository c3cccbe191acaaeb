package verify

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Repair is what this node does about rows of a table that differ from a remote's.
type Repair struct {
	Remote string
	Origin string // of the node's own writes
	Now    int64  // µs since 1970
	Syncs  bool   // the table is sent; otherwise it is only received
	// Transformed says that the rows are changed on their way: what the remote wrote last itself does not go back to it.
	Transformed bool
}

// Unequal is a row that differs.
type Unequal struct {
	change.Row
	Kind    string         // as Sides.Verdict says
	Pending bool           // a change of it is on its way
	Ours    change.Version // as it was compared
	Theirs  change.Version // the remote's
}

// Rows is a transaction in which rows are repaired: on a server or, in a simulation, in memory.
type Rows interface {
	States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error)
	Fates(ctx context.Context, rows []change.Row) (map[change.Row]version.Fate, error)
	// NotTheirs returns those of the rows, by key, that exist here and that a remote does not have by the routes.
	NotTheirs(ctx context.Context, rows []change.Row, remote string) (map[string]bool, error)
	Write(ctx context.Context, entries []version.Entry) error
	Forget(ctx context.Context, rows []change.Row) error
	Mark(ctx context.Context, rows []change.Row, remote string) error
	// MarkLost marks rows that the remote has, and has to give back.
	MarkLost(ctx context.Context, rows []change.Row, remote string) error
}

// Resend marks rows for a remote. Rows whose version the remote has too, though not the row, get a new one, which is
// news for all remotes: a remote that holds the previous version would otherwise take one that knows of the new one for
// a rival, or write one that loses to it. Promise 3. A row that is missing here is marked if its version is later than
// the remote's: it was deleted. If the versions are the same, or the row existed with that version, it was not deleted,
// and what is known of it is forgotten, so that the remote's row is news. The same goes for a row of a table that is
// only received. A row that has got another version since it was compared is left alone: it may be deleted, or back, and
// that is news by itself.
func (p *Repair) Resend(ctx context.Context, in Rows, differ []Unequal, positions func(n int) int64) error {
	var rows, missing []change.Row
	for i := range differ {
		rows = append(rows, differ[i].Row)
		if differ[i].Kind == MissingHere {
			missing = append(missing, differ[i].Row)
		}
	}
	states, err := in.States(ctx, rows)
	if err != nil {
		return err
	}
	fates, err := in.Fates(ctx, missing)
	if err != nil {
		return err
	}
	others, err := in.NotTheirs(ctx, rows, p.Remote)
	if err != nil {
		return err
	}
	var next []version.Entry
	var due, surplus, vanished []change.Row
	first := positions(len(rows))
	for i, r := range rows {
		switch p.remedy(&differ[i], states[r], fates[r], others[r.Key]) {
		case renew:
			next = append(next, version.Entry{Row: r, State: conflict.Next(states[r], p.Now, p.Origin), Position: first + int64(i), Fate: version.There})
		case resend:
			due = append(due, r)
		case withdraw:
			surplus = append(surplus, r)
		case forget:
			vanished = append(vanished, r)
		case leave:
		}
	}
	if err := in.Write(ctx, next); err != nil {
		return err
	}
	if err := in.Forget(ctx, vanished); err != nil {
		return err
	}
	if err := in.MarkLost(ctx, surplus, p.Remote); err != nil {
		return err
	}
	return in.Mark(ctx, due, p.Remote)
}

// remedy is what is done about a row.
type remedy uint8

const (
	leave    remedy = iota // the other side's is sent, or a change of it is on its way
	resend                 // as it is
	withdraw               // the remote gives it back
	renew                  // under a new version, to all remotes
	forget                 // what is known of it, so that the remote's is news
)

// remedy decides about a row that is in a state here and, if it is missing here, had a fate. notTheirs says that the
// remote does not have it by the routes.
func (p *Repair) remedy(d *Unequal, s change.State, fate version.Fate, notTheirs bool) remedy {
	here, same := d.Kind != MissingHere, s.Version == d.Theirs
	theirOwn := p.Transformed && s.WrittenBy(p.Remote) // it does not go back through a transformer
	switch {
	case notTheirs && d.Kind != MissingThere:
		return withdraw
	case notTheirs:
		return resend
	case s.Version != d.Ours: // it has moved on since it was compared, which is news for all
		return leave
	case d.Kind == Differs && same && (theirOwn || !p.Syncs): // no one would learn of a new version
		return unless(d.Pending, forget)
	case here && same && p.Syncs:
		return renew
	case !here && fate.Elsewhere() && !d.Pending:
		return forget
	case here, s.Version.Compare(d.Theirs) > 0:
		return resend
	case same:
		return unless(d.Pending, forget)
	}
	return leave
}

// unless returns what to do about a row of which no change is on its way.
func unless(pending bool, r remedy) remedy {
	if pending {
		return leave
	}
	return r
}

// Given reports whether a remote that asks for a row is sent it. One that is missing is sent as a delete if it was
// deleted, as far as is known here.
func Given(here bool, s change.State, fate version.Fate) bool {
	return here || !s.Version.IsZero() && !fate.Elsewhere()
}
