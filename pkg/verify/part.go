package verify

import (
	"context"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// Routes say which remotes have which rows; see route.Router. A remote that has some rows of a table is compared by these,
// and is told of no others.
type Routes interface {
	// All reports whether a remote has all rows of a table.
	All(remote, table string) bool
	// Where returns the SQL condition of the rows that it has; "" is all.
	Where(ctx context.Context, remote, table string) (string, error)
	// Read returns the labels of rows as they are now, by key, and To whether a remote has the rows with a label.
	Read(ctx context.Context, db mysqldb.Queryer, t *schema.Table, keys []string) (map[string]uint32, error)
	To(table string, label uint32, remote string) bool
	// Relabel records to which remotes rows of a table are routed now; nobody may have seen how they were written.
	Relabel(ctx context.Context, rows []change.Row) error
}

// partOf returns the range of all rows of a table that a remote has by the routes.
func (vf *Verifier) partOf(ctx context.Context, remote string, t *schema.Table) (r snapshot.Range, err error) {
	r.Where, err = vf.Routes.Where(ctx, remote, t.Name)
	return r, err
}

// keepPart keeps those of the rows that a remote has by the routes.
func (vf *Verifier) keepPart(ctx context.Context, remote string, t *schema.Table, rows map[string][][]byte) error {
	if vf.Routes.All(remote, t.Name) || len(rows) == 0 {
		return nil
	}
	labels, err := vf.Routes.Read(ctx, vf.DB, t, slices.Collect(maps.Keys(rows)))
	for key := range rows {
		if !vf.Routes.To(t.Name, labels[key], remote) {
			delete(rows, key)
		}
	}
	return err
}

// notTheirs returns those of the rows, by key, that exist here and that a remote does not have by the routes.
func (vf *Verifier) notTheirs(ctx context.Context, db mysqldb.Queryer, remote string, t *schema.Table, rows []change.Row) (map[string]bool, error) {
	others := map[string]bool{}
	if vf.Routes.All(remote, t.Name) {
		return others, nil
	}
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.Key
	}
	labels, err := vf.Routes.Read(ctx, db, t, keys)
	for key, label := range labels {
		others[key] = !vf.Routes.To(t.Name, label, remote)
	}
	return others, err
}
