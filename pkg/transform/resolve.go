package transform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja_nodejs/require"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// resolveLimit is what one call of resolve may take: the row is locked
// meanwhile. Promise 7.
const resolveLimit = time.Second

// errLocked is what a script gets that asks others while a row is locked.
var errLocked = errors.New("resolve must not query or publish: the row is locked meanwhile")

// refusing is the Querier and the Publisher of resolve.
type refusing struct{}

func (refusing) Query(context.Context, string) ([]value.Entity, error) { return nil, errLocked }

func (refusing) Publish(context.Context, string, []byte, byte, bool) error { return errLocked }

// newResolver returns the script that resolves. It has machines of its own, so
// that it never waits for a transformer while a row is locked.
func newResolver(t *Transformers, registry *require.Registry, file string) *script {
	s := newScript(t, registry, file)
	s.limit = min(s.limit, resolveLimit)
	s.querier, s.publisher = refusing{}, refusing{}
	return s
}

// Conflict is two versions of a row, neither of which knew the other. Local is
// the one that the node has.
type Conflict struct {
	Table, ID       string
	Local, Incoming Side
}

// Side is one of the two. A nil Entity is a deleted row.
type Side struct {
	change.Version
	Entity value.Entity
}

// HasResolve tells whether the file of table exports resolve.
func (t *Transformers) HasResolve(table string) bool {
	return (*t.resolvers.Load())[table] != nil
}

// Resolve returns the row that the function resolve of the file of c.Table makes
// of two; nil is a deleted row. It takes at most a second. The error names the
// file and what is wrong with it, and is ErrNoResolve where there is none.
func (t *Transformers) Resolve(ctx context.Context, c Conflict) (value.Entity, error) {
	s := (*t.resolvers.Load())[c.Table]
	if s == nil {
		return nil, fmt.Errorf("resolve %s: %w", c.Table, ErrNoResolve)
	}
	var entity value.Entity
	err := s.run(ctx, c.Table, func(ctx context.Context, m *machine) error {
		argument, err := m.conflict(c)
		if err != nil {
			return err
		}
		result, err := m.call(ctx, m.resolve, argument)
		if err != nil {
			return err
		}
		if goja.IsUndefined(result) {
			return errors.New("resolve returned nothing; return a row, or null to delete it")
		}
		entity, err = m.entity(result, nil)
		if errors.Is(err, ErrDropped) {
			entity, err = nil, nil
		}
		return err
	})
	t.counts.of(c.Table).add(ctx, c.ID, err)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", c.Table, err)
	}
	return entity, nil
}

// ErrNoResolve says that a table's file, if there is one, does not export resolve.
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

// side returns a version of the row; its time is in milliseconds, as of a Date.
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
