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

// Call is one row on its way from Source to Target, which are client names.
type Call struct {
	Table, ID      string
	Source, Target string
	Job, Date      string       // of a connector: its job, and the date of its report
	Entity         value.Entity // nil for a delete
}

// Result is the outcome of a Call. Err is ErrDropped if the target does not have the row; otherwise it names the file
// and what is wrong with it, and wraps ctx's error or the error of the Querier or Publisher that the script did not
// catch.
type Result struct {
	Entity value.Entity
	Same   bool   // Entity is that of the Call
	ID     string // of a delete: the row it means at the target
	Err    error
}

// Apply returns the entity that c.Table's script makes of c.Entity, or c.Entity itself if it leaves it as it is, or if the
// table has no script. Errors are as in Result.
func (t *Transformers) Apply(ctx context.Context, c Call) (value.Entity, error) {
	r := t.run(ctx, c.Table, false, []task{{kind: upsert, Call: c}})[0]
	return r.Entity, r.Err
}

// ApplyDelete asks the onDelete function of c.Table's script which row a delete means at the target. Without such a
// function that is c.ID. drop means that the target does not have the row. Errors are as in Result.
func (t *Transformers) ApplyDelete(ctx context.Context, c Call) (id string, drop bool, err error) {
	r := t.run(ctx, c.Table, false, []task{{kind: remove, Call: c}})[0]
	if errors.Is(r.Err, ErrDropped) {
		return "", true, nil
	}
	return r.ID, false, r.Err
}

// ApplyAll is Apply, or ApplyDelete for a nil Entity, for many rows of a table, one after another. It is much cheaper
// than as many calls. If the results are large it returns only those of the first calls, at least one: the others were
// not made, or must be made again. See roomRows.
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

// run has a table's file do tasks, and counts them.
func (t *Transformers) run(ctx context.Context, table string, resolver bool, tasks []task) []Result {
	l := t.loaded.Load()
	file := l.file(table, resolver)
	if file == "" {
		results := make([]Result, len(tasks))
		for i := range tasks {
			results[i] = Result{Entity: tasks[i].Entity, Same: true, ID: tasks[i].ID}
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
			r.Entity, r.Same, r.ID, r.Err = nil, false, "", fmt.Errorf("%s %s: %w", tasks[i].kind, table, r.Err)
		}
	}
	return results
}
