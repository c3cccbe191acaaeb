package capture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// WatchConfig says which tables are watched, and what is reported to whom.
type WatchConfig struct {
	Synced   []string      // tables whose triggers shall stand
	Received []string      // tables that are written, which may be synced as well
	Interval time.Duration // between two looks; zero means 5 s
	// Uncaptured are the synced tables that Install could not have.
	Uncaptured []string
	// Missed records that writes to a synced table may not have been captured.
	// It is called before the triggers are made to stand, so that
	// a kill does not lose it, and once more afterwards: what
	// was done about the first call may have been too early.
	Missed func(ctx context.Context, table string) error
	// Changed says that a table has another definition than before, or is there
	// again.
	Changed func(ctx context.Context, table string)
	// Lost is called when rows of a table are gone that no trigger saw go. It must not block, and
	// may be nil.
	Lost func(table string, at time.Time)
}

// Watcher notices while the node runs what is done to the tables themselves:
// columns come and go, tables are swapped by a rename, triggers are dropped. It
// makes the triggers stand again.
type Watcher struct {
	WatchConfig
	log    *zap.Logger
	db     *mysqldb.DB
	tables *schema.Tables
	now    func() time.Time

	prints  map[string]string        // of all tables, as last seen
	ties    []schema.ForeignKey      // all foreign keys, as last seen
	seen    map[string]*schema.Table // the synced tables, as last seen
	right   map[string]time.Time     // when the triggers of each were last seen right
	stood   map[string]standing      // the triggers at that time
	unfit   map[string]bool          // tables that cannot be synced as they are, which was told
	trouble atomic.Pointer[error]    // of the last look
	samples map[string][]sample
	sampled map[string]time.Time // when the samples of each table were taken
	refused map[string]bool      // triggers in other schemas that the user may not make
	denied  atomic.Pointer[[]Denied]
	lost    atomic.Pointer[map[string]time.Time] // tables of which rows vanished, and when that was last noticed
	known   map[string]*memory                   // what is in sync_captured; nil before the first look
	planned *plan                                // of the last look
	mended  bool                                 // whether the last look had something to do
	took    time.Duration                        // by a look, as far as a busy machine lets that be seen

	holds    map[place]*hold          // tables that somebody holds, so that their triggers cannot be made
	lacking  atomic.Pointer[[]string] // synced tables that are not captured for that
	fresh    map[string]bool          // of these, those that never were
	recorded map[string]bool          // tables of which Missed was told that they are not captured, and not yet that they are
}

// NewWatcher returns a Watcher of tables whose triggers stand; Run does its
// work. It drops from the cache what has changed.
func NewWatcher(log *zap.Logger, db *mysqldb.DB, ts *schema.Tables, c WatchConfig) *Watcher {
	if c.Interval == 0 {
		c.Interval = 5 * time.Second
	}
	w := &Watcher{WatchConfig: c, log: log, db: db, tables: ts, now: time.Now, seen: map[string]*schema.Table{},
		right: map[string]time.Time{}, unfit: map[string]bool{}, samples: map[string][]sample{}, sampled: map[string]time.Time{}, refused: map[string]bool{},
		holds: map[place]*hold{}, fresh: map[string]bool{}, recorded: map[string]bool{}}
	w.lacking.Store(&c.Uncaptured)
	for _, name := range c.Synced {
		w.right[name] = w.now()
	}
	return w
}

// Run looks at the tables until ctx ends. Errors are logged and tried again: at
// once and in silence where a table was altered during the look.
func (w *Watcher) Run(ctx context.Context) error {
	for {
		begun := time.Now()
		err := w.look(ctx)
		if err == nil && !w.mended {
			w.timed(time.Since(begun))
		}
		if mysqldb.SchemaChanged(err) {
			err = w.look(ctx)
		}
		w.trouble.Store(&err)
		if err != nil && ctx.Err() == nil {
			w.log.Warn("could not inspect the tables; retrying", zap.Duration("next", w.Interval), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(w.rest(err)):
		}
	}
}

// A look takes the server, and this process, as long as there are tables. So it rests longer
// the longer it takes, and the node at rest costs the same with many tables as with few.
const (
	restTimes = 30
	restMost  = 30 * time.Second
)

// rest returns how long to wait for the next look.
func (w *Watcher) rest(err error) time.Duration {
	if err != nil || w.mended {
		return w.Interval
	}
	return max(w.Interval, min(restTimes*w.took, restMost))
}

// timed notes how long a look took that had nothing to do: the least of late, since another
// process may have been in its way.
func (w *Watcher) timed(took time.Duration) {
	if w.took *= 2; w.took == 0 || took < w.took {
		w.took = took
	}
}

// Trouble returns why the last look failed: until one does not, triggers may be
// missing. It may be called from any goroutine.
func (w *Watcher) Trouble() error {
	if err := w.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// Denied returns the foreign keys to parents in other schemas whose cascades are not
// captured. It may be called from any goroutine.
func (w *Watcher) Denied() []Denied {
	if list := w.denied.Load(); list != nil {
		return *list
	}
	return nil
}

// Vanished returns the tables of which rows are gone that no trigger saw go, and when
// that was last noticed. It may be called from any goroutine.
func (w *Watcher) Vanished() map[string]time.Time {
	if lost := w.lost.Load(); lost != nil {
		return *lost
	}
	return nil
}

// Lose notes that rows of a table are gone that cannot be told to have been deleted. It may
// be called from any goroutine.
func (w *Watcher) Lose(table string) {
	for {
		before := w.lost.Load()
		lost := map[string]time.Time{}
		if before != nil {
			lost = maps.Clone(*before)
		}
		lost[table] = w.now()
		if w.lost.CompareAndSwap(before, &lost) {
			if w.Lost != nil {
				w.Lost(table, lost[table])
			}
			return
		}
	}
}

// look brings definitions and triggers to where they shall be.
func (w *Watcher) look(ctx context.Context) error {
	begun := w.now()
	if err := w.definitions(ctx); err != nil {
		return err
	}
	tables, err := w.synced(ctx)
	if err != nil {
		return err
	}
	keys, err := schema.Ancestry(ctx, w.db, w.db.Name)
	if err != nil {
		return err
	}
	w.forgetTied(keys)
	p, err := w.plan(ctx, tables, keys)
	if err != nil {
		return err
	}
	keys, lacking := p.usable, slices.Clone(p.lacking)
	others := others(w.db.Name, keys)
	standing, err := readTriggers(ctx, w.db, others)
	if err != nil {
		return err
	}
	first := w.known == nil
	if err := w.recall(ctx, tables); err != nil {
		return err
	}
	if first {
		if err := w.findFresh(ctx, tables, standing); err != nil {
			return err
		}
	}
	whole := p.wanted
	list := slices.DeleteFunc(slices.Clone(whole), func(t trigger) bool { return w.refused[t.id()] })
	w.mended = !w.stand(list, standing)
	if w.mended {
		if err := w.mend(ctx, list, standing, tables, keys); err != nil {
			return err
		}
		if standing, err = readTriggers(ctx, w.db, others); err != nil {
			return err
		}
	} else if err := w.noteCaptured(ctx, nil); err != nil {
		return err
	}
	w.stood = standing
	for _, t := range whole {
		if w.refused[t.id()] {
			lacking = append(lacking, refused(t, keys)...)
		}
	}
	w.denied.Store(&lacking)
	for _, t := range tables {
		if w.Captures(t.Name) {
			w.seen[t.Name], w.right[t.Name] = t, begun
		}
	}
	errs := []error{w.sample(ctx, tables, begun)}
	for _, t := range tables {
		if !w.Captures(t.Name) {
			continue // a start then finds that it was not
		}
		m := p.memory(t, w.db.Name, list, standing)
		m.Samples = w.samples[t.Name]
		if !m.equal(w.known[t.Name]) {
			errs = append(errs, m.write(ctx, w.db, t.Name))
			w.known[t.Name] = m
		}
	}
	return errors.Join(errs...)
}

// stand reports whether the triggers stand as they are wanted, no others of ours do, and
// none was made since the last look.
func (w *Watcher) stand(list []trigger, standing map[string]standing) bool {
	for _, t := range list {
		if s := standing[t.id()]; s.trigger != t.shown() || w.remade(s) {
			return false
		}
	}
	return len(standing) == len(list)
}

// remade reports whether somebody has made a trigger anew since the last look: it was
// not there meanwhile.
func (w *Watcher) remade(s standing) bool {
	before, ok := w.stood[s.id()]
	return ok && before.made != s.made
}

// recall reads, at the first look, what is remembered of earlier runs.
func (w *Watcher) recall(ctx context.Context, tables []*schema.Table) error {
	if w.known != nil {
		return nil
	}
	known, err := readMemories(ctx, w.db)
	if err != nil {
		return err
	}
	w.known = known
	for _, t := range tables {
		if m := known[t.Name]; m != nil && sameKey(m, remember(t, w.db.Name, nil, nil, nil)) {
			w.samples[t.Name], w.sampled[t.Name] = m.Samples, m.at
		}
	}
	return nil
}

// definitions drops from the cache the tables that have changed since the last
// look, and tells which are gone.
func (w *Watcher) definitions(ctx context.Context) error {
	all := slices.Concat(w.Synced, w.Received)
	slices.Sort(all)
	all = slices.Compact(all)
	prints, err := schema.Fingerprints(ctx, w.db, all)
	if err != nil {
		return err
	}
	for _, name := range all {
		now, before := prints[name], w.prints[name]
		if now == before {
			continue
		}
		w.tables.Forget(name)
		delete(w.samples, name)
		switch {
		case w.prints == nil: // the first look, which recalls the samples later
		case now == "":
			w.log.Warn("a table is gone; rows received for it are refused until it is back", zap.String("table", name))
		case before == "":
			w.log.Info("a table is there again", zap.String("table", name))
			w.Changed(ctx, name)
		default:
			w.log.Info("the definition of a table has changed", zap.String("table", name))
			w.Changed(ctx, name)
		}
	}
	w.prints = prints
	return nil
}

// synced returns the synced tables that are there and have a key. The triggers
// of another are not wanted: those of a key column that is gone would make the
// user's writes fail. Promise 7.
func (w *Watcher) synced(ctx context.Context) ([]*schema.Table, error) {
	var list []*schema.Table
	for _, name := range w.Synced {
		t, err := w.tables.Table(ctx, name)
		switch {
		case err == nil:
			list = append(list, t)
			delete(w.unfit, name)
		case errors.Is(err, schema.ErrUnfit):
			if !w.unfit[name] {
				w.log.Error("a table can no longer be synced; its writes are not captured until it can", zap.String("table", name), zap.Error(err))
			}
			w.unfit[name] = true
		case !errors.Is(err, schema.ErrNoTable):
			return nil, err
		}
	}
	return list, nil
}

// mend makes the wanted triggers stand, and records which tables' writes may
// not have been captured meanwhile. Promise 1.
func (w *Watcher) mend(ctx context.Context, list []trigger, standing map[string]standing, tables []*schema.Table, keys []schema.ForeignKey) error {
	for _, table := range w.missed(list, standing, tables, keys) {
		if w.fresh[table] || w.recorded[table] {
			continue
		}
		w.log.Warn("a table's triggers were wrong and have been repaired; its rows are sent to the remotes because writes may have been missed",
			zap.String("table", table), zap.Time("lastSeenRight", w.right[table]))
		if err := w.record(ctx, table); err != nil {
			return err
		}
		w.recorded[table] = true
	}
	done, err := install(ctx, w.log, w.db, list, standing, 1, w.rests)
	for _, table := range done.disowned {
		w.Lose(table)
	}
	for _, t := range done.denied {
		w.refused[t.id()] = true
	}
	if done.failed == nil {
		return err // nothing is known that was not before
	}
	w.noteHolds(done.held)
	lacking := uncaptured(done.held, w.db.Name, tables, keys)
	for _, table := range uncaptured(done.failed, w.db.Name, tables, keys) {
		if !w.Captures(table) && !slices.Contains(lacking, table) {
			lacking = append(lacking, table) // it still is not
		}
	}
	return errors.Join(err, w.noteCaptured(ctx, lacking))
}

func (w *Watcher) record(ctx context.Context, table string) error {
	if err := w.Missed(ctx, table); err != nil {
		return fmt.Errorf("record that writes to %s were not captured: %w", table, err)
	}
	return nil
}

// missed returns the tables that could be written without being captured.
func (w *Watcher) missed(list []trigger, standing map[string]standing, tables []*schema.Table, keys []schema.ForeignKey) []string {
	var names []string
	for _, t := range list {
		s, ok := standing[t.id()]
		switch {
		case s.trigger == t.shown() && !w.remade(s):
		case t.time == "AFTER": // a table's own
			i := slices.IndexFunc(tables, func(x *schema.Table) bool { return x.Name == t.table })
			if !ok || s.table != t.table || w.remade(s) || !failing(w.seen[t.table], tables[i]) {
				names = append(names, t.table)
			}
		case !ok && w.stood[t.id()].trigger == t.shown() || ok && (s.table != t.table || w.remade(s)):
			// A cascade that went unseen can have changed all that is below.
			for _, x := range tables {
				if slices.Contains(below(t.on(w.db.Name), keys), place{w.db.Name, x.Name}) {
					names = append(names, x.Name)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// failing reports whether the triggers of an earlier definition of a table have
// made all writes fail: they name a key column that is not there any more.
func failing(before, now *schema.Table) bool {
	if before == nil {
		return false
	}
	for _, k := range before.Key {
		if _, ok := now.Column(before.Columns[k].Name); !ok {
			return true
		}
	}
	return false
}

// below returns the tables that foreign keys can change when a row of the parent
// changes.
func below(parent place, keys []schema.ForeignKey) []place {
	found := []place{parent}
	for i := 0; i < len(found); i++ {
		for _, f := range keys {
			if parentOf(f) == found[i] && !slices.Contains(found, childOf(f)) {
				found = append(found, childOf(f))
			}
		}
	}
	return found[1:]
}
