package paused

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Held is a pause, and what it holds back.
type Held struct {
	Pause
	// Along are the synced tables that refer to the table, at any depth: at the remote, their rows would wait for
	// paused ones.
	Along []string
}

// Set is a set of pauses. It is immutable.
type Set []Held

// Holds reports whether sending a table to a remote is paused; without a table, whether sending everything is.
func (s Set) Holds(remote, table string) bool {
	return slices.ContainsFunc(s, func(h Held) bool {
		return (h.Remote == "" || h.Remote == remote) && (h.Table == "" || table != "" && (h.Table == table || slices.Contains(h.Along, table)))
	})
}

// Of returns whether all sending to a remote is paused, and the tables that are paused for it; nil if none are.
func (s Set) Of(remote string) (all bool, tables map[string]bool) {
	for _, h := range s {
		switch {
		case h.Remote != "" && h.Remote != remote:
		case h.Table == "":
			all = true
		default:
			if tables == nil {
				tables = map[string]bool{}
			}
			tables[h.Table] = true
			for _, t := range h.Along {
				tables[t] = true
			}
		}
	}
	return all, tables
}

// Parents returns the tables that a table refers to.
type Parents func(table string) []string

// SetOf returns what pauses hold back of the synced tables. It is pure.
func SetOf(list []Pause, synced []string, parents Parents) Set {
	s := make(Set, len(list))
	for i, p := range list {
		s[i].Pause = p
		if p.Table == "" {
			continue
		}
		for _, table := range synced {
			if table != p.Table && slices.Contains(above(table, parents), p.Table) {
				s[i].Along = append(s[i].Along, table)
			}
		}
	}
	return s
}

// above returns a table and all tables that it refers to, at any depth.
func above(table string, parents Parents) []string {
	list := []string{table}
	for i := 0; i < len(list); i++ {
		for _, p := range parents(list[i]) {
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// Read returns the pauses that are in force in a database.
func Read(ctx context.Context, db *mysqldb.DB, synced []string, parents Parents) (Set, error) {
	list, _, err := read(ctx, db, "")
	return SetOf(list, synced, parents), err
}
