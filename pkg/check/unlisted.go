package check

import "github.com/mysql-sync/mysql-sync/pkg/schema"

// unlisted says what happens to rows of unlisted tables that refer to a row that is deleted elsewhere.
func (j *tableJudge) unlisted() {
	const cascades = "cascade" // of foreignKeyConflict
	seen := map[string]bool{j.t.Name: true}
	for next := j.t.Referrers; len(next) > 0; {
		k := next[0]
		next = next[1:]
		name := k.Table
		if k.Schema != k.RefSchema {
			name = k.Schema + "." + k.Table
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		listed := j.cfg.Syncs(name) || j.cfg.Receives(name)
		switch {
		case listed:
		case j.cfg.ForeignKeyConflict != cascades:
			j.f.Warnf(j.t.Name, "", "a row deleted elsewhere stays here while rows of %s, which is not synced, refer to it (foreign key %s)", name, k.Name)
		case j.cfg.TakesAlong(name):
			j.f.Warnf(j.t.Name, "", "deleting a row elsewhere deletes or changes rows of %s here (foreign key %s), which is not synced: cascadeTables allows it", name, k.Name)
		default:
			j.f.Warnf(j.t.Name, "Add "+name+" to receiveTables, or to cascadeTables if its rows may be deleted.",
				"a delete from elsewhere is refused here while rows of %s, which is not synced, refer to the row (foreign key %s)", name, k.Name)
		}
		if !j.cfg.Receives(name) && j.cfg.ForeignKeyConflict == cascades && k.OnDelete != "SET NULL" { // received ones are judged themselves
			next = append(next, j.referrers(k)...)
		}
	}
}

// referrers returns the foreign keys that refer to the child table of the given one, within the database.
func (j *tableJudge) referrers(k schema.ForeignKey) (list []schema.ForeignKey) {
	for _, o := range j.c.keys {
		if k.Schema == k.RefSchema && o.RefTable == k.Table {
			list = append(list, o)
		}
	}
	return list
}
