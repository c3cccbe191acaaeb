package schemafuzz

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// settle waits until nothing is left to do and all sites are equal. It reports whether it came to that.
func (w *world) settle(when string) bool {
	end, told := time.Now().Add(w.patience), 0
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		if w.ctx.Err() != nil {
			w.wrong("interrupted %s", when)
			return false
		}
		err := w.settled()
		if err == nil {
			return true
		}
		if time.Now().After(end) || w.userFailed() {
			w.wrong("not settled %s: %v", when, err)
			return false
		}
		time.Sleep(pause)
		if told++; told%10 == 0 && w.script.Kinds.Has(Uniques|Apart) && w.clear() {
			end = time.Now().Add(w.patience)
		}
	}
}

// userFailed reports whether users have been disturbed: there is nothing more to find out then.
func (w *world) userFailed() bool {
	return slices.ContainsFunc(w.sites, func(x *site) bool { return x.failed != nil })
}

// settled returns nil when nothing is left to do, nothing is told, and all sites have the same rows.
func (w *world) settled() error {
	for _, x := range w.sites {
		if x.failed != nil {
			return x.failed
		}
		if err := x.atRest(); err != nil {
			return err
		}
	}
	first, err := w.sites[0].tables(w)
	if err != nil {
		return err
	}
	for _, x := range w.sites[1:] {
		other, err := x.tables(w)
		if err != nil {
			return err
		}
		if err := differ(w.sites[0].name, x.name, first, other); err != nil {
			return err
		}
	}
	return nil
}

// tables reads all tables of a site.
func (x *site) tables(w *world) (map[string]image, error) {
	all := map[string]image{}
	for _, t := range w.script.Schema.Tables {
		m, err := look(w.ctx, x.db, t, "")
		if err != nil {
			return nil, fmt.Errorf("read %s of %s: %w", t.Name, x.name, err)
		}
		all[t.Name] = m
	}
	return all, nil
}

// differ returns an error that names the first few rows in which two sites differ.
func differ(one, two string, a, b map[string]image) error {
	var list []string
	for _, table := range slices.Sorted(maps.Keys(a)) {
		for text, r := range a[table] {
			if b[table][text] != r {
				list = append(list, fmt.Sprintf("%s: %s only at %s: %s", table, text, one, r.all))
			}
		}
		for text, r := range b[table] {
			if a[table][text] != r {
				list = append(list, fmt.Sprintf("%s: %s only at %s: %s", table, text, two, r.all))
			}
		}
	}
	if len(list) == 0 {
		return nil
	}
	return errors.New(strings.Join(list[:min(len(list), 12)], "\n  "))
}

// clear does what a person does about a unique value that two sites have given to different rows: the row of one of
// them gets another. It reports whether there were any. A value that only one site is told about stands in the way of
// nothing, or ought not to.
func (w *world) clear() bool {
	type told struct {
		site  *site
		table *Table
		key   string
	}
	var list []told
	sites := map[string]map[string]bool{}
	for _, x := range w.sites {
		for _, t := range w.script.Schema.Tables {
			var keys []string
			err := x.db.Select(&keys, `SELECT DISTINCT primary_key FROM sync_status WHERE status <> 'successful' AND table_name = ? AND message LIKE '%Duplicate entry%'`, t.Name)
			if err != nil {
				return false
			}
			for _, key := range keys {
				list = append(list, told{x, t, key})
				if sites[t.Name] == nil {
					sites[t.Name] = map[string]bool{}
				}
				sites[t.Name][x.name] = true
			}
		}
	}
	list = slices.DeleteFunc(list, func(x told) bool { return len(x.table.Uniques) == 0 || len(sites[x.table.Name]) < 2 })
	for _, x := range list {
		w.result.Cleared++
		name := fmt.Sprintf("clear %d at %s", w.result.Cleared, x.site.name)
		q := fmt.Sprintf("UPDATE %[1]s SET tok = CONCAT('clear%[2]d.', LEFT(SHA2(tok, 256), 12)), u = CONCAT('clear%[2]d.', LEFT(SHA2(tok, 256), 12)) WHERE CONCAT_WS(',', %[3]s) = '%[4]s'",
			x.table.Name, w.result.Cleared, x.table.shown(), strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(x.key))
		c := Transaction{Name: name, Statements: []string{q}}
		c.touch(w.script.Schema, x.table)
		x.site.work(w.ctx, []Transaction{c})
	}
	return len(list) > 0
}

// shown returns the columns of the key as sync_status shows them.
func (t *Table) shown() string {
	var list []string
	for _, at := range t.Key {
		c := t.Columns[at]
		switch {
		case strings.HasPrefix(c.Type.sql, "BIT"):
			list = append(list, c.Name+" + 0")
		default:
			list = append(list, c.Name)
		}
	}
	return strings.Join(list, ", ")
}
