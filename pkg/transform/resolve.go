package transform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dop251/goja"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// resolveLimit is how long one call of resolve may take: the row is locked meanwhile. Promise 7.
const resolveLimit = time.Second

// errLocked is what a script gets that sends queries or messages while a row is locked.
var errLocked = errors.New("resolve must not query or publish while the row is locked")

// refusing is the Querier and the Publisher of resolve.
type refusing struct{}

func (refusing) Query(context.Context, string, string) ([]value.Entity, error) { return nil, errLocked }

func (refusing) Publish(context.Context, string, []byte, byte, bool) error { return errLocked }

// Conflict is two versions of a row, neither of which had seen the other. Local is the node's own.
type Conflict struct {
	Table, ID       string
	Local, Incoming Side
}

// Side is one of the two. A nil Entity is a deleted row.
type Side struct {
	change.Version
	Entity value.Entity
}

// HasResolve reports whether table's file exports resolve.
func (t *Transformers) HasResolve(table string) bool {
	return t.loaded.Load().file(table, true) != ""
}

// Resolve returns the row that the resolve function of c.Table's file makes of two; nil is a deleted row. It takes at
// most a second, and waits for no process: if there is none yet the error is Transient. Otherwise the error names the
// file and what is wrong with it, or is ErrNoResolve if there is no such function.
func (t *Transformers) Resolve(ctx context.Context, c Conflict) (value.Entity, error) {
	if !t.HasResolve(c.Table) {
		return nil, fmt.Errorf("resolve %s: %w", c.Table, ErrNoResolve)
	}
	r := t.run(ctx, c.Table, true, []task{{kind: resolve, Call: Call{Table: c.Table, ID: c.ID}, conflict: c}})[0]
	return r.Entity, r.Err
}

// ErrNoResolve means that a table's file, if there is one, does not export resolve.
var ErrNoResolve = errors.New("its transformer file exports no resolve")

// conflict returns the argument of resolve.
func (m *machine) conflict(c Conflict) (*goja.Object, error) {
	local, err := m.side(c.Local)
	if err != nil {
		return nil, err
	}
	incoming, err := m.side(c.Incoming)
	if err != nil {
		return nil, err
	}
	earlier, later := local, incoming
	if c.Local.Version.Compare(c.Incoming.Version) > 0 {
		earlier, later = later, earlier
	}
	o := m.vm.NewObject()
	for _, property := range []struct {
		name  string
		value any
	}{
		{"table", c.Table},
		{"id", c.ID},
		{"local", local},
		{"incoming", incoming},
		{"earlier", earlier},
		{"later", later},
		{"database", m.database}, // these three refuse
		{"mysql", m.database},
		{"mqtt", m.mqtt},
	} {
		o.Set(property.name, property.value)
	}
	return o, nil
}

// side returns a version of the row; its time is in milliseconds, as in a Date.
func (m *machine) side(s Side) (*goja.Object, error) {
	o := m.vm.NewObject()
	o.Set("entity", goja.Null())
	if s.Entity != nil {
		entity, err := m.object(s.Entity)
		if err != nil {
			return nil, err
		}
		o.Set("entity", entity)
	}
	o.Set("origin", s.Author())
	o.Set("time", float64(s.Time)/1000)
	return o, nil
}
