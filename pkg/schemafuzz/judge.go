package schemafuzz

import (
	"fmt"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// judge checks the final state once all sites are equal.
func (w *world) judge() {
	k := newKept()
	for _, x := range w.sites {
		if err := k.read(w.ctx, x.DB); err != nil {
			w.wrong("read sync_conflicts of %s: %v", x.Name, err)
		}
		var n int
		if err := x.DB.QueryRow(`SELECT COUNT(*) FROM sync_conflicts`).Scan(&n); err != nil {
			w.wrong("count sync_conflicts of %s: %v", x.Name, err)
		}
		w.result.Conflicts += n
	}
	final, err := w.sites[0].tables(w)
	if err != nil {
		w.wrong("%v", err)
		return
	}
	w.result.Wrong = append(w.result.Wrong, w.ledger.check(final, k)...)
	if w.result.Conflicts > 0 && !w.script.Kinds.Has(Apart) && w.script.Routes == nil { // a site does not see rows of others
		w.wrong("%d rows are in conflict, though only one site wrote at a time", w.result.Conflicts)
	}
	if w.script.Routes != nil {
		w.verify()
	}
	for _, x := range w.sites {
		for _, t := range w.script.Schema.Tables {
			for _, f := range t.ForeignKeys {
				var n int
				if err := x.DB.QueryRow(dangling(t, f)).Scan(&n); err != nil || n > 0 {
					w.wrong("%d rows of %s at %s dangle: %s refers to no row of %s: %v", n, t.Name, x.Name, f.Name, f.Parent.Name, err)
				}
			}
		}
	}
}

// verify has the hub compare all tables with each site. A site that has just been killed may be offline yet.
func (w *world) verify() {
	for end := time.Now().Add(w.patience); ; time.Sleep(200 * time.Millisecond) {
		said, err := testkit.Command(w.tb, "verify", w.sites[0].File).CombinedOutput()
		if err == nil {
			return
		}
		if !strings.Contains(string(said), "is offline") || time.Now().After(end) {
			w.wrong("verify at %s: %v\n%s", w.sites[0].Name, err, said)
			return
		}
	}
}

// dangling counts the rows whose parents are missing.
func dangling(t *Table, f ForeignKey) string {
	on, null := "", ""
	for i, at := range f.Columns {
		on += fmt.Sprintf(" AND c.%s = p.%s", t.Columns[at].Name, f.Parent.Columns[f.Parent.Key[i]].Name)
		null += fmt.Sprintf(" AND c.%s IS NOT NULL", t.Columns[at].Name)
	}
	return fmt.Sprintf("SELECT COUNT(*) FROM %s c WHERE TRUE%s AND NOT EXISTS (SELECT 1 FROM %s p WHERE TRUE%s)", t.Name, null, f.Parent.Name, on)
}
