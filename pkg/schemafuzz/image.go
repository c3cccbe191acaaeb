package schemafuzz

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
)

// querier is a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// look reads a table; how is empty or FOR UPDATE.
func look(ctx context.Context, q querier, t *Table, how string) (image, error) {
	rows, err := q.QueryContext(ctx, fmt.Sprintf("SELECT %s, n, tok FROM %s %s", t.columns(), t.Name, how))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	m := image{}
	values := make([]sql.NullString, len(t.Columns)+2)
	targets := make([]any, len(values))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		var all, key strings.Builder
		for i, v := range values {
			if i > 0 {
				all.WriteByte('|')
			}
			if v.Valid {
				fmt.Fprintf(&all, "%q", v.String)
			} else {
				all.WriteString("NULL")
			}
		}
		for _, at := range t.Key {
			fmt.Fprintf(&key, "%q|", values[at].String)
		}
		text := values[len(values)-1].String
		if _, twice := m[text]; twice {
			return nil, fmt.Errorf("two rows of %s have the token %s", t.Name, text)
		}
		m[text] = row{all: all.String(), key: key.String(), u: t.u(values)}
	}
	return m, rows.Err()
}

// u returns the value of the column u, quoted; empty if there is none.
func (t *Table) u(values []sql.NullString) string {
	for at, c := range t.Columns {
		if c.Name == "u" && values[at].Valid {
			return fmt.Sprintf("%q", values[at].String)
		}
	}
	return ""
}

// read adds what a site has in sync_conflicts.
func (k *kept) read(ctx context.Context, q querier) error {
	rows, err := q.QueryContext(ctx, "SELECT table_name, policy, SUBSTRING_INDEX(loser_origin, '~', 1), loser_row, winner_row FROM sync_conflicts")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var table, policy, origin string
		var loser, winner sql.NullString
		if err := rows.Scan(&table, &policy, &origin, &loser, &winner); err != nil {
			return err
		}
		if !loser.Valid {
			k.deletes[keptDelete{table, origin}] = true
			continue
		}
		lost, err := tok(loser)
		if err != nil {
			return err
		}
		won, err := tok(winner)
		if err != nil {
			return err
		}
		k.rows[token{table, lost}] = true
		if policy == apply.ForeignKey && won == lost {
			k.moved[token{table, lost}] = true
		}
	}
	return rows.Err()
}

// tok returns the token of a row in sync_conflicts; empty for a deletion.
func tok(text sql.NullString) (string, error) {
	if !text.Valid {
		return "", nil
	}
	var r struct{ Tok string }
	if err := json.Unmarshal([]byte(text.String), &r); err != nil {
		return "", fmt.Errorf("read a row in sync_conflicts: %w", err)
	}
	return r.Tok, nil
}
