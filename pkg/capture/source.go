package capture

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Source notices local writes to the synced tables, but not what apply writes. It promises:
//
//   - Each committed write is yielded after its commit, at least once, until it is consumed. Promise 1.
//   - Anyone who holds a row's lock and asks learns of each write to it that is committed but not consumed. Promise 3.
//   - Consuming is part of the caller's transaction: if that is rolled back, nothing was consumed.
type Source interface {
	Feed
	Asked
	Counted
	Armed
}

// Feed yields the writes to record.
type Feed interface {
	// Next returns writes waiting to be recorded. It waits for some, but not for long: nil means none so far.
	Next(ctx context.Context) (Batch, error)
}

// Batch is a set of writes to record in one transaction.
type Batch interface {
	// Entries returns the writes; those of one row in the order in which it was written. There may be none.
	Entries() []Entry
	// Consume removes everything that the batch was made from from its Source. The error is ErrConsumed if some of it is
	// already gone. Then it runs queries, in the same round trip where it can.
	Consume(ctx context.Context, tx mysqldb.Tx, w *version.Writing, then ...mysqldb.Query) error
}

// ErrConsumed means that someone else has consumed entries of a batch meanwhile.
var ErrConsumed = fmt.Errorf("changes were taken by apply: %w", version.ErrNothing)

// Asked tells which writes to rows are waiting to be recorded, and lets whoever decides about these rows consume them.
type Asked interface {
	// Ask returns the question which writes to some rows of a table are waiting. Each row is named by its key, or by all
	// of its spellings if it has several.
	Ask(table string, keys iter.Seq[string]) Question
	// Consume removes the given entries, which were part of an answer, and no others, from the Source.
	Consume(ctx context.Context, tx mysqldb.Tx, w *version.Writing, entries []Entry) error
}

// Question is what a Source must learn from the server to give an answer. It is part of the caller's statement, so it costs
// no round trip of its own; see Uncaptured for a standalone one.
type Question interface {
	// AddTo appends a query to a statement.
	AddTo(*mysqldb.Statement)
	// Scan reads a row of the query's result.
	Scan(*sql.Rows) error
	// Answer returns the writes, in order for each row, once the query was answered. It may wait, but not for row locks.
	Answer(context.Context) ([]Entry, error)
}

// Glancer is a Source that can tell at a glance, in most cases, that no write to many rows waits to be recorded.
type Glancer interface {
	// None reports that none does, to a row of any table with such a key; false: ask.
	None(ctx context.Context, db mysqldb.Queryer, keys []string) (bool, error)
}

// Counted tells how many writes are waiting.
type Counted interface {
	// Count returns how many writes wait to be recorded, but at most most.
	Count(ctx context.Context, most int) (int64, error)
}

// Entry is a local write of a row.
type Entry struct {
	ID      uint64 // identifies it in its Source, together with its row
	Row     change.Row
	Written int64            // µs since 1970, and not ahead of the node's clock
	Gone    sql.NullBool     // whether it removed the row, if known
	Changed []string         // the columns that it changed; nil: all, or unknown
	Counted []change.Counted // what it did to counters
	// Server is the member of a cluster that was written to. The order of writes to a row at two of them is unknown.
	Server    uint8
	unordered bool // the order of the row's entries is unknown
}

// Uncaptured returns the writes to some rows of a table that wait to be recorded, by the rows' keys.
func Uncaptured(ctx context.Context, db mysqldb.Queryer, s Asked, table string, keys []string) (map[string][]Entry, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var q mysqldb.Statement
	question := s.Ask(table, slices.Values(keys))
	question.AddTo(&q)
	if err := q.Query(ctx, db, question.Scan); err != nil {
		return nil, fmt.Errorf("read local changes of %s: %w", table, err)
	}
	return Answered(ctx, question, table)
}

// Answered returns the answer to a question about rows of a table, by the rows' keys.
func Answered(ctx context.Context, q Question, table string) (map[string][]Entry, error) {
	list, err := q.Answer(ctx)
	if err != nil {
		return nil, fmt.Errorf("read local changes of %s: %w", table, err)
	}
	byKey := make(map[string][]Entry, len(list))
	for _, e := range list {
		byKey[e.Row.Key] = append(byKey[e.Row.Key], e)
	}
	return byKey, nil
}

// Changed returns the columns that some writes to a row changed; nil: all, or unknown.
func Changed(entries []Entry) []string {
	changed := []string{}
	for i := range entries {
		if changed = both(changed, entries[i].Changed); changed == nil {
			return nil
		}
	}
	return changed
}

// Additions returns what some writes to a row did to the given counters, in order.
func Additions(entries []Entry, counters []string) (counted []change.Counted) {
	for i := range entries {
		for _, w := range entries[i].Counted {
			if slices.ContainsFunc(counters, func(name string) bool { return strings.EqualFold(name, w.Name) }) {
				counted = append(counted, w)
			}
		}
	}
	return counted
}

// both returns the columns in either list, and changes neither; nil means all columns.
func both(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	all := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// Latest returns the time of the latest of some writes, in µs since 1970; 0 if there are none.
func Latest(entries []Entry) (at int64) {
	for i := range entries {
		at = max(at, entries[i].Written)
	}
	return at
}
