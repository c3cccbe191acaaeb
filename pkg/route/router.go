package route

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Marker records in a transaction that a remote needs rows, or lost them: the outbox.
type Marker interface {
	Mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error
	MarkLost(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error
}

// Router routes a node's rows. It is safe for concurrent use. Without routes, all rows go to all remotes.
type Router struct {
	log    *zap.Logger
	cfg    *config.Config
	db     Database
	server *server // nil if the database is not on one
	now    func() time.Time
	chunk  int // rows per transaction
	telling
	moving moving

	mu     sync.RWMutex
	labels map[uint32]label
	ids    map[Text]uint32
	have   map[uint32]map[string]bool
	looking
	ready  map[string]bool // routed tables all of whose rows have labels
	failed map[string]failure
}

// telling is who is told.
type telling struct {
	told   func()              // rows may have been marked, or have positions
	marked func(remote string) // rows have been marked for a remote
}

// failure is why a table cannot be labelled, and when that was last logged.
type failure struct {
	why  string
	told time.Time
}

// New returns the router of a configuration; Open reads its state from the database. told and marked are called after a
// commit of rows that remotes need; they must not block.
func New(log *zap.Logger, cfg *config.Config, db *mysqldb.DB, ts *schema.Tables, m Marker, s *version.Stream, told func(), marked func(remote string)) *Router {
	on := &server{cfg: cfg, db: db, tables: ts, marker: m, stream: s}
	r := On(log, cfg, on, time.Now, chunk, told, marked)
	r.server = on
	return r
}

// On returns a router that works on a Database, in transactions of chunk rows.
func On(log *zap.Logger, cfg *config.Config, db Database, now func() time.Time, chunk int, told func(), marked func(remote string)) *Router {
	r := &Router{log: log, cfg: cfg, db: db, now: now, chunk: chunk, telling: telling{told, marked}, labels: map[uint32]label{}, ids: map[Text]uint32{},
		have: map[uint32]map[string]bool{}, looking: looking{looked: lookups{}, rooms: map[string]room{}}, ready: map[string]bool{}, failed: map[string]failure{}}
	if len(cfg.Routes) > 0 {
		r.moving.more() // of an earlier run, perhaps
	}
	return r
}

// Routed reports whether a table has a route.
func (r *Router) Routed(table string) bool { return r.cfg.Routed(table) }

// Follows reports whether a table's rows go where those go that they refer to.
func (r *Router) Follows(table string) bool { return r.cfg.Routes[table].Parent != "" }

// All reports whether a remote gets all rows of a table.
func (r *Router) All(remote, table string) bool {
	return !r.cfg.Routed(table) || slices.Contains(r.cfg.RouteAlso, remote) || !slices.Contains(r.cfg.RemoteClients, remote)
}

// Ready reports whether all rows of a table are labelled. Until then none is sent.
func (r *Router) Ready(table string) bool {
	if !r.cfg.Routed(table) {
		return true
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ready[table]
}

// Unready returns the tables of which Ready says no.
func (r *Router) Unready() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.cfg.Routes)), r.Ready)
}

// To reports whether a remote gets a table's rows with a label. A row without a label has no remote yet.
func (r *Router) To(table string, id uint32, remote string) bool {
	if r.All(remote, table) {
		return true
	}
	r.mu.RLock()
	have, ok := r.have[id]
	r.mu.RUnlock()
	if ok {
		return have[remote]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(id)[remote]
}

// of returns the remotes of a label. The caller holds the lock.
func (r *Router) of(id uint32) map[string]bool {
	have, ok := r.have[id]
	if !ok {
		have = map[string]bool{}
		if l, known := r.labels[id]; known {
			for _, remote := range l.remotes(r.cfg.Routes[l.root].Rules, r.cfg.RemoteClients, r.looked) {
				have[remote] = true
			}
		}
		r.have[id] = have
	}
	return have
}

// current returns the last copies of the lookup tables.
func (r *Router) current() lookups {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.looked
}

// remotesOf returns the remotes that get the rows of a label.
func (r *Router) remotesOf(table string, id uint32) []string {
	return slices.DeleteFunc(slices.Clone(r.cfg.RemoteClients), func(remote string) bool { return r.All(remote, table) || !r.To(table, id, remote) })
}

// Token returns a number that is greater than all before.
func (r *Router) Token() int64 { return r.db.Token() }

// Read returns the current labels of a table's rows, by key, without those of missing rows.
func (r *Router) Read(ctx context.Context, db mysqldb.Queryer, t *schema.Table, keys []string) (map[string]uint32, error) {
	values, err := r.server.values(ctx, db, t, keys)
	if err != nil {
		return nil, err
	}
	return r.numbers(ctx, t.Name, values)
}

// ReadIn is Read in a transaction.
func (r *Router) ReadIn(ctx context.Context, tx Tx, table string, keys []string) (map[string]uint32, error) {
	values, err := tx.Values(ctx, table, keys)
	if err != nil {
		return nil, err
	}
	return r.numbers(ctx, table, values)
}

// numbers turns the values of rows into labels, by key.
func (r *Router) numbers(ctx context.Context, table string, values map[string][]*string) (found map[string]uint32, err error) {
	found = make(map[string]uint32, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if found[key], err = r.id(ctx, label{r.cfg.Root(table), values[key]}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// id returns the number of a label. A new number is assigned outside any transaction, so it survives a rollback.
func (r *Router) id(ctx context.Context, l label) (uint32, error) {
	l = l.fitting()
	b, err := l.text()
	if err != nil {
		return 0, err
	}
	text := Text{l.root, string(b)}
	r.mu.RLock()
	id, ok := r.ids[text]
	r.mu.RUnlock()
	if ok {
		return id, nil
	}
	if id, err = r.db.Label(ctx, text); err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids[text], r.labels[id] = id, l
	delete(r.have, id)
	return id, nil
}

// Record labels entries, marks rows for the remotes that lose them, and then writes the entries, in the transaction that
// decides about the rows. After its commit, those that send to these remotes are told.
func (r *Router) Record(ctx context.Context, tx mysqldb.Tx, w *version.Writing, entries []version.Entry) error {
	return r.RecordIn(ctx, &session{r.server, tx}, w, entries)
}

// RecordIn is Record for any Database.
func (r *Router) RecordIn(ctx context.Context, tx Tx, w *version.Writing, entries []version.Entry) error {
	return r.record(ctx, tx, w, entries, r.children)
}

// record is RecordIn, where following returns the tables whose rows follow those of a table.
func (r *Router) record(ctx context.Context, tx Tx, w *version.Writing, entries []version.Entry, following func(table string) []string) error {
	byTable := map[string][]*version.Entry{}
	for i := range entries {
		if e := &entries[i]; r.cfg.Routed(e.Table) {
			byTable[e.Table] = append(byTable[e.Table], e)
		}
	}
	if len(byTable) > 0 {
		w.Hold() // see ended
	}
	given := map[change.Row]uint32{}
	for _, table := range r.parentsFirst(slices.Sorted(maps.Keys(byTable))) {
		if err := r.label(ctx, tx, w, table, byTable[table], given, following); err != nil {
			return err
		}
	}
	return tx.Write(ctx, entries)
}

// label labels the entries of one table, and adds the labels to those given before. If the table lacks what it is routed by, its rows are recorded all the same: it
// is held back, and labelled as a whole once it can be.
func (r *Router) label(ctx context.Context, tx Tx, w *version.Writing, table string, entries []*version.Entry, given map[change.Row]uint32, following func(table string) []string) error {
	if err := r.db.Fit(ctx, table); err != nil && mysqldb.Number(err) == 0 && !mysqldb.Transient(err) && ctx.Err() == nil {
		return r.holdBack(ctx, table)
	} else if err != nil {
		return err
	}
	rows, keys := make([]change.Row, len(entries)), make([]string, len(entries))
	for i, e := range entries {
		rows[i], keys[i] = e.Row, e.Key
	}
	before, err := tx.Labels(ctx, rows)
	if err != nil {
		return err
	}
	now, err := r.inherited(ctx, tx, table, keys, given)
	if err != nil {
		return err
	}
	m, parent := newMoves(), len(following(table)) > 0
	for i, e := range entries {
		id, ok := now[keys[i]]
		if !ok {
			continue // a deleted row goes to those that had it
		}
		e.Label, given[e.Row] = id, id
		if err := r.own(ctx, tx, e, before[e.Row]); err != nil {
			return err
		}
		if e.From != "" && !r.To(table, id, e.From) {
			m.lose(e.From, e.Row)
		}
		r.moved(m, table, e.Row, before[e.Row], id, parent)
		if e.Position == 0 || r.nobodys(before[e.Row]) {
			r.won(m, table, e, before[e.Row])
		}
	}
	w.After(func() { r.tellOf(m) })
	return r.follow(ctx, tx, m)
}

// Missed queues a table for relabelling whose rows may have been written unseen, and holds it back until then.
func (r *Router) Missed(ctx context.Context, table string) error {
	if !r.cfg.Routed(table) {
		return nil
	}
	return r.anew(ctx, table)
}

// holdBack queues a table for relabelling, and holds it back until then.
func (r *Router) holdBack(ctx context.Context, table string) error {
	if !r.Ready(table) {
		return nil
	}
	return r.anew(ctx, table)
}

func (r *Router) anew(ctx context.Context, table string) error {
	if err := r.db.Again(ctx, table); err != nil {
		return fmt.Errorf("hold %s back: %w", table, err)
	}
	r.mu.Lock()
	r.ready[table] = false
	r.mu.Unlock()
	return nil
}

// moves are rows whose remotes change.
type moves struct {
	lost  map[string][]change.Row // by remote: it had them
	marks map[string][]change.Row // others that are marked for it
	rows  []change.Row            // whose children follow
}

func newMoves() *moves {
	return &moves{lost: map[string][]change.Row{}, marks: map[string][]change.Row{}}
}

// mark marks a row for a remote, and lose marks one that it lost; once if all of the row's marks are made together.
func (m *moves) mark(remote string, row change.Row) {
	if !endsWith(m.lost[remote], row) {
		add(m.marks, remote, row)
	}
}

func (m *moves) lose(remote string, row change.Row) { add(m.lost, remote, row) }

func endsWith(list []change.Row, row change.Row) bool {
	return len(list) > 0 && list[len(list)-1] == row
}

func add(to map[string][]change.Row, remote string, row change.Row) {
	if list := to[remote]; !endsWith(list, row) {
		to[remote] = append(list, row)
	}
}

// remotes are those for which rows are marked.
func (m *moves) remotes() []string {
	return union(slices.Collect(maps.Keys(m.lost)), slices.Collect(maps.Keys(m.marks)))
}

// tellOf tells those that send to remotes for which rows have been marked.
func (r *Router) tellOf(m *moves) {
	if len(m.rows) > 0 {
		r.moving.more()
	}
	for _, remote := range m.remotes() {
		r.marked(remote)
	}
}

// moved notes that a row has a label, and had another before, or the same by another route: remotes lose it. parent says that others
// follow the row.
func (r *Router) moved(m *moves, table string, row change.Row, before, now uint32, parent bool) {
	if before != 0 {
		var had []string
		if before != now || !r.Ready(table) {
			had = slices.Concat(r.remotesOf(table, before), r.unheard(before), r.hadBy(table, before))
		}
		for _, remote := range had {
			if !r.To(table, now, remote) {
				m.lose(remote, row)
			}
		}
	}
	if parent && before != now {
		m.rows = append(m.rows, row)
	}
}

// won notes that remotes win a row that has another label than before, but do not get it by the stream: it has no new position there, as a
// change to it has lost, while what it follows has moved; or it comes back to this node in a version of the remote's own. Until a table is
// labelled, all remotes are yet to be sent it as a whole.
func (r *Router) won(m *moves, table string, e *version.Entry, before uint32) {
	if before == e.Label || before == 0 || !r.Ready(table) {
		return
	}
	for _, remote := range r.remotesOf(table, e.Label) {
		if !r.To(table, before, remote) && (e.Position == 0 || !outbox.Needs(remote, e.From, e.Version)) {
			m.mark(remote, e.Row)
		}
	}
}

// follow marks the rows, and queues their children.
func (r *Router) follow(ctx context.Context, tx Tx, m *moves) error {
	for _, remote := range m.remotes() {
		if err := tx.MarkLost(ctx, m.lost[remote], remote); err != nil {
			return err
		}
		if err := tx.Mark(ctx, m.marks[remote], remote); err != nil {
			return err
		}
	}
	if len(m.rows) == 0 {
		return nil
	}
	return tx.Move(ctx, m.rows)
}

// followers returns the tables whose rows follow those of a table, at any distance.
func (r *Router) followers(table string) (list []string) {
	for _, child := range r.children(table) {
		list = append(append(list, child), r.followers(child)...)
	}
	return list
}

// children returns the tables whose rows follow those of a table.
func (r *Router) children(table string) (list []string) {
	for name, route := range r.cfg.Routes {
		if route.Parent == table {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// Part returns the values whose rows a remote gets, one list per rule; all says that it gets all rows.
func (r *Router) Part(remote, table string) (part [][]string, all bool) {
	if r.All(remote, table) {
		return nil, true
	}
	looked := r.current()
	for _, rule := range r.cfg.Routes[r.cfg.Root(table)].Rules {
		part = append(part, values(rule, remote, looked))
	}
	return part, false
}

// Where returns the SQL condition of the rows of a table that a remote gets; "" if it gets all.
func (r *Router) Where(ctx context.Context, remote, table string) (string, error) {
	part, all := r.Part(remote, table)
	if all {
		return "", nil
	}
	return r.db.Where(ctx, table, part)
}

// Needed returns the SQL condition of the rows of sync_versions that are routed to a remote; "" if all are.
func (r *Router) Needed(remote string) string {
	var tables, ids []string
	r.mu.RLock()
	known := slices.Sorted(maps.Keys(r.labels))
	r.mu.RUnlock()
	for _, table := range slices.Sorted(maps.Keys(r.cfg.Routes)) {
		if !r.All(remote, table) {
			tables = append(tables, mysqldb.QuoteString(table))
		}
	}
	if len(tables) == 0 {
		return ""
	}
	for _, id := range known {
		if r.To(r.rootOf(id), id, remote) {
			ids = append(ids, fmt.Sprint(id))
		}
	}
	if len(ids) == 0 {
		ids = []string{"NULL"}
	}
	return "(table_name NOT IN (" + strings.Join(tables, ",") + ") OR label IN (" + strings.Join(ids, ",") + "))"
}

func (r *Router) rootOf(id uint32) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.labels[id].root
}
