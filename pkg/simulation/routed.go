package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/route"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// routes are how a hub's rows go to its stores: by their column store, which names one, or by their region, which a table of the hub gives
// to any of them; rows of u go with those of t to which they refer.
type routes struct {
	cfgs    []*config.Config // by node; nil for a store, which routes nothing
	makers  []int            // by key: the node that makes the row; nobody else has it unless a route gives it to him
	full    bool             // remotes take few marked rows
	hostile *hostile         // nil: all are honest
}

// Routing columns of t, and their values; some stand for nobody.
var (
	regions   = config.RouteLookup{Table: "regions", Key: "region", Remote: "store"}
	byStore   = config.RouteRule{Column: "store", Remote: "node-0{value}"}
	byRegion  = config.RouteRule{Column: "region", Lookup: &regions}
	manyRules = [][]config.RouteRule{{byStore}, {byRegion}, {byStore, byRegion}}
)

// routeChunk is how many rows a router's transaction has.
const routeChunk = 2

// newRouted makes of the nodes a hub, its stores and, in a tree, its relays, which route what they have to those below them.
func (w *world) newRouted(full bool) {
	w.routes = &routes{cfgs: make([]*config.Config, len(w.nodes)), full: full}
	for _, n := range w.nodes {
		if len(n.below()) == 0 {
			continue
		}
		c := &config.Config{ClientName: n.name, RouteWrite: "give", InitialSync: "missing", SyncTables: []string{parents.Name, children.Name}}
		for _, l := range n.links {
			c.RemoteClients = append(c.RemoteClients, l.to.name)
			if l.to == n.above() {
				c.RouteAlso = []string{l.to.name}
			}
		}
		w.routes.cfgs[n.id] = c
	}
	for range w.keys {
		w.routes.makers = append(w.routes.makers, w.r.IntN(len(w.nodes)))
	}
	for _, n := range w.routers() {
		w.route(n, w.r.IntN(len(manyRules)))
		for range 3 {
			w.lookup(n)
		}
	}
	w.initial = snapshot.Missing
	for key := range w.keys {
		if s := (statement{}); w.r.IntN(4) == 0 {
			n := w.nodes[w.routes.makers[key]]
			w.placed(key, &s)
			if s.parent != nil && !n.db.rows[w.named(string(s.parent))].exists {
				s.parent = nil
			}
			w.beginWith(n, key, s)
		}
	}
}

// route routes the tables by some rules from a node's next start on.
func (w *world) route(n *node, rules int) {
	c := *w.routes.cfgs[n.id]
	c.Routes = map[string]config.Route{parents.Name: {Rules: manyRules[rules]}, children.Name: {Parent: parents.Name}}
	w.routes.cfgs[n.id] = &c
	w.trace("%s routes by %v", n.name, manyRules[rules])
}

// lookup has a user of a router give a region to a node below, or take it away.
func (w *world) lookup(n *node) {
	hub, below := &n.db.routed, n.below()
	region, store := string('a'+byte(w.r.IntN(3))), below[w.r.IntN(len(below))].name
	had := hub.regions[region]
	if i := slices.Index(had, store); i >= 0 {
		if hub.regions[region] = slices.Delete(slices.Clone(had), i, i+1); len(had) == 1 {
			delete(hub.regions, region)
		}
	} else {
		hub.regions[region] = append(slices.Clone(had), store)
	}
	if len(hub.regions) == 0 {
		hub.regions[region] = []string{store} // an empty table would not be believed
	}
	slices.Sort(hub.regions[region])
	w.moved++
	w.trace("%s has the regions %v", n.name, hub.regions)
	n.rouse(n.routing)
}

// reroutes plans changes of the lookup table, and of the routes.
func (w *world) reroutes(end int64) {
	moment := func() int64 { return w.now + w.r.Int64N(end-w.now+1) }
	for range w.r.IntN(6) {
		if w.hostile() != nil {
			break // who has a row is seen as it is recorded
		}
		w.queue.add(moment(), func() { w.lookup(w.router()) })
	}
	for range w.r.IntN(3) {
		w.queue.add(moment(), func() {
			n := w.router()
			w.route(n, w.r.IntN(len(manyRules)))
			w.moved++
			w.stop(n, (*node).kill)
		})
	}
}

// routing draws the values by which a row is routed.
func (w *world) routing(s *statement) {
	if w.r.IntN(8) > 0 {
		s.store = fmt.Append(nil, 1+w.r.IntN(len(w.nodes)))
	}
	if w.r.IntN(4) > 0 {
		s.region = []byte{'a' + byte(w.r.IntN(4))}
	}
}

// honest reports whether a user may write a row: the site has it, or makes it now. Only the hub makes a row anew, and only one
// that it made before.
func (w *world) honest(n *node, key int) bool {
	if w.isHostile(n) {
		return true
	}
	made := slices.ContainsFunc(w.history, func(v write) bool { return v.key == key })
	switch {
	case !made:
		return w.routes.makers[key] == n.id
	case n.id == 0 && w.routes.makers[key] == 0:
		return true
	}
	return n.db.rows[key].exists
}

// openRouter opens the routes of a new process.
func (n *node) openRouter(ctx context.Context) bool {
	if n.router = nil; n.w.routes == nil || n.w.routes.cfgs[n.id] == nil {
		return true
	}
	for p := n.w.running; !p.dead; {
		cfg := n.w.routes.cfgs[n.id]
		n.rules = cfg.Routes[parents.Name].Rules
		n.router = route.On(zap.NewNop(), cfg, routing{n}, n.w.time, routeChunk, func() { n.hint(); n.wake() }, func(string) { n.hint() })
		if n.router.Open(ctx) == nil && !p.dead {
			return true
		}
		if n.nap(second) != nil {
			break
		}
	}
	return false
}

// routeTx is the route.Tx of a transaction that records versions, which sees the rows as it has written them.
func (n *node) routeTx(entries []version.Entry, see func(key int) row, write func([]version.Entry)) *routeTx {
	x := &routeTx{n: n, row: see, write: write, froms: map[change.Row]string{}}
	for _, e := range entries {
		x.froms[e.Row] = e.From
	}
	return x
}

// hint tells the senders that rows may be marked.
func (n *node) hint() {
	for _, l := range n.links {
		l.tell(func() { l.sender.Marked() })
	}
}

// routeAll runs a node's router.
func (n *node) routeAll(ctx context.Context) { _ = n.router.Run(ctx) }

// routed reports whether a remote has a row by the routes, as it is seen.
func (l *link) routed(r change.Row, see func(key int) row) bool {
	if l.n.router == nil {
		return true
	}
	part, all := l.n.router.Part(l.to.name, r.Table)
	for i, v := range l.n.routingValues(r.Table, []string{r.Key}, see)[r.Key] {
		all = all || i < len(part) && v != nil && slices.Contains(part[i], *v)
	}
	return all
}

// checkPart checks that a row that is about to be sent is the remote's, unless it was written since it was read.
func (l *link) checkPart(r change.Row, found row) {
	if r.Table == parents.Name && l.n.see(l.n.w.keyOf(r)).write == found.write && !l.routed(r, func(int) row { return found }) {
		l.n.w.fail("routes: %s, %+v, goes to %s", r.Key, found, l.to.name)
	}
}

// allRouted reports whether the router would find nothing by looking again: in its tables, or in what it has in memory, which
// differs where a COMMIT was not answered.
func (n *node) allRouted() bool {
	d := &n.db.routed
	for _, table := range tableNames {
		if !d.tables[table].Finished || !n.router.Ready(table) {
			return false
		}
	}
	return !n.router.Moving() && len(d.moves) == 0 && len(d.jobs) == 0 && !slices.ContainsFunc(n.links, func(l *link) bool { return !l.looked() })
}

// looked reports whether the router knows which regions a remote has.
func (l *link) looked() bool {
	part, all := l.n.router.Part(l.to.name, parents.Name)
	if all {
		return true
	}
	for i, rule := range l.n.rules {
		if d := &l.n.db.routed; rule.Lookup != nil && !maps.EqualFunc(d.kept, d.regions, slices.Equal) {
			return false
		}
		for region, stores := range l.n.db.routed.regions {
			if rule.Lookup != nil && slices.Contains(stores, l.to.name) != slices.Contains(part[i], region) {
				return false
			}
		}
		if rule.Lookup != nil && slices.ContainsFunc(part[i], func(region string) bool { return l.n.db.routed.regions[region] == nil }) {
			return false
		}
	}
	return true
}

// should reports whether a node is to have a row that the hub has, as it is: the rules once more, in their simplest form.
func (w *world) should(n *node, key int) bool {
	from := n.above()
	if from == nil {
		return true
	}
	rules := w.routes.cfgs[from.id].Routes[parents.Name].Rules
	r := w.nodes[0].db.rows[key]
	if w.rows[key].Table == children.Name {
		p := r.value(ofParent)
		if p == nil {
			return false
		}
		r = w.nodes[0].db.rows[w.named(string(p))]
	}
	return w.should(from, key) && slices.ContainsFunc(rules, func(rule config.RouteRule) bool {
		if rule.Lookup == nil {
			return r.value(ofStore) != nil && "node-0"+string(r.value(ofStore)) == n.name
		}
		return r.value(ofRegion) != nil && slices.Contains(from.db.routed.regions[string(r.value(ofRegion))], n.name)
	})
}

// checkRoutes checks that each store has its rows, and no others, as the hub has them.
func (w *world) checkRoutes(report *Report) {
	hub := w.nodes[0]
	for key, r := range hub.db.rows {
		for _, n := range w.nodes[1:] {
			has, should := n.db.rows[key], r.exists && w.should(n, key)
			switch {
			case has.exists && !should:
				w.fail("routes: %s, %+v, was left behind at %s; %s has %+v", w.rows[key].Key, has, n.name, hub.name, r)
			case !has.exists && should:
				w.fail("routes: %s, %+v, is missing at %s", w.rows[key].Key, r, n.name)
			case should && !same(hub, n, key):
				w.fail("promise 3: %s is %+v as %v on %s, %+v as %v on %s", w.rows[key].Key, r, held(hub, key), hub.name, has, held(n, key), n.name)
			default:
				continue
			}
			report.Differing++
		}
	}
}

// part reports whether a remote has a row by the routes, as their SQL condition finds it.
func (l *link) part(key int) bool { return l.routed(l.n.row(key), l.n.see) }
