package mysqldb

import (
	"cmp"
	"context"
	"database/sql"
	"io"
	"strconv"
	"strings"
)

// longText is how long a statement's text may get, in bytes, with values as
// literals. Further values are bound, since a server accepts only so much at
// once (max_allowed_packet, at least 1 MiB), but bound values in several parts.
const longText = 512 << 10

// Statement is a statement on its way to the server. Its values are literals in
// its text: if a statement has thousands, binding each costs more than all the
// rest. They are quoted for the sessions of this package, which exchange utf8mb4
// and have backslashes as escapes. The zero value is empty.
type Statement struct {
	text strings.Builder
	args []any
}

// Grow makes room for n more bytes.
func (s *Statement) Grow(n int) { s.text.Grow(min(n, longText)) }

// Len returns the length of its text so far.
func (s *Statement) Len() int { return s.text.Len() }

// SQL appends a part of the statement that contains no value.
func (s *Statement) SQL(text string) { s.text.WriteString(text) }

// Append appends all of another statement.
func (s *Statement) Append(o *Statement) {
	s.text.WriteString(o.text.String())
	s.args = append(s.args, o.args...)
}

// Null appends NULL.
func (s *Statement) Null() { s.SQL("NULL") }

// Int appends a number.
func (s *Statement) Int(n int64) { s.SQL(strconv.FormatInt(n, 10)) }

// Text appends a text in UTF-8. The server converts it to the required type, and
// checks it.
func (s *Statement) Text(v []byte) {
	if s.text.Len()+len(v) > longText {
		s.Bind(string(v))
		return
	}
	s.quote(v)
}

// Bytes appends bytes, which the server takes unchanged; nil is empty, not NULL.
func (s *Statement) Bytes(v []byte) {
	if s.text.Len()+len(v) > longText {
		s.SQL("CAST(")
		s.Bind(append([]byte{}, v...)) // not NULL, and the caller may reuse v
		s.SQL(" AS BINARY)")           // the driver sends what is prepared as text
		return
	}
	s.SQL("_binary")
	s.quote(v)
}

// Bind appends a value of any type that the driver accepts.
func (s *Statement) Bind(v any) {
	s.SQL("?")
	s.args = append(s.args, v)
}

func (s *Statement) quote(v []byte) {
	s.text.WriteByte('\'')
	from := 0
	for i, c := range v {
		switch c {
		case '\'', '\\':
			s.text.Write(v[from:i])
			s.text.WriteByte('\\')
			from = i
		case 0:
			s.text.Write(v[from:i])
			s.text.WriteString(`\0`)
			from = i + 1
		}
	}
	s.text.Write(v[from:])
	s.text.WriteByte('\'')
}

// Exec runs the statement.
func (s *Statement) Exec(ctx context.Context, db Execer) error {
	_, err := s.Count(ctx, db)
	return err
}

// Count runs the statement and returns how many rows it found, inserted or deleted.
func (s *Statement) Count(ctx context.Context, db Execer) (int64, error) {
	r, err := db.ExecContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Query runs the statement and calls f for each resulting row.
func (s *Statement) Query(ctx context.Context, db Queryer, f func(*sql.Rows) error) error {
	return Each(ctx, db, s.text.String(), s.args, f)
}

// QueryKnown is Query for a caller that first looks at the columns of the result, also of one without rows.
func (s *Statement) QueryKnown(ctx context.Context, db Queryer, columns func([]*sql.ColumnType) error, f func(*sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	if err := columns(types); err != nil {
		return err
	}
	return scanAll(rows, f)
}

// Each runs a query and calls f for each resulting row.
func Each(ctx context.Context, db Queryer, query string, args []any, f func(*sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return scanAll(rows, f)
}

// scanAll calls f for each row of a result.
func scanAll(rows *sql.Rows, f func(*sql.Rows) error) error {
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Query is a query and what takes each resulting row.
type Query struct {
	*Statement
	Scan func(*sql.Rows) error
}

// CountThen runs a statement in a transaction of the pool, and returns how many rows it found, inserted or deleted; then it runs
// queries, as Together does. It must be a statement without arguments that writes only the node's own tables, which are
// transactional: a fenced transaction may send it before it is known that the condition holds.
func (db *DB) CountThen(ctx context.Context, tx Tx, s *Statement, queries ...Query) (n int64, err error) {
	if db.fenced == nil {
		if n, err = s.Count(ctx, tx); err != nil {
			return 0, err
		}
		return n, db.Together(ctx, tx, false, queries...)
	}
	var count Statement
	count.Append(s)
	count.SQL("; SELECT ROW_COUNT()")
	all := append([]Query{{&count, func(r *sql.Rows) error { return r.Scan(&n) }}}, queries...)
	return n, db.Together(ctx, tx, false, all...)
}

// Together runs queries in a transaction of the pool, one after the other, the first error ending it; if the pool is fenced, in one
// round trip. With atOnce the first of them does not wait for locks; see AtOnce.
func (db *DB) Together(ctx context.Context, tx Tx, atOnce bool, queries ...Query) error {
	if len(queries) == 0 {
		return nil
	}
	first := tx
	if atOnce {
		first = db.AtOnce(tx)
	}
	var all Statement
	for i, q := range queries {
		if i > 0 {
			all.SQL("; ")
		}
		all.Append(q.Statement)
	}
	if db.fenced == nil || all.Len() > longText {
		for i, q := range queries {
			on := tx
			if i == 0 {
				on = first
			}
			if err := q.Query(ctx, on, q.Scan); err != nil {
				return err
			}
		}
		return nil
	}
	rows, err := first.QueryContext(ctx, all.text.String(), all.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for i, q := range queries {
		if i > 0 && !rows.NextResultSet() {
			return cmp.Or(rows.Err(), io.ErrUnexpectedEOF)
		}
		if err := scanAll(rows, q.Scan); err != nil {
			return err
		}
	}
	return nil
}
