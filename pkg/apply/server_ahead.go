package apply

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// ahead is what a transaction asks of rows in the statement that locks them, once they are locked, since it is what is asked next.
// Its answers are given once: what is asked again is asked of the server.
type ahead struct {
	table  *schema.Table
	rows   []change.Row
	sent   bool
	states map[change.Row]change.State // nil: given
	asked  capture.Question            // nil: given, or not asked
}

// Expect has the next Lock ask about the rows, too, if they are few.
func (x *session) Expect(t *schema.Table, rows []change.Row, unseen bool) {
	x.unseen = unseen && len(rows) >= manyRows
	if x.ahead = nil; len(rows) <= version.AskMost {
		x.ahead = &ahead{table: t, rows: rows}
	}
}

// queries returns what is asked ahead.
func (x *session) queries() (list []mysqldb.Query) {
	a := x.ahead
	if a == nil || len(a.rows) == 0 || a.sent { // what was asked before these rows were locked anew is too old
		x.ahead = nil
		return nil
	}
	q, scan, states := version.Ask(a.rows)
	a.sent, a.states = true, states
	list = append(list, mysqldb.Query{Statement: q, Scan: scan})
	if a.table.Spelling() == value.Exact { // else local changes may have other keys, which are not known yet
		var q mysqldb.Statement
		a.asked = x.source.Ask(a.table.Name, func(yield func(string) bool) {
			for _, r := range a.rows {
				if !yield(r.Key) {
					return
				}
			}
		})
		a.asked.AddTo(&q)
		list = append(list, mysqldb.Query{Statement: &q, Scan: a.asked.Scan})
	}
	return list
}

// takeStates returns the rows' states, if these were asked.
func (a *ahead) takeStates(rows []change.Row) (states map[change.Row]change.State, ok bool) {
	if a == nil || a.states == nil || !slices.Equal(a.rows, rows) {
		return nil, false
	}
	states, a.states = a.states, nil
	return states, true
}

// takeQuestion returns the question about a table's keys, in any order, if it was asked.
func (a *ahead) takeQuestion(table string, keys []string) (q capture.Question, ok bool) {
	if a == nil || a.asked == nil || a.table.Name != table || len(keys) != len(a.rows) {
		return nil, false
	}
	asked := make(map[string]bool, len(keys))
	for _, r := range a.rows {
		asked[r.Key] = true
	}
	for _, key := range keys {
		if !asked[key] {
			return nil, false
		}
	}
	q, a.asked = a.asked, nil
	return q, true
}
