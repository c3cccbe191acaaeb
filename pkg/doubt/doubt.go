package doubt

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// Config configures Doubts.
type Config struct {
	Log     *zap.Logger
	Tables  []string // all tables that remotes should have identical
	Synced  func(table string) bool
	Remotes []string
	// Comparable reports whether a table should be identical here and at a remote.
	Comparable func(remote, table string) bool
	// Compared returns the last comparison of a table with a remote, if there was one.
	Compared func(remote, table string) (status.Comparison, bool)
	// Changed is called when a doubt has ended.
	Changed func()
}

// Doubts are the doubts of one node. They are safe for concurrent use.
type Doubts struct {
	cfg  Config
	kick chan struct{} // there is a doubt to write

	mu        sync.Mutex
	at        map[schema.Doubt]time.Time // when they were noticed
	unwritten map[schema.Doubt]bool
	missed    map[string]bool // tables that this run noticed were not captured
	setBack   time.Time       // zero: the database was not restored
}

// New returns the Doubts of a node that has noticed nothing yet.
func New(cfg Config) *Doubts {
	return &Doubts{cfg: cfg, kick: make(chan struct{}, 1), at: map[schema.Doubt]time.Time{}, unwritten: map[schema.Doubt]bool{}, missed: map[string]bool{}}
}

// Vanished records that rows of a table vanished without firing a trigger.
func (d *Doubts) Vanished(table string, at time.Time) {
	d.note(schema.Doubt{Table: table, Kind: schema.DoubtVanished}, at)
}

// Unseen records that writes to a table may have been missed while the node was down. Once it returns nil the doubt is
// stored: it must be, before anything makes the table look right.
func (d *Doubts) Unseen(ctx context.Context, s Store, table string, at time.Time) error {
	d.Missed(table)
	d.note(schema.Doubt{Table: table, Kind: schema.DoubtUnseen}, at)
	return d.write(ctx, s)
}

// Missed records that writes to a table may have been missed for a moment.
func (d *Doubts) Missed(table string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.missed[table] = true
}

// HasMissed reports whether this run noticed that writes to a table may have been missed.
func (d *Doubts) HasMissed(table string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.missed[table]
}

// note records a doubt and has it stored soon. Without remotes there is nothing to differ from.
func (d *Doubts) note(x schema.Doubt, at time.Time) {
	if len(d.cfg.Remotes) == 0 {
		return
	}
	d.mu.Lock()
	d.at[x], d.unwritten[x] = at, true
	d.mu.Unlock()
	d.wake()
}

func (d *Doubts) wake() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// Of returns the tables with a doubt of one kind, and when each was noticed.
func (d *Doubts) Of(kind string) map[string]time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	tables := map[string]time.Time{}
	for x, at := range d.at {
		if x.Kind == kind {
			tables[x.Table] = at
		}
	}
	return tables
}

// SetBack returns when a restore of the database from a backup was noticed; nil if there was none, or everything has
// been compared since.
func (d *Doubts) SetBack() *time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.setBack.IsZero() {
		return nil
	}
	at := d.setBack
	return &at
}

// Recall reads what earlier runs noticed. It drops a table that is no longer synced, and
// one that cannot be compared with any remote: nothing would ever end its doubt.
func (d *Doubts) Recall(ctx context.Context, s Store) error {
	setBack, err := s.SetBackAt(ctx)
	if err != nil {
		return err
	}
	all, err := s.Doubts(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setBack = setBack
	for x, at := range all {
		if _, now := d.at[x]; now {
			continue // it was noticed at this start
		}
		compares := func(remote string) bool { return d.cfg.Comparable(remote, x.Table) }
		if !d.cfg.Synced(x.Table) || !slices.ContainsFunc(d.cfg.Remotes, compares) {
			if err := s.End(ctx, x); err != nil {
				return err
			}
			continue
		}
		d.at[x] = at
	}
	return nil
}

// lastTime bounds the last write when the node stops.
const lastTime = time.Second

// Run stores what is noticed until ctx ends.
func (d *Doubts) Run(ctx context.Context, s Store) error {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
			defer cancel()
			_ = d.write(last, s) // the database may be away, which is already logged
			return nil
		case <-d.kick:
		}
		for range pause.Even(ctx, time.Second) {
			if d.write(ctx, s) == nil { // others log what is wrong with the database
				break
			}
		}
	}
}

// write stores new doubts.
func (d *Doubts) write(ctx context.Context, s Store) error {
	d.mu.Lock()
	due := map[schema.Doubt]time.Time{}
	for x := range d.unwritten {
		due[x] = d.at[x]
	}
	d.mu.Unlock()
	for x, at := range due {
		if err := s.Set(ctx, x, at); err != nil {
			return err
		}
		d.mu.Lock()
		if d.at[x].Equal(at) {
			delete(d.unwritten, x)
		}
		d.mu.Unlock()
	}
	return nil
}

// end drops a doubt, unless it was noticed again after at.
func (d *Doubts) end(ctx context.Context, s Store, x schema.Doubt, at time.Time) error {
	if err := s.End(ctx, x); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at[x].Equal(at) {
		delete(d.at, x)
		delete(d.unwritten, x)
		return nil
	}
	d.unwritten[x] = true // it may have been deleted just now
	d.wake()
	return nil
}

// all returns a copy.
func (d *Doubts) all() map[schema.Doubt]time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.at)
}
