package paused

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// every is how often a running node reads sync_pauses.
const every = time.Second

// Config configures Pauses.
type Config struct {
	Log     *zap.Logger
	DB      *mysqldb.DB
	Synced  []string // tables
	Parents func(ctx context.Context, table string) []string
	Changed func() // called when something is paused or resumes; must not block
}

// Pauses are the pauses of a running node. It is safe for concurrent use.
type Pauses struct {
	Config

	now  atomic.Pointer[Set]
	look sync.Mutex
}

// New returns a node's pauses; there are none before the first Look.
func New(c Config) *Pauses {
	p := &Pauses{Config: c}
	p.now.Store(&Set{})
	return p
}

// Run calls Look every second until ctx ends.
func (p *Pauses) Run(ctx context.Context) error {
	told := false
	for pause.For(ctx, every) == nil {
		err := p.Look(ctx)
		if err != nil && ctx.Err() == nil && !told {
			p.Log.Warn("could not read what is paused; what was paused stays so, retrying", zap.Error(err))
		}
		told = err != nil
	}
	return nil
}

// All returns what is paused.
func (p *Pauses) All() Set { return *p.now.Load() }

// Holds reports whether sending a table to a remote is paused; without a table, whether sending everything is.
func (p *Pauses) Holds(remote, table string) bool { return p.All().Holds(remote, table) }

// Look reads the pauses, removes those that are over, and logs which began and ended.
func (p *Pauses) Look(ctx context.Context) error {
	p.look.Lock()
	defer p.look.Unlock()
	list, over, err := read(ctx, p.DB, "")
	if err != nil {
		return err
	}
	before := p.All()
	s := SetOf(list, p.Synced, func(table string) []string { return p.Parents(ctx, table) })
	if len(s)+len(before) > 0 && !reflect.DeepEqual(s, before) {
		p.now.Store(&s)
		p.tell(before, s, over)
		p.Changed()
	}
	for _, x := range over {
		if !slices.ContainsFunc(before, x.same) {
			p.Log.Info("a pause ended while the node was down", x.fields()...)
		}
		// Someone may just have paused it anew.
		_, err := p.DB.ExecContext(ctx, `DELETE FROM sync_pauses WHERE remote = ? AND table_name = ? AND until_at <= UTC_TIMESTAMP(6)`, x.Remote, x.Table)
		if err != nil {
			return fmt.Errorf("delete from sync_pauses: %w", err)
		}
	}
	return nil
}

// tell logs the difference between two sets.
func (p *Pauses) tell(before, now Set, over []Pause) {
	for _, h := range before {
		switch {
		case slices.ContainsFunc(over, func(x Pause) bool { return h.same(Held{Pause: x}) }):
			p.Log.Info("sending goes on: the pause is over", h.fields()...)
		case !slices.ContainsFunc(now, h.same):
			p.Log.Info("sending goes on: it was resumed", h.fields()...)
		}
	}
	for _, h := range now {
		if !slices.ContainsFunc(before, func(x Held) bool { return h.same(x) && h.Until.Equal(x.Until) && h.Reason == x.Reason && h.By == x.By }) {
			p.Log.Info("sending is paused", append(h.fields(), zap.Strings("along", h.Along))...)
		}
	}
}

// same reports whether two pauses are of the same remote and table.
func (p Pause) same(h Held) bool { return p.Remote == h.Remote && p.Table == h.Table }

// fields are a log line's.
func (p Pause) fields() []zap.Field {
	all := func(name string) string {
		if name == "" {
			return "all"
		}
		return name
	}
	list := []zap.Field{zap.String("remote", all(p.Remote)), zap.String("table", all(p.Table))}
	if !p.Until.IsZero() {
		list = append(list, zap.Time("until", p.Until))
	}
	if p.By != "" {
		list = append(list, zap.String("by", p.By))
	}
	if p.Reason != "" {
		list = append(list, zap.String("reason", p.Reason))
	}
	return list
}
