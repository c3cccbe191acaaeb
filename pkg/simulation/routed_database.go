package simulation

import (
	"context"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/route"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// routed is the tables of a router, and the lookup table that users write.
type routed struct {
	labels  []route.Text // a label's number is its place, from 1 on
	tables  map[string]labelled
	kept    map[string][]string // of the regions, as they were last taken over
	regions map[string][]string
	moves   []route.Moved
	jobs    []route.Rerouting
	last    uint64 // ID
}

// labelled is a row of sync_routes.
type labelled struct {
	route.Labelled
	next int // key
}

// routing is a node's route.Database.
type routing struct{ n *node }

func (r routing) db() *routed { return &r.n.db.routed }

// write commits something by itself. Where the answer is lost, nobody knows whether it did.
func (r routing) write(do func(d *routed)) error {
	return r.n.put(func() { do(r.db()) })
}

func (r routing) Write(_ context.Context, rows []change.Row, f func(route.Tx, *version.Writing) error) error {
	n := r.n
	return n.stream.Decide(ctx, rows, func(w *version.Writing) error {
		var keys []int
		for _, row := range rows {
			keys = append(keys, n.w.keyOf(row))
		}
		for n.blocked(keys) { // a transaction that hangs has locked what is known of them
			if err := n.step(); err != nil {
				return err
			}
		}
		x := &routeTx{n: n, row: n.see}
		x.write = func(entries []version.Entry) {
			for _, e := range entries {
				key := n.w.keyOf(e.Row)
				n.record(key, e, n.db.versions[key].stands)
				if write := n.db.rows[key].write; write != none && write != n.db.versions[key].stands {
					n.w.history[write].early = true
				}
				n.w.trace("%s labels %s: %d at %d", n.name, e.Key, e.Label, e.Position)
			}
		}
		if err := f(x, w); err != nil {
			return err
		}
		return n.commit(&transaction{keys: keys, do: x.commit})
	})
}

// In commits at once: a router that takes a lookup table over lets nobody else on meanwhile.
func (r routing) In(_ context.Context, f func(route.Tx) error) error {
	x := &routeTx{n: r.n}
	if err := f(x); err != nil {
		return err
	}
	if !x.alone {
		return r.write(func(*routed) { x.commit() })
	}
	lost := r.n.w.lost()
	if !lost || r.n.w.r.IntN(2) == 0 {
		x.commit()
	}
	if lost {
		return errLost
	}
	return nil
}

func (r routing) Token() int64 { return r.n.stream.Token(1) }

func (r routing) Visible(ctx context.Context) (int64, error) {
	return r.n.stream.Visible(ctx)
}

func (r routing) Fit(context.Context, string) error { return nil }
func (r routing) Where(context.Context, string, [][]string) (string, error) {
	return "", errNotPlayed
}

func (r routing) Labels(context.Context) (map[uint32]route.Text, error) {
	labels := map[uint32]route.Text{}
	for i, text := range r.db().labels {
		labels[uint32(i)+1] = text
	}
	return labels, r.n.step()
}

func (r routing) Label(_ context.Context, l route.Text) (id uint32, err error) {
	err = r.write(func(d *routed) {
		if !slices.Contains(d.labels, l) {
			d.labels = append(d.labels, l)
		}
		id = uint32(slices.Index(d.labels, l)) + 1
	})
	return id, err
}

func (r routing) Routes(context.Context) (map[string]route.Labelled, error) {
	list := map[string]route.Labelled{}
	for table, l := range r.db().tables {
		l.Begun = l.next > 0
		list[table] = l.Labelled
	}
	return list, r.n.step()
}

func (r routing) Begin(_ context.Context, table, text string, had []byte) error {
	return r.write(func(d *routed) { d.tables[table] = labelled{Labelled: route.Labelled{Route: text, Had: had}} })
}

func (r routing) Had(context.Context, string, []byte) error { return errNotPlayed }

func (r routing) Again(context.Context, string) error { return errNotPlayed }

func (r routing) Unrouted(_ context.Context, table string) error {
	return r.write(func(d *routed) { delete(d.tables, table) })
}

func (r routing) Kept(context.Context, config.RouteLookup) (map[string][]string, error) {
	if !slices.ContainsFunc(r.n.rules, func(rule config.RouteRule) bool { return rule.Lookup != nil }) {
		return maps.Clone(r.db().kept), nil // of a route before
	}
	return maps.Clone(r.db().kept), r.n.step()
}

func (r routing) Look(context.Context, config.RouteLookup) (map[string][]string, error) {
	return maps.Clone(r.db().regions), r.n.step()
}

func (r routing) Unlabelled(_ context.Context, table string, limit int) (rows []change.Row, err error) {
	for key := r.db().tables[table].next; key < r.n.w.keys && len(rows) < limit; key++ {
		if r.n.row(key).Table == table && r.n.db.rows[key].exists {
			rows = append(rows, r.n.row(key))
		}
	}
	return rows, r.n.step()
}

// Sent returns all remotes, once a table has a route: one that is not sent it yet may get rows of it by the stream. Before, none is sent any.
func (r routing) Sent(_ context.Context, table string) (sent []string, err error) {
	if _, routed := r.db().tables[table]; routed {
		return slices.Clone(r.n.w.routes.cfgs[r.n.id].RemoteClients), r.n.step()
	}
	return nil, nil
}

func (r routing) Request(_ context.Context, remotes []string, table string) error {
	return r.write(func(*routed) {
		for _, l := range r.n.links {
			if slices.Contains(remotes, l.to.name) {
				r.n.request(l, []string{table}, snapshot.Missing)
			}
		}
	})
}

func (r routing) Moved(_ context.Context, limit int) ([]route.Moved, error) {
	list := slices.Clone(r.db().moves)
	return list[:min(len(list), limit)], r.n.step()
}

func (r routing) Followed(_ context.Context, list []route.Moved) error {
	return r.write(func(d *routed) {
		d.moves = slices.DeleteFunc(slices.Clone(d.moves), func(x route.Moved) bool {
			return slices.ContainsFunc(list, func(m route.Moved) bool { return x.ID == m.ID })
		})
	})
}

func (r routing) Referring(_ context.Context, above []change.Row, child, after string, limit int) (rows []change.Row, err error) {
	for key, x := range r.n.db.rows {
		if row := r.n.row(key); row.Table == child && slices.ContainsFunc(above, func(p change.Row) bool { return string(x.value(ofParent)) == p.Key }) && row.Key > after && len(rows) < limit {
			rows = append(rows, row)
		}
	}
	return rows, r.n.step()
}

func (r routing) Reroutings(_ context.Context, after uint64, limit int) ([]route.Rerouting, error) {
	list := slices.DeleteFunc(slices.Clone(r.db().jobs), func(j route.Rerouting) bool { return j.ID <= after })
	return list[:min(len(list), limit)], r.n.step()
}

// Queued has a remote be full as soon as any row is marked for it, in networks with Full.
func (r routing) Queued(_ context.Context, remote string, most int) (int, error) {
	if !r.n.w.routes.full {
		return 0, nil
	}
	for _, l := range r.n.links {
		if l.to.name == remote && slices.ContainsFunc(l.box().marks, func(m mark) bool { return m.token != 0 && !m.waiting }) {
			return most, r.n.step()
		}
	}
	return 0, r.n.step()
}

func (r routing) Versions(_ context.Context, table string, after []byte, limit int) (rows []change.Row, err error) {
	for key, v := range r.n.db.versions {
		if row := r.n.row(key); row.Table == table && !v.Version.IsZero() && row.Key > string(after) && len(rows) < limit {
			rows = append(rows, row)
		}
	}
	return rows, r.n.step()
}

// routeTx is a transaction's route.Tx. What it writes is there when it commits.
type routeTx struct {
	n     *node
	row   func(key int) row // as the transaction sees it
	write func([]version.Entry)
	froms map[change.Row]string // of what is recorded
	alone bool                  // nobody else goes on before it ends
	given map[change.Row]uint32 // labels, without versions
	do    []func()
}

func (x *routeTx) commit() {
	for _, do := range x.do {
		do()
	}
	x.n.rouse(x.n.routing)
}

func (x *routeTx) step() error {
	if x.alone {
		return nil
	}
	return x.n.step()
}

func (x *routeTx) later(do func()) error {
	x.do = append(x.do, do)
	return x.step()
}

func (x *routeTx) States(_ context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	states := map[change.Row]change.State{}
	for _, r := range rows {
		if v := x.n.db.versions[x.n.w.keyOf(r)].State; !v.Version.IsZero() {
			states[r] = v
		}
	}
	return states, x.step()
}

func (x *routeTx) Fates(_ context.Context, rows []change.Row) (map[change.Row]version.Fate, error) {
	fates := map[change.Row]version.Fate{}
	for _, r := range rows {
		fates[r] = x.n.db.versions[x.n.w.keyOf(r)].fate
	}
	return fates, nil
}

func (x *routeTx) Labels(_ context.Context, rows []change.Row) (map[change.Row]uint32, error) {
	labels := x.n.labels(rows)
	for _, r := range rows {
		if label, ok := x.given[r]; ok {
			labels[r] = label
		}
	}
	return labels, x.step()
}

// labels are those that are recorded.
func (n *node) labels(rows []change.Row) map[change.Row]uint32 {
	labels := map[change.Row]uint32{}
	for _, r := range rows {
		if r == (change.Row{}) {
			continue
		}
		labels[r] = n.db.versions[n.w.keyOf(r)].label
	}
	return labels
}

func (x *routeTx) Values(_ context.Context, table string, keys []string) (map[string][]*string, error) {
	return x.n.routingValues(table, keys, x.row), x.step()
}

// routingValues are the values by which rows are routed that exist.
func (n *node) routingValues(table string, keys []string, see func(key int) row) map[string][]*string {
	values := map[string][]*string{}
	for _, name := range keys {
		r := see(n.w.named(name))
		if !r.exists {
			continue
		}
		if table == children.Name {
			if p := r.value(ofParent); p != nil {
				r = see(n.w.named(string(p)))
			} else {
				r = row{}
			}
		}
		for _, rule := range n.rules {
			var v *string
			if b := r.value(parents.Index(rule.Column)); b != nil {
				v = new(string(b))
			}
			values[name] = append(values[name], v)
		}
	}
	return values
}

func (x *routeTx) Parents(_ context.Context, _ string, keys []string) (map[string]change.Row, error) {
	above := map[string]change.Row{}
	for _, name := range keys {
		r := x.row(x.n.w.named(name))
		if !r.exists {
			continue
		}
		above[name] = change.Row{}
		if p := r.value(ofParent); p != nil {
			above[name] = change.Row{Table: parents.Name, Key: string(p)}
		}
	}
	return above, x.step()
}

func (x *routeTx) Marked(_ context.Context, remote, _ string, rows []change.Row) (map[change.Row]bool, error) {
	marked := map[change.Row]bool{}
	for _, l := range x.n.links {
		for _, r := range rows {
			if m := l.box().marks[x.n.w.keyOf(r)]; l.to.name == remote && m.token != 0 && x.n.w.mistake != ForgetUnheard {
				marked[r] = m.lost || x.n.w.mistake == AnyMarkWrites
			}
		}
	}
	return marked, x.step()
}

func (x *routeTx) Mark(_ context.Context, rows []change.Row, remote string) error {
	return x.mark(rows, remote, false)
}

func (x *routeTx) MarkLost(_ context.Context, rows []change.Row, remote string) error {
	return x.mark(rows, remote, true)
}

func (x *routeTx) mark(rows []change.Row, remote string, lost bool) error {
	if len(rows) == 0 {
		return nil
	}
	if m := x.n.w.mistake; m == KeepMoved || m == KeepAuthors {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r change.Row) bool {
			author := x.froms[r] == remote
			return m == KeepMoved && !author && x.froms != nil || m == KeepAuthors && author
		})
	}
	m := marking{remote: remote, rows: rows, token: x.n.stream.Token(len(rows)), lost: lost}
	return x.later(func() { x.n.markAs(m) })
}

func (x *routeTx) Write(_ context.Context, entries []version.Entry) error {
	return x.later(func() { x.write(entries) })
}

func (x *routeTx) Relabel(_ context.Context, rows []change.Row, label uint32) error {
	for _, r := range rows {
		x.given[r] = label
	}
	return x.later(func() {
		for _, r := range rows {
			x.n.db.versions[x.n.w.keyOf(r)].label = label
		}
	})
}

func (x *routeTx) Move(_ context.Context, rows []change.Row) error {
	return x.later(func() {
		d := &x.n.db.routed
		for _, r := range rows {
			d.last++
			d.moves = append(slices.DeleteFunc(slices.Clone(d.moves), func(m route.Moved) bool { return m.Row == r }), route.Moved{Row: r, ID: d.last})
		}
		if x.n.w.mistake == KeepChildren {
			d.moves = nil
		}
	})
}

func (x *routeTx) Reached(_ context.Context, table, key string) error {
	return x.later(func() {
		l := x.n.db.routed.tables[table]
		l.next = x.n.w.named(key) + 1
		x.n.db.routed.tables[table] = l
	})
}

func (x *routeTx) Finish(_ context.Context, table string) error {
	return x.later(func() {
		l := x.n.db.routed.tables[table]
		l.Finished, l.Had = true, nil
		x.n.db.routed.tables[table] = l
	})
}

func (x *routeTx) Keep(_ context.Context, _ config.RouteLookup, m map[string][]string) error {
	x.alone = true
	return x.later(func() { x.n.db.routed.kept = m })
}

func (x *routeTx) Reroute(_ context.Context, j *route.Rerouting) error {
	return x.later(func() {
		d := &x.n.db.routed
		if x.n.w.mistake == OverlookLookups && x.alone {
			return
		}
		d.jobs = slices.Clone(d.jobs)
		if i := slices.IndexFunc(d.jobs, func(k route.Rerouting) bool { return k.ID == j.ID }); i >= 0 {
			d.jobs[i] = *j
			return
		}
		d.last++
		added := *j
		added.ID = d.last
		d.jobs = append(d.jobs, added)
	})
}

func (x *routeTx) Rerouting(_ context.Context, table string) (bool, error) {
	return slices.ContainsFunc(x.n.db.routed.jobs, func(j route.Rerouting) bool { return j.Table == table }), x.step()
}

func (x *routeTx) Rerouted(_ context.Context, j *route.Rerouting, end bool) error {
	return x.later(func() {
		d := &x.n.db.routed
		d.jobs = slices.Clone(d.jobs)
		if i := slices.IndexFunc(d.jobs, func(k route.Rerouting) bool { return k.ID == j.ID }); i >= 0 {
			d.jobs[i] = *j
			if end {
				d.jobs = slices.Delete(d.jobs, i, i+1)
			}
		}
	})
}

// backup returns a copy.
func (d *routed) backup() routed {
	c := *d
	c.tables, c.regions = maps.Clone(d.tables), maps.Clone(d.regions)
	return c
}
