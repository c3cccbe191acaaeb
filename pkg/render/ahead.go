package render

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Bounds of a row that is read ahead: how large it may be, and how long it is kept. Promise 10.
const (
	aheadBytes = 60 << 10
	aheadTime  = time.Second
)

// Ahead is the row that was last read with the COMMIT of its version, for the sender that asks for it next. It was read when everyone could see
// its version, as if the sender had been that quick: so it is no older than that, and what is written later has a position of its own in
// the stream. If it was not asked for, none is read ahead for a moment: there may be no one to send to, or more to send than single rows.
// The zero value is ready, and safe for concurrent use.
type Ahead struct {
	mu    sync.Mutex
	asked time.Time // when a row was last to be read
	taken bool      // it was asked for
	rest  time.Time // until then none is read
	row   *readRow
}

// readRow is a row as it was read.
type readRow struct {
	change.Row
	version change.Version
	table   *schema.Table // its definition then
	values  [][]byte
}

// Ahead returns the query for a row that is written alone, if it is worth it; capture runs it with the COMMIT of the row's version. What is
// sent of tables with a transformer or routes depends on more than the row.
func (n *Renderer) Ahead(ctx context.Context, e version.Entry) (q mysqldb.Query, ok bool) {
	if n.Read == nil || !n.DB.AsksAfterwards() || e.Fate != version.There || n.Routes != nil && n.Routes.Routed(e.Table) ||
		n.Transformers.Has(e.Table) || n.Tables.Aside(e.Table) != nil {
		return q, false
	}
	t, err := n.Tables.Table(ctx, e.Table)
	if err != nil || !t.Shows() || t.Spelling() != value.Exact {
		return q, false
	}
	q.Statement = new(mysqldb.Statement)
	if t.AddRows(q.Statement, slices.Values([]string{e.Key})) != nil || !n.Read.begin(time.Now()) {
		return q, false
	}
	q.Scan = func(rows *sql.Rows) error {
		return n.Read.scan(rows, readRow{Row: e.Row, version: e.Version, table: t})
	}
	return q, true
}

// scan keeps a row as it is read, unless it is large, or the definition no longer holds.
func (a *Ahead) scan(rows *sql.Rows, r readRow) error {
	types, err := rows.ColumnTypes()
	if err == nil {
		err = r.table.CheckColumns(types)
	}
	if err != nil {
		return err
	}
	raw := make([]sql.RawBytes, len(types))
	into := make([]any, len(raw))
	for i := range raw {
		into[i] = &raw[i]
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	length := 0
	for _, b := range raw {
		length += len(b)
	}
	if length > aheadBytes || string(raw[0]) != r.Key {
		return nil
	}
	r.values = clone(raw[1:], length)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.row = &r
	return nil
}

// begin reports whether a row should be read ahead.
func (a *Ahead) begin(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Before(a.rest) {
		return false
	}
	if !a.asked.IsZero() && !a.taken {
		a.asked, a.row, a.rest = time.Time{}, nil, now.Add(aheadTime)
		return false
	}
	a.asked, a.taken, a.row = now, false, nil
	return true
}

// take returns the values of a row that was read ahead by a definition, for the version under which it is sent.
func (a *Ahead) take(t *schema.Table, i outbox.Item, now time.Time) ([][]byte, bool) {
	if a == nil {
		return nil, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.row
	if r == nil || now.Sub(a.asked).Abs() > aheadTime || r.table != t || r.Row != i.Row || r.version != i.Version {
		return nil, false
	}
	a.taken = true
	return r.values, true
}
