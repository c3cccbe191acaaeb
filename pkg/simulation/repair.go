package simulation

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/verify"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// repair makes each node repair its tables with each of its remotes, as verify --repair does.
func (w *world) repair() {
	for _, n := range w.nodes {
		n.process(func(context.Context) {
			for _, l := range n.links {
				for _, table := range tableNames {
					_ = l.repair(table)
				}
			}
		})
	}
}

// repair compares a table with the remote's, sends the rows that differ, and makes the remote send its own.
func (l *link) repair(table string) error {
	n := l.n
	differ, err := l.compare(table)
	if err != nil || len(differ) == 0 {
		return err
	}
	var rows []change.Row
	for i := range differ {
		rows = append(rows, differ[i].Row)
	}
	keys := n.keysOf(rows)
	err = n.stream.Decide(ctx, rows, func(w *version.Writing) error {
		p := &verify.Repair{Remote: l.to.name, Origin: n.origin, Now: n.clock(), Syncs: true, Transformed: n.w.transforms(table)}
		for i := range differ {
			if n.w.mistake == RepairMoved {
				differ[i].Ours = n.db.versions[keys[i]].Version
			}
		}
		x := &revising{n: n}
		if err := p.Resend(ctx, x, differ, w.Positions); err != nil {
			return err
		}
		return n.commit(&transaction{keys: keys, do: x.commit, logs: x.logs})
	})
	l.tell(func() { l.sender.Marked() })
	n.wake()
	if err != nil {
		return err
	}
	return l.ask(keys)
}

// compare returns the rows of a table that differ from the remote's.
func (l *link) compare(table string) (differ []verify.Unequal, err error) {
	n, there := l.n, l.to
	if err := n.step(); err != nil || !there.ready {
		return nil, err
	}
	back := n.from(there.name)
	for key, r := range n.w.rows {
		if r.Table != table || key == n.w.private {
			continue
		}
		ours, theirs := n.db.rows[key], there.db.rows[key]
		s := verify.Sides{Here: ours.exists, There: theirs.exists, Same: n.w.equal(ours, theirs), Pending: l.has(key) || back != nil && back.has(key)}
		switch kind := s.Verdict(); kind {
		case verify.Absent, verify.Alike:
		default:
			differ = append(differ, verify.Unequal{Row: r, Kind: kind, Pending: s.Pending, Ours: n.db.versions[key].Version, Theirs: there.db.versions[key].Version})
		}
	}
	return differ, n.step()
}

// ask makes the remote send the rows with these keys.
func (l *link) ask(keys []int) error {
	back := l.n.from(l.to.name)
	if err := l.n.step(); err != nil || back == nil || !l.to.ready {
		return err
	}
	for _, key := range keys {
		if v := l.to.db.versions[key]; verify.Given(l.to.db.rows[key].exists, v.State, v.fate) {
			l.to.mark(back, key)
		}
	}
	return l.n.step()
}
