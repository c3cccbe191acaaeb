package transform

import (
	"context"
	"errors"
	"fmt"

	"github.com/dop251/goja"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// ErrDropped is what Apply returns when the script returned null: the row is
// not for this target.
var ErrDropped = errors.New("dropped by the transformer")

// Call is one row on its way from Source to Target, two client names.
type Call struct {
	Table, ID      string
	Source, Target string
	Entity         value.Entity // nil for a delete
}

// Apply returns the entity that the script of c.Table makes of c.Entity, or
// c.Entity itself where the table has none. The result shares no memory with
// c.Entity. The error is ErrDropped, or names the file and what is wrong with
// it; it wraps the error of the Querier or Publisher that the script did not
// catch, or ctx's.
func (t *Transformers) Apply(ctx context.Context, c Call) (value.Entity, error) {
	s := t.script(c.Table)
	if s == nil {
		return c.Entity, nil
	}
	var entity value.Entity
	err := s.run(ctx, c.Table, func(ctx context.Context, m *machine) error {
		entityObject, err := m.object(c.Entity)
		if err != nil {
			return err
		}
		result, err := m.call(ctx, m.main, m.context(c, "upsert", entityObject))
		if err != nil {
			return err
		}
		entity, err = m.entity(result, c.Entity)
		return err
	})
	t.counts.of(c.Table).add(ctx, c.ID, err)
	if err != nil {
		return nil, fmt.Errorf("transform %s: %w", c.Table, err)
	}
	return entity, nil
}

// ApplyDelete asks the script of c.Table, by its onDelete function, which row a
// delete means at the target. Without such a function that is c.ID. drop says
// that the target does not have the row. Errors are as of Apply.
func (t *Transformers) ApplyDelete(ctx context.Context, c Call) (id string, drop bool, err error) {
	s := t.script(c.Table)
	if s == nil {
		return c.ID, false, nil
	}
	err = s.run(ctx, c.Table, func(ctx context.Context, m *machine) error {
		if m.onDelete == nil {
			id = c.ID
			return nil
		}
		result, err := m.call(ctx, m.onDelete, m.context(c, "delete", goja.Null()))
		if err != nil {
			return err
		}
		id, err = m.id(result)
		return err
	})
	t.counts.of(c.Table).add(ctx, c.ID, err)
	if errors.Is(err, ErrDropped) {
		return "", true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("transform delete in %s: %w", c.Table, err)
	}
	return id, false, nil
}
