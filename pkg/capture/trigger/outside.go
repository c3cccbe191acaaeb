package trigger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// A parent may be in another schema, where the node does nothing else. The name of a trigger there says whose it is: two
// nodes with their own schemas may each have one on the same parent, and a node does not drop another node's triggers from
// its schema.

// outsidePrefix starts the names of the triggers that a schema's node has in other schemas.
func outsidePrefix(own string) string { return "mysql_sync_" + short(own)[:12] + "_" }

func outsideName(own, event, table string) string {
	return cut(outsidePrefix(own) + event + "_" + table)
}

func denied(f schema.ForeignKey, p place) capture.Denied {
	return capture.Denied{ForeignKey: f.Table + "." + f.Name, Parent: p.schema + "." + p.table,
		Grant: "GRANT SELECT, TRIGGER, LOCK TABLES ON " + mysqldb.Quote(p.schema) + ".* TO"}
}

// notAllowed are the server's errors when a user lacks a right to a table.
var notAllowed = []int{1044, 1142, 1143, 1227, 1370}

func notGranted(err error) bool { return slices.Contains(notAllowed, mysqldb.Number(err)) }

// readable returns the foreign keys that affect the synced tables: those whose tables the node's user may read, and those
// whose tables it may not. A trigger that reads a table without the privilege would make users' writes fail. Promise 7. It
// queries nothing if all tables are in one schema.
func readable(ctx context.Context, db *mysqldb.DB, tables []*schema.Table, keys []schema.ForeignKey) (usable []schema.ForeignKey, lacking []capture.Denied, err error) {
	keys = Bearing(db.Name, tables, keys)
	columns := map[place][]string{}
	for _, f := range keys {
		if f.Schema != db.Name {
			columns[childOf(f)] = append(columns[childOf(f)], f.Columns...)
		}
		if f.RefSchema != db.Name {
			columns[parentOf(f)] = append(columns[parentOf(f)], f.RefColumns...)
		}
	}
	closed := map[place]bool{}
	for p, names := range columns {
		err := mysqldb.Each(ctx, db, "SELECT "+list("", names)+" FROM "+qualified(p.schema, p.table)+" LIMIT 0", nil, func(*sql.Rows) error { return nil })
		if err != nil && !notGranted(err) {
			return nil, nil, fmt.Errorf("look at %s.%s: %w", p.schema, p.table, err)
		}
		closed[p] = err != nil
	}
	for _, f := range keys {
		switch {
		case closed[childOf(f)]:
			lacking = append(lacking, denied(f, childOf(f)))
		case closed[parentOf(f)]:
			lacking = append(lacking, denied(f, parentOf(f)))
		default:
			usable = append(usable, f)
		}
	}
	return usable, lacking, nil
}

// refused returns the foreign keys behind a trigger that the user may not create.
func refused(t trigger, keys []schema.ForeignKey) []capture.Denied {
	var list []capture.Denied
	for _, f := range keys {
		if parentOf(f) == (place{t.schema, t.table}) && (follows(f.OnDelete) || follows(f.OnUpdate)) {
			list = append(list, denied(f, parentOf(f)))
		}
	}
	return list
}

// others returns the schemas other than the node's in which there may be triggers.
func others(own string, keys []schema.ForeignKey) []string {
	list := []string{}
	for _, f := range keys {
		if f.RefSchema != own {
			list = append(list, f.RefSchema)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// qualified quotes a name, with its schema unless that is the node's own.
func qualified(schema, name string) string {
	if schema == "" {
		return mysqldb.Quote(name)
	}
	return mysqldb.Quote(schema) + "." + mysqldb.Quote(name)
}

// likePrefix returns the LIKE pattern for names with a prefix.
func likePrefix(prefix string) string { return strings.ReplaceAll(prefix, "_", `\_`) + "%" }
