package trigger

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Bounds of the pause between two checks of the tables themselves, which is ten times that between two polls: while a
// trigger is missing, its table is not captured.
const (
	watchLeast = time.Second
	watchMost  = 5 * time.Second
)

// watcher repairs the triggers while the node runs, whatever happens to the tables.
type watcher struct {
	capture.WatchConfig
	*Source
	now         func() time.Time
	tempo       tempo
	definitions definitions
	arms        arms
	holds       holds
	gaps        gaps
	ends        ends
	known       map[string]*memory // the contents of sync_captured; nil before the first check
}

// Watch implements capture.Source.
func (s *Source) Watch(ctx context.Context, ts *schema.Tables, c capture.WatchConfig) error {
	return newWatcher(s, ts, c).run(ctx)
}

func newWatcher(s *Source, ts *schema.Tables, c capture.WatchConfig) *watcher {
	if c.Interval == 0 {
		c.Interval = min(max(10*s.Interval, watchLeast), watchMost)
	}
	w := &watcher{WatchConfig: c, Source: s, now: time.Now,
		definitions: definitions{log: s.log, db: s.db, tables: ts, unfit: map[string]bool{}},
		arms:        arms{seen: map[string]*schema.Table{}, right: map[string]time.Time{}, refused: map[string]bool{}},
		gaps:        gaps{missed: c.Missed, fresh: map[string]bool{}, recorded: map[string]bool{}},
		ends:        ends{log: s.log, db: s.db, tables: ts, source: s.asked(), lose: s.lose, samples: map[string][]sample{}, sampled: map[string]time.Time{}},
	}
	w.holds = holds{log: s.log, now: w.now, interval: min(c.Interval, watchLeast), list: map[place]*hold{}}
	for _, name := range c.Synced {
		w.arms.right[name] = w.now()
	}
	return w
}

// run checks the tables until ctx ends. Errors are logged and retried; if a table was altered during the check, it retries
// at once and silently.
func (w *watcher) run(ctx context.Context) error {
	for {
		begun := time.Now()
		err := w.look(ctx)
		if err == nil && !w.tempo.mended {
			w.tempo.timed(time.Since(begun))
		}
		if mysqldb.SchemaChanged(err) {
			err = w.look(ctx)
		}
		w.trouble.Store(&err)
		if err != nil && ctx.Err() == nil {
			w.log.Warn("could not inspect the tables; retrying", zap.Duration("next", min(w.WatchConfig.Interval, watchLeast)), zap.Error(err))
		}
		if w.rest(ctx, begun, w.tempo.rest(w.WatchConfig.Interval, err)) != nil {
			return nil
		}
	}
}

// rest waits until the next check. If a definition may have changed meanwhile, that comes a second after the last one began at the latest.
func (w *watcher) rest(ctx context.Context, begun time.Time, most time.Duration) error {
	if err := pause.Kicked(ctx, w.Altered, most); err != nil {
		return err
	}
	return pause.For(ctx, min(most, watchLeast)-time.Since(begun))
}

// look updates the definitions and repairs the triggers.
func (w *watcher) look(ctx context.Context) error {
	begun := w.now()
	if err := w.again(ctx); err != nil {
		return err
	}
	if err := w.define(ctx); err != nil {
		return err
	}
	tables, err := w.definitions.synced(ctx, w.Synced)
	if err != nil {
		return err
	}
	keys, err := schema.Ancestry(ctx, w.db, w.db.Name)
	if err != nil {
		return err
	}
	w.definitions.forgetTied(keys)
	p, err := w.arms.plan(ctx, w.db, tables, keys, w.Config)
	if err != nil {
		return err
	}
	others := others(w.db.Name, p.usable)
	standing, err := readTriggers(ctx, w.db, others)
	if err != nil {
		return err
	}
	if err := w.recall(ctx, tables, standing); err != nil {
		return err
	}
	if err := w.rekeyed(ctx, tables); err != nil {
		return err
	}
	list := w.arms.makeable(p.wanted)
	w.tempo.mended = !w.arms.stand(list, standing)
	if w.tempo.mended {
		if err := w.mend(ctx, list, standing, tables, p.usable); err != nil {
			return err
		}
		if standing, err = readTriggers(ctx, w.db, others); err != nil {
			return err
		}
	} else if err := w.captured(ctx, nil); err != nil {
		return err
	}
	w.saw(p, standing, tables, begun)
	return errors.Join(w.ends.look(ctx, tables, begun), w.remember(ctx, p, list, standing, tables))
}

// define drops tables whose definition has changed since the last check from the cache, and reports those that exist.
func (w *watcher) define(ctx context.Context) error {
	first := w.definitions.prints == nil
	changed, err := w.definitions.look(ctx, slices.Concat(w.Synced, w.Received))
	for _, name := range changed {
		w.ends.forget(name)
		if !first && w.definitions.prints[name] != "" {
			w.Changed(ctx, name)
		}
	}
	return err
}

// recall reads, at the first check, what earlier runs remembered.
func (w *watcher) recall(ctx context.Context, tables []*schema.Table, standing map[string]standing) error {
	if w.known != nil {
		return nil
	}
	known, err := readMemories(ctx, w.db)
	if err != nil {
		return err
	}
	var held []*schema.Table // without a memory
	for _, t := range tables {
		m := known[t.Name]
		if m != nil && sameKey(m, remember(t, w.db.Name, nil, nil, nil)) {
			w.ends.recall(t.Name, m)
		}
		if m == nil && !w.Captures(t.Name) {
			held = append(held, t)
		}
	}
	if err := w.gaps.findFresh(ctx, w.db, held, standing); err != nil {
		return err
	}
	w.known = known
	return nil
}

// rekeyed records that writes may have been missed to tables with another primary key than remembered: what waits names no
// rows of theirs. Row triggers would be wrong, and tell.
func (w *watcher) rekeyed(ctx context.Context, tables []*schema.Table) error {
	for _, t := range tables {
		m := w.known[t.Name]
		if !w.NoRows || m == nil || sameKey(m, remember(t, w.db.Name, nil, nil, nil)) || w.gaps.known(t.Name) {
			continue
		}
		w.log.Warn("a table's primary key has changed; its rows are sent to the remotes because writes may have been missed", zap.String("table", t.Name))
		if err := w.gaps.open(ctx, t.Name); err != nil {
			return err
		}
	}
	return nil
}

// mend installs the wanted triggers, and first records which tables' writes may have been missed. Promise 1.
func (w *watcher) mend(ctx context.Context, list []trigger, standing map[string]standing, tables []*schema.Table, keys []schema.ForeignKey) error {
	for _, table := range w.arms.missed(w.db.Name, list, standing, tables, keys) {
		if w.gaps.known(table) {
			continue
		}
		w.log.Warn("a table's triggers were wrong and have been repaired; its rows are sent to the remotes because writes may have been missed",
			zap.String("table", table), zap.Time("lastSeenRight", w.arms.right[table]))
		if err := w.gaps.open(ctx, table); err != nil {
			return err
		}
	}
	done, err := install(ctx, w.log, w.db, list, standing, 1, w.holds.rests)
	for _, table := range done.disowned {
		w.lose(table)
	}
	for _, t := range done.denied {
		w.arms.refused[t.id()] = true
	}
	if done.failed == nil {
		return err // nothing new is known
	}
	w.holds.note(done.held)
	lacking := uncaptured(done.held, w.db.Name, tables, keys)
	for _, table := range uncaptured(done.failed, w.db.Name, tables, keys) {
		if !w.Captures(table) && !slices.Contains(lacking, table) {
			lacking = append(lacking, table) // still not
		}
	}
	return errors.Join(err, w.captured(ctx, lacking))
}

// captured records that all tables except lacking are captured.
func (w *watcher) captured(ctx context.Context, lacking []string) error {
	w.lacking.Store(&lacking)
	return w.gaps.close(ctx, lacking)
}

// saw records what exists after a check, and which triggers are missing because the user may not create them.
func (w *watcher) saw(p *plan, standing map[string]standing, tables []*schema.Table, begun time.Time) {
	w.arms.stood = standing
	denied := slices.Clone(p.lacking)
	for _, t := range p.wanted {
		if w.arms.refused[t.id()] {
			denied = append(denied, refused(t, p.usable)...)
		}
	}
	w.denied.Store(&denied)
	for _, t := range tables {
		if w.Captures(t.Name) {
			w.arms.seen[t.Name], w.arms.right[t.Name] = t, begun
		}
	}
}

// remember records how the tables are captured.
func (w *watcher) remember(ctx context.Context, p *plan, list []trigger, standing map[string]standing, tables []*schema.Table) error {
	var errs []error
	for _, t := range tables {
		if !w.Captures(t.Name) {
			continue // so that the next start finds that it was not captured
		}
		m := p.memory(t, w.db.Name, list, standing)
		m.Samples = w.ends.samples[t.Name]
		if !m.equal(w.known[t.Name]) {
			errs = append(errs, m.write(ctx, w.db, t.Name))
			w.known[t.Name] = m
		}
	}
	return errors.Join(errs...)
}
