package transform

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Stats counts the outcomes of calls of a table's file since New.
type Stats struct {
	Table, File   string
	Calls, Errors int64
	Last          string    // error; empty if none
	LastAt        time.Time // when it occurred
	LastRow       string    // the id of its row
}

// Stats returns the Stats of each table that has a file, by table.
func (t *Transformers) Stats() []Stats {
	var list []Stats
	l := t.loaded.Load()
	for table, file := range l.files {
		list = append(list, Stats{Table: table, File: file})
	}
	for i := range list {
		t.counts.of(list[i].Table).read(&list[i])
	}
	slices.SortFunc(list, func(x, y Stats) int { return cmp.Compare(x.Table, y.Table) })
	return list
}

// counts holds a *count for each table.
type counts struct{ sync.Map }

func (c *counts) of(table string) *count {
	if n, ok := c.Load(table); ok {
		return n.(*count)
	}
	n, _ := c.LoadOrStore(table, &count{})
	return n.(*count)
}

// count counts the outcomes of a table's calls.
type count struct {
	calls, errors atomic.Int64

	mu   sync.Mutex
	last Stats // only the fields about the last error
}

// add counts a call for a row, and its error if the script is to blame for it.
func (c *count) add(ctx context.Context, id string, err error) {
	c.calls.Add(1)
	if err == nil || errors.Is(err, ErrDropped) || ctx.Err() != nil {
		return
	}
	c.errors.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last.Last, c.last.LastAt, c.last.LastRow = bounded(err.Error()), time.Now(), bounded(id)
}

func (c *count) read(s *Stats) {
	s.Calls, s.Errors = c.calls.Load(), c.errors.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Last, s.LastAt, s.LastRow = c.last.Last, c.last.LastAt, c.last.LastRow
}
