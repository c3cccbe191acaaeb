package check

import (
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// outside judges the foreign keys that tie the table to other databases.
func (j *tableJudge) outside(sends bool) {
	own := j.s.database
	for _, k := range j.c.ancestry {
		if k.Schema == own && k.Table == j.t.Name && k.RefSchema != own {
			j.f.Warnf(j.t.Name, "Make sure that its rows are the same at all sites.",
				"its foreign key %s refers to %s.%s, in another database, which is not synced: a row is refused if its parent is missing", k.Name, k.RefSchema, k.RefTable)
		}
	}
	if !sends {
		return
	}
	onParents := []string{"SELECT", "TRIGGER"}
	if !j.s.mariaDB {
		onParents = append(onParents, "LOCK TABLES")
	}
	asked := map[string]bool{}
	ask := func(k schema.ForeignKey, database, table string, privileges ...string) {
		if database == own || asked[database+"."+table] {
			return
		}
		asked[database+"."+table] = true
		g := &grants{database: database, list: j.g.list}
		var lacking []string
		for _, p := range privileges {
			if !g.has(p, table) {
				lacking = append(lacking, p)
			}
		}
		if len(lacking) > 0 {
			j.f.Warnf(j.t.Name, grant(lacking, database, account(j.s.user)),
				"rows that the foreign key %s.%s itself deletes or changes are not captured: %s lacks %s on %s.%s, in another database",
				k.Table, k.Name, account(j.s.user), strings.Join(lacking, ", "), database, table)
		}
	}
	for _, k := range choice.Bearing(own, []*schema.Table{j.t}, j.c.ancestry) {
		ask(k, k.RefSchema, k.RefTable, onParents...)
		ask(k, k.Schema, k.Table, "SELECT")
	}
}
