package check

import (
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// judgeKeys compares the keys of tables with the remotes'. Rows are found by their primary key, so it must be the same,
// column by column. If only one side has a unique key, it refuses some rows that the other side accepts. A remote that
// cannot report its keys is named.
func judgeKeys(f *finding.List, cfg *config.Config, h *heard, tables []*schema.Table) {
	changes := transformed(cfg)
	for _, r := range cfg.RemoteClients {
		p := h.peer(r)
		alike, older := 0, false
		for k, t := range tables {
			c := p.columns[k]
			if c == nil || c.answer == nil || c.answer.Changes || changes(t.Name) {
				continue
			}
			a := c.answer
			if a.Error != "" || len(a.Key) == 0 {
				older = older || a.Error == "" || strings.HasSuffix(a.Error, wire.UnknownQuestion)
				continue
			}
			before := len(f.Found)
			goes := cfg.Syncs(t.Name) && p.node != nil && slices.Contains(p.node.ReceiveTables, t.Name)
			comes := cfg.Receives(t.Name) && cfg.AcceptsFrom(r) && a.Sends
			if !goes && !comes {
				continue
			}
			if here := t.KeyNames(); !slices.EqualFunc(here, a.Key, strings.EqualFold) {
				f.Warnf(r, "Give the table the same primary key on both sides, with its columns in the same order.",
					"%s has the primary key (%s) here and (%s) there: the other side does not find rows by it", t.Name, keyList(here), keyList(a.Key))
			}
			if goes {
				judgeUnique(f, r, t.Name, t.Unique, a.Unique, "there", "here")
			}
			if comes {
				judgeUnique(f, r, t.Name, a.Unique, t.Unique, "here", "there")
			}
			if len(f.Found) == before {
				alike++
			}
		}
		if older {
			f.Warnf(r, "Update mysql-sync there.", "cannot report its tables' keys because it runs an older version: not compared")
		}
		if alike > 0 {
			f.Rightf(r, "has the same keys for %d %s", alike, map[bool]string{true: "table", false: "tables"}[alike == 1])
		}
	}
}

// judgeUnique says which of the target's unique keys may refuse rows of the source: those that do not include all columns
// of any unique key of the source.
func judgeUnique(f *finding.List, remote, table string, from, to [][]string, target, source string) {
	for _, u := range to {
		implied := func(o []string) bool {
			return !slices.ContainsFunc(o, func(name string) bool {
				return !slices.ContainsFunc(u, func(n string) bool { return strings.EqualFold(n, name) })
			})
		}
		if len(u) > 0 && !slices.ContainsFunc(from, implied) {
			f.Warnf(remote, "Give the table the key on both sides, or on neither.",
				"%s has the unique key (%s) only %s: rows that are equal in it %s are refused %s", table, keyList(u), target, source, target)
		}
	}
}

// keyList shows the columns of a key. A remote may claim anything.
func keyList(names []string) string {
	short := make([]string, 0, len(names))
	for _, n := range names[:min(len(names), 16)] { // no server allows more
		short = append(short, wire.Shorten(n, 64))
	}
	return strings.Join(short, ", ")
}
