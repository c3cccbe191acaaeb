package transform

import (
	"context"
	"errors"

	"github.com/dop251/goja"
)

// taskKind says which function of a file a task calls.
type taskKind uint8

const (
	upsert taskKind = iota // the main function
	remove                 // onDelete
	resolve
)

// String returns how an error of the task begins.
func (k taskKind) String() string {
	return [...]string{"transform", "transform delete in", "resolve"}[k]
}

// task is one call of a function of a file.
type task struct {
	kind taskKind
	Call
	conflict Conflict // of resolve
}

// script is a file for one of its two uses: each has its own runtimes, so that resolving a conflict, with a row locked,
// never waits for a transformer.
type script struct {
	file     string
	resolver bool
}

// exports is what a file exports.
type exports struct{ main, resolve bool }

// runner runs the functions of one set of files.
type runner interface {
	// check runs a file, and returns what it exports and which files have been used so far.
	check(file string) (exports, []string, error)
	// run runs tasks one after another, as far as ctx allows, and returns as many results, or only the first ones if
	// they are large. Errors begin with the file.
	run(ctx context.Context, s script, tasks []task) []Result
	// close ends the runner's processes once they are idle.
	close()
}

// do runs a task.
func (m *machine) do(ctx context.Context, t *task) (r Result) {
	switch t.kind {
	case upsert:
		r.Err = m.upsert(ctx, t.Call, &r)
	case remove:
		r.Err = m.remove(ctx, t.Call, &r)
	case resolve:
		r.Err = m.resolved(ctx, t.conflict, &r)
	}
	return r
}

func (m *machine) upsert(ctx context.Context, c Call, r *Result) error {
	if m.main == nil {
		return errors.New("module.exports is not a function")
	}
	entity, err := m.object(c.Entity)
	if err != nil {
		return err
	}
	result, err := m.call(ctx, m.main, m.context(c, "upsert", entity))
	if err != nil {
		return err
	}
	r.Entity, err = m.entity(result, c.Entity)
	if err == nil && same(r.Entity, c.Entity) {
		r.Entity, r.Same = c.Entity, true
	}
	return err
}

func (m *machine) remove(ctx context.Context, c Call, r *Result) error {
	if m.onDelete == nil {
		r.ID = c.ID
		return nil
	}
	result, err := m.call(ctx, m.onDelete, m.context(c, "delete", goja.Null()))
	if err != nil {
		return err
	}
	r.ID, err = m.id(result)
	return err
}

func (m *machine) resolved(ctx context.Context, c Conflict, r *Result) error {
	if m.resolve == nil {
		return ErrNoResolve
	}
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
	r.Entity, err = m.entity(result, nil)
	if errors.Is(err, ErrDropped) {
		r.Entity, err = nil, nil
	}
	return err
}
