package simulation

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// whole is a table that a remote is sent as a whole: a row of sync_snapshots.
type whole struct {
	snapshot.State
	finished bool
}

// begin gives some nodes rows that nobody has written since versions are kept. All remotes are sent what they lack.
func (w *world) begin() {
	for key := range w.keys {
		n := w.nodes[w.r.IntN(len(w.nodes))]
		if key != w.private && w.r.IntN(3) > 0 {
			w.beginWith(n, key, statement{})
		}
	}
	w.initial = snapshot.Missing
}

// beginWith gives a node a row.
func (w *world) beginWith(n *node, key int, s statement) {
	w.history = append(w.history, write{node: n.id, key: key, begun: true})
	n.db.rows[key] = row{exists: true, write: len(w.history) - 1, values: stored(w.rows[key].Key, len(w.history)-1, s)}
}

// resyncs plans that some nodes are asked to send a remote all rows.
func (w *world) resyncs(end int64) {
	for range 1 + w.r.IntN(4) {
		n := w.nodes[w.r.IntN(len(w.nodes))]
		l := n.links[w.r.IntN(len(n.links))]
		w.queue.add(w.now+w.r.Int64N(end-w.now+1), func() {
			if n.serverUp {
				n.request(l, tableNames, snapshot.All)
				n.rouse(n.marking)
			}
		})
	}
}

// tableNames are those of the tables.
var tableNames = []string{parents.Name, children.Name}

// request has tables be sent to a remote, as snapshot.Request does.
func (n *node) request(l *link, tables []string, mode string) {
	for _, t := range tables {
		l.box().wholes[t] = whole{State: snapshot.State{Job: snapshot.Job{Remote: l.to.name, Table: t}, Mode: mode, Started: n.time(), Since: n.db.lastPosition()}}
	}
	if n.w.routes != nil {
		n.rouse(l.process) // which would look by itself, though nobody told it
	}
}

// newSnapshots returns the snapshots of a new process.
func (n *node) newSnapshots() *snapshot.Snapshots {
	c := snapshot.Config{Origin: n.origin, Initial: n.w.initial, Tables: tableNames, Chunk: 1 + n.id%2, Transforms: n.w.transforms,
		Ready: func(remote, table string) bool {
			return n.linkTo(remote).Ready() && n.linkTo(remote).Takes(table) && (n.router == nil || n.router.Ready(table))
		},
		OnMark: n.hint}
	for _, l := range n.links {
		c.Remotes = append(c.Remotes, l.to.name)
	}
	return snapshot.On(zap.NewNop(), wholes{n: n}, n.time, c)
}

// walk runs the snapshots of a process, as soon as there is anything for them to do.
func (n *node) walk(ctx context.Context) {
	if n.marked() {
		_ = n.nap(-1)
	}
	_ = n.snapshots.Run(ctx)
}

// marked reports whether the snapshots would find nothing to do by looking again.
func (n *node) marked() bool {
	return !slices.ContainsFunc(n.links, func(l *link) bool {
		b := l.box()
		return n.w.initial != snapshot.None && len(b.wholes) < len(tableNames) || b.sends(snapshot.All)
	})
}

// sends reports whether there are tables to be sent in a mode.
func (r *remote) sends(mode string) bool {
	for _, w := range r.wholes {
		if !w.finished && w.Mode == mode {
			return true
		}
	}
	return false
}

func (l *link) transfer(ctx context.Context, remote string, apart map[string]bool) (deliver.Transfer, error) {
	t, err := l.n.snapshots.Transfer(ctx, remote, apart)
	if t == nil || err != nil {
		return nil, err
	}
	return few{t, 1 + l.slot%batchRows}, nil
}

// few is a transfer that is asked for few rows at a time: there are not many, and it should have something left to read.
type few struct {
	*snapshot.Transfer
	most int
}

func (f few) Next(ctx context.Context, limit int) ([]snapshot.Piece, error) {
	return f.Transfer.Next(ctx, min(limit, f.most))
}

// wholes is a node's snapshot.Database.
type wholes struct {
	tables
	n *node
}

func (s wholes) Known(context.Context) (map[snapshot.Job]bool, error) {
	known := map[snapshot.Job]bool{}
	for _, l := range s.n.links {
		for t := range l.box().wholes {
			known[snapshot.Job{Remote: l.to.name, Table: t}] = true
		}
	}
	return known, s.n.step()
}

func (s wholes) Open(context.Context) (list []snapshot.State, err error) {
	for _, l := range s.n.links {
		for _, w := range l.box().wholes {
			if !w.finished {
				list = append(list, w.State)
			}
		}
	}
	slices.SortFunc(list, func(a, b snapshot.State) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Remote, b.Remote))
	})
	return list, s.n.step()
}

func (s wholes) Request(_ context.Context, remote string, tables []string, mode string) error {
	return s.n.put(func() { s.n.request(s.n.linkTo(remote), tables, mode) })
}

func (s wholes) Keys(_ context.Context, st *snapshot.State, limit int) (rows []change.Row, err error) {
	n := s.n
	if err := n.step(); err != nil {
		return nil, err
	}
	for key, r := range n.w.rows { // in the order of their names
		if r.Table == st.Table && bytes.Compare([]byte(r.Key), st.LastKey) > 0 && n.db.rows[key].exists && len(rows) < limit && n.linkTo(st.Remote).part(key) {
			rows = append(rows, r)
		}
	}
	switch {
	case n.w.mistake == AckReading && st.Mode == snapshot.Missing && len(rows) > 0:
		n.reach(snapshot.Reached{State: *st, Last: []byte(rows[len(rows)-1].Key), End: len(rows) < limit})
	case n.w.mistake == ShortPage && len(rows) > 0:
		rows = rows[:len(rows)-1]
	}
	return rows, n.step() // anything may happen to them on the way
}

func (s wholes) Record(_ context.Context, list []snapshot.Reached) error {
	return s.n.put(func() {
		for _, r := range list {
			s.n.reach(r)
		}
	})
}

// reach records how far a snapshot gets.
func (n *node) reach(r snapshot.Reached) {
	wholes := n.linkTo(r.Remote).box().wholes
	w := wholes[r.Table]
	if !w.Started.Equal(r.Started) {
		return
	}
	if w.finished = w.finished || r.End; !r.End {
		w.LastKey = r.Last
	}
	wholes[r.Table] = w
}

func (s wholes) Queued(_ context.Context, remote string, most int) (queued int, err error) {
	for _, m := range s.n.linkTo(remote).box().marks {
		if m.token != 0 && !m.waiting && queued < most {
			queued++
		}
	}
	return queued, s.n.step()
}

func (s wholes) Renew(_ context.Context, _ string, rows []change.Row, f func(tx snapshot.Tx, positions func(int) int64) error) error {
	n := s.n
	return n.stream.Decide(ctx, rows, func(w *version.Writing) error {
		x := &revising{n: n}
		if err := f(x, w.Positions); err != nil {
			return err
		}
		return n.commit(&transaction{keys: n.keysOf(rows), do: x.commit, logs: x.logs})
	})
}

// linkTo is the link to a remote.
func (n *node) linkTo(remote string) *link {
	return n.links[slices.IndexFunc(n.links, func(l *link) bool { return l.to.name == remote })]
}

func (n *node) keysOf(rows []change.Row) (keys []int) {
	for _, r := range rows {
		keys = append(keys, n.w.keyOf(r))
	}
	return keys
}

// time is that of the node's clock.
func (n *node) time() time.Time { return time.UnixMicro(n.clock()) }
