package schemafuzz

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// traces returns what a site shows about its rows: the versions, the conflicts, and the node's last
// warnings. It is for debugging a failure.
func (x *site) traces() string {
	var b strings.Builder
	for _, query := range []string{
		`SELECT 'version', table_name, row_id, deleted, origin, time, came_from FROM sync_versions ORDER BY table_name, row_id LIMIT 200`,
		`SELECT 'conflict', table_name, primary_key, policy, winner_origin, winner_time, winner_row, loser_origin, loser_time, loser_row FROM sync_conflicts ORDER BY id LIMIT 100`,
	} {
		if err := x.print(&b, query); err != nil {
			fmt.Fprintf(&b, "-- %v\n", err)
		}
	}
	if x.Node == nil {
		return b.String()
	}
	warnings := slices.DeleteFunc(x.Node.Log(), func(line string) bool { return !strings.Contains(line, "WARN") && !strings.Contains(line, "ERROR") })
	for _, line := range warnings[max(0, len(warnings)-30):] {
		fmt.Fprintf(&b, "-- %s\n", line)
	}
	return b.String()
}

// print writes the rows of a query as comments.
func (x *site) print(b *strings.Builder, query string) error {
	rows, err := x.DB.Queryx(query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		b.WriteString("-- " + x.Name)
		for _, v := range values {
			fmt.Fprintf(b, " %.300q", v.String)
		}
		b.WriteByte('\n')
	}
	return rows.Err()
}
