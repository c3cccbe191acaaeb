package transform

import (
	"context"
	"errors"
	"fmt"

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

// Result is what became of a Call. Err is ErrDropped where the target does not have
// the row; else it names the file and what is wrong with it, and wraps the error of the
// Querier or Publisher that the script did not catch, or ctx's.
type Result struct {
	Entity value.Entity
	ID     string // of a delete: which row it means at the target
	Err    error
}

// Apply returns the entity that the script of c.Table makes of c.Entity, or
// c.Entity itself where the table has none. The result shares no memory with
// c.Entity. The error is as of Result.
func (t *Transformers) Apply(ctx context.Context, c Call) (value.Entity, error) {
	r := t.run(ctx, c.Table, false, []task{{kind: upsert, Call: c}})[0]
	return r.Entity, r.Err
}

// ApplyDelete asks the script of c.Table, by its onDelete function, which row a
// delete means at the target. Without such a function that is c.ID. drop says
// that the target does not have the row. Errors are as of Result.
func (t *Transformers) ApplyDelete(ctx context.Context, c Call) (id string, drop bool, err error) {
	r := t.run(ctx, c.Table, false, []task{{kind: remove, Call: c}})[0]
	if errors.Is(r.Err, ErrDropped) {
		return "", true, nil
	}
	return r.ID, false, r.Err
}

// ApplyAll is Apply, or for a nil Entity ApplyDelete, for many rows of a table, one
// after the other. It costs much less than as many calls. Where the results are large it
// returns those of the first calls only, at least one: the others were not made, or are to be
// made again. See roomRows.
func (t *Transformers) ApplyAll(ctx context.Context, table string, calls []Call) []Result {
	tasks := make([]task, len(calls))
	for i, c := range calls {
		tasks[i] = task{kind: upsert, Call: c}
		if c.Entity == nil {
			tasks[i].kind = remove
		}
	}
	return t.run(ctx, table, false, tasks)
}

// run has the file of a table do tasks, and counts them.
func (t *Transformers) run(ctx context.Context, table string, resolver bool, tasks []task) []Result {
	l := t.loaded.Load()
	file := l.file(table, resolver)
	if file == "" {
		results := make([]Result, len(tasks))
		for i := range tasks {
			results[i] = Result{Entity: tasks[i].Entity, ID: tasks[i].ID}
		}
		return results
	}
	results := l.runner.run(ctx, script{file, resolver}, tasks)
	n := t.counts.of(table)
	for i := range results {
		r := &results[i]
		if !Transient(r.Err) {
			n.add(ctx, tasks[i].ID, r.Err)
		}
		if r.Err != nil && !errors.Is(r.Err, ErrDropped) {
			r.Entity, r.ID, r.Err = nil, "", fmt.Errorf("%s %s: %w", tasks[i].kind, table, r.Err)
		}
	}
	return results
}
