package schemafuzz

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// settle waits until nothing is left to do and all sites are equal, and reports whether they became so.
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

// userFailed reports whether users were disturbed: then there is nothing more to learn.
func (w *world) userFailed() bool {
	return slices.ContainsFunc(w.sites, func(x *site) bool { return x.failed != nil })
}

// settled returns nil when nothing is left to do, no problem is reported and all sites have the same rows.
func (w *world) settled() error {
	for _, x := range w.sites {
		if x.failed != nil {
			return x.failed
		}
		if err := x.atRest(); err != nil {
			return err
		}
	}
	for _, x := range w.sites[1:] {
		first, err := w.sites[0].part(w, x.Name)
		if err != nil {
			return err
		}
		other, err := x.tables(w)
		if err != nil {
			return err
		}
		if err := differ(w.sites[0].Name, x.Name, first, other); err != nil {
			return err
		}
	}
	return nil
}

// tables reads all tables of a site.
func (x *site) tables(w *world) (map[string]image, error) {
	return x.read(w, func(*Table) string { return "" })
}

// part reads what another site must have of a site's tables.
func (x *site) part(w *world, other string) (map[string]image, error) {
	if w.script.Routes == nil {
		return x.tables(w)
	}
	return x.read(w, func(t *Table) string { return "WHERE " + w.script.Routes.part(t, other) })
}

// read reads the rows of all tables that a condition chooses.
func (x *site) read(w *world, which func(*Table) string) (map[string]image, error) {
	all := map[string]image{}
	for _, t := range w.script.Schema.Tables {
		m, err := look(w.ctx, x.DB, t, which(t))
		if err != nil {
			return nil, fmt.Errorf("read %s of %s: %w", t.Name, x.Name, err)
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

// most is how many values may be reassigned in a run: beyond that something else is wrong.
const most = 300

// clear does what a person would about a unique value that two sites gave to different rows: each
// row gets another value. It reports whether there were any. A value reported at only one site
// blocks nothing, or should not.
func (w *world) clear() bool {
	before := w.result.Cleared
	for _, t := range w.script.Schema.Tables {
		var told []*site
		images := map[*site]image{}
		for _, x := range w.sites {
			var n int
			err := x.DB.Get(&n, `SELECT COUNT(*) FROM sync_status WHERE status <> 'successful' AND table_name = ? AND message LIKE '%Duplicate entry%'`, t.Name)
			if err == nil && n > 0 {
				told = append(told, x)
			}
			if images[x], err = look(w.ctx, x.DB, t, ""); err != nil {
				return false
			}
		}
		if len(t.Uniques) == 0 || len(told) < 2 {
			continue
		}
		for _, x := range told {
			for text, r := range images[x] {
				if w.result.Cleared < most && clashes(r, x, images) {
					w.rename(x, t, text)
				}
			}
		}
	}
	return w.result.Cleared > before
}

// clashes reports whether another row of another site has the same unique value.
func clashes(r row, of *site, images map[*site]image) bool {
	for x, m := range images {
		for _, other := range m {
			if x != of && r.u != "" && other.u == r.u && other.key != r.key {
				return true
			}
		}
	}
	return false
}

// rename gives the row with that token another unique value.
func (w *world) rename(x *site, t *Table, text string) {
	w.result.Cleared++
	c := Transaction{Name: fmt.Sprintf("clear %d at %s", w.result.Cleared, x.Name)}
	c.add(fmt.Sprintf("UPDATE %s SET tok = 'clear.%d', u = 'clear.%d' WHERE tok = '%s'", t.Name, w.result.Cleared, w.result.Cleared, text))
	c.touch(w.script.Schema, t)
	x.work(w.ctx, []Transaction{c})
}
