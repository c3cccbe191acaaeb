package apply

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// unknown returns those of some rows of a table that a client has not acked as they are
// now. It is asked for a delete that came by version 1: what such a peer's server does
// to children the peer does not tell, so that for those which it knew the foreign key
// here does the same, and the others are strange to it.
func (a *Applier) unknown(ctx context.Context, tx mysqldb.Tx, client string, rows []change.Row) (map[change.Row]struct{}, error) {
	unknown := make(map[change.Row]struct{}, len(rows))
	table := rows[0].Table
	if !slices.Contains(a.Remotes, client) || !a.Syncs(table) {
		for _, r := range rows {
			unknown[r] = struct{}{}
		}
		return unknown, nil
	}
	known := slices.Clone(rows)
	if err := a.tables.Identify(ctx, known); err != nil {
		return nil, err
	}
	byID := make(map[string]change.Row, 2*len(rows))
	for i, r := range known {
		byID[r.ID()], byID[r.Key] = rows[i], rows[i]
	}
	key := func(r change.Row) string { return r.Key }
	remote := " AND r.remote = " + mysqldb.QuoteString(client)
	for _, place := range []struct { // in the order in which a change goes
		from, and, column string
		of                func(change.Row) string
	}{
		{`SELECT primary_key FROM table_changes WHERE table_name = `, "", "primary_key", key},
		{`SELECT row_id FROM sync_versions v JOIN sync_remotes r ON v.position > r.position WHERE v.table_name = `,
			remote + " AND " + outbox.Needed(client), "row_id", change.Row.ID},
		{`SELECT row_id FROM sync_outbox r WHERE table_name = `, remote, "row_id", change.Row.ID},
	} {
		var q mysqldb.Statement
		q.SQL(place.from)
		q.Text([]byte(table))
		q.SQL(place.and)
		between := " AND " + place.column + " IN ("
		for _, r := range known {
			q.SQL(between)
			q.Bytes([]byte(place.of(r)))
			between = ","
		}
		q.SQL(")")
		err := q.Query(ctx, tx, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			unknown[byID[id]] = struct{}{}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for what %s knows of %s: %w", client, table, err)
		}
	}
	return unknown, nil
}
