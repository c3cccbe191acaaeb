package render

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Querier runs scripts' statements on the node's database, in sessions that no one else uses: their writes are local
// writes like any other.
type Querier struct{ Guests *mysqldb.Guests }

// Query runs one statement and returns its rows in entity form.
func (q Querier) Query(ctx context.Context, file, query string) (list []value.Entity, err error) {
	err = q.Guests.Query(ctx, file, query, entities(&list))
	return list, later(err)
}

// later marks errors that resolve themselves: neither the script nor the row is at fault, on the way out as on the way
// in.
func later(err error) error {
	if mysqldb.Transient(err) {
		return transform.Later(err)
	}
	return err
}

// OnlyReading is the Querier for scripts that may not write. A statement that writes returns no rows, as such
// statements do.
type OnlyReading struct{ Guests *mysqldb.Guests }

// Query runs one statement and returns its rows; none if it writes.
func (r OnlyReading) Query(ctx context.Context, file, query string) ([]value.Entity, error) {
	rows, _, err := r.query(ctx, file, query)
	return rows, err
}

// query also reports whether the statement was refused, since it writes.
func (r OnlyReading) query(ctx context.Context, file, query string) (list []value.Entity, writes bool, err error) {
	err = r.Guests.Read(ctx, "only read "+file, query, entities(&list))
	if mysqldb.Number(err) == readOnlyTransaction {
		return nil, true, nil
	}
	return list, false, later(err)
}

// readOnlyTransaction is the server's error for a statement that writes.
const readOnlyTransaction = 1792

// mostAnswered bounds the rows that a script's statement returns, in bytes.
const mostAnswered = 64 << 20

// rowOverhead is what a value takes beside its bytes.
const rowOverhead = 64

// entities returns a function that puts the rows of an answer into list, in entity form.
func entities(list *[]value.Entity) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		types, err := rows.ColumnTypes()
		if err != nil {
			return err
		}
		columns := make([]value.Column, len(types))
		for i, t := range types {
			name := strings.ToLower(strings.TrimPrefix(t.DatabaseTypeName(), "UNSIGNED "))
			kind, err := value.KindOf(name)
			if err != nil {
				kind = value.Text
			}
			columns[i] = value.Column{Name: t.Name(), DataType: name, Kind: kind}
		}
		size := 0
		for rows.Next() {
			raw := make([][]byte, len(columns))
			into := make([]any, len(columns))
			for i := range raw {
				into[i] = &raw[i]
			}
			if err := rows.Scan(into...); err != nil {
				return fmt.Errorf("read the result: %w", err)
			}
			e := make(value.Entity, len(columns))
			for i := range columns {
				if size += len(raw[i]) + rowOverhead; size > mostAnswered {
					return fmt.Errorf("the statement returns more than %d MiB of rows", mostAnswered>>20)
				}
				e[i] = value.Field{Name: columns[i].Name, Value: columns[i].Decode(raw[i], time.UTC)}
			}
			*list = append(*list, e)
		}
		return nil
	}
}
