package route

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// NotTheirs returns the rows of a table that a client may not write. It may write those that are routed to it, and those that it had
// and lost, until it has acked that: it may have news of them. Being marked for it is not enough; see outbox.MarkLost. A row without a
// label is anyone's.
func (r *Router) NotTheirs(ctx context.Context, db mysqldb.Queryer, client, table string, rows []change.Row) (map[change.Row]bool, error) {
	return r.notTheirs(client, table, rows, func(of []change.Row) (map[change.Row]uint32, error) { return version.Labels(ctx, db, of) },
		func(of []change.Row) (map[change.Row]bool, error) { return marked(ctx, db, client, table, of) })
}

// NotTheirsIn is NotTheirs for any Database.
func (r *Router) NotTheirsIn(ctx context.Context, tx Tx, client, table string, rows []change.Row) (map[change.Row]bool, error) {
	return r.notTheirs(client, table, rows, func(of []change.Row) (map[change.Row]uint32, error) { return tx.Labels(ctx, of) },
		func(of []change.Row) (map[change.Row]bool, error) { return tx.Marked(ctx, client, table, of) })
}

func (r *Router) notTheirs(client, table string, rows []change.Row, read func([]change.Row) (map[change.Row]uint32, error), marked func([]change.Row) (map[change.Row]bool, error)) (map[change.Row]bool, error) {
	if r.All(client, table) || len(rows) == 0 || r.hadAll(table, client) {
		return nil, nil
	}
	labels, err := read(rows)
	if err != nil {
		return nil, err
	}
	var others []change.Row
	labelled := r.Ready(table)
	for _, row := range rows {
		if id := labels[row]; id != 0 && !r.To(table, id, client) && !slices.Contains(r.unheard(id), client) && (labelled || !slices.Contains(r.hadBy(table, id), client)) {
			others = append(others, row)
		}
	}
	if len(others) == 0 {
		return nil, nil
	}
	lost, err := marked(others)
	if err != nil {
		return nil, err
	}
	not := map[change.Row]bool{}
	for _, row := range others {
		if !lost[row] {
			not[row] = true
		}
	}
	return not, nil
}
