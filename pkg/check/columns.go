package check

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// comparisonsMost is how many questions about tables a remote is asked at a time: it answers them one by one, and drops
// excess ones.
const comparisonsMost = 16

// comparison is a question about a table, and its answer.
type comparison struct {
	asked  time.Time
	answer *wire.Answer // nil: none yet
}

// isOpen reports whether the answer may still arrive.
func (c *comparison) isOpen() bool { return c.answer == nil && time.Since(c.asked) < echoTime }

// toBeCompared returns the tables that remotes are asked about, by name.
func toBeCompared(cfg *config.Config, tables map[string]*schema.Table) []*schema.Table {
	var list []*schema.Table
	for _, name := range slices.Compact(slices.Sorted(maps.Keys(tables))) {
		if tables[name] != nil && (cfg.Syncs(name) || cfg.Receives(name)) {
			list = append(list, tables[name])
		}
	}
	return list
}

// toCompare returns the indexes of the tables to ask a remote about now: none unless it answers questions.
func (h *heard) toCompare(client string, tables int) (list []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.client[client]
	if p == nil || !p.answered {
		return nil
	}
	if p.columns == nil {
		p.columns = map[int]*comparison{}
	}
	open := 0
	for _, c := range p.columns {
		if c.isOpen() {
			open++
		}
	}
	for k := len(p.columns); k < tables && open < comparisonsMost; k++ {
		p.columns[k] = &comparison{asked: time.Now()}
		list = append(list, k)
		open++
	}
	return list
}

// told records an answer.
func (h *heard) told(client string, table int, a *wire.Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.client[client]; p != nil && p.columns[table] != nil {
		p.columns[table].answer = a
	}
}

// isComparing reports whether the peer was recently asked about a table and has not answered.
func (p *peer) isComparing() bool {
	for _, c := range p.columns {
		if c.isOpen() {
			return true
		}
	}
	return false
}

// comparedAll reports whether the remotes that answer questions have answered those about all tables, or will not.
func (h *heard) comparedAll(remotes []string, tables int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range remotes {
		if p := h.client[r]; p != nil && p.answered && (len(p.columns) < tables || p.isComparing()) {
			return false
		}
	}
	return true
}

// judgeColumns says which values would not fit the columns on the other side. For rows that a transformer changes, that is
// up to the transformer. A remote that does not know the question is an older node; nothing is reported about it.
func judgeColumns(f *finding.List, cfg *config.Config, h *heard, tables []*schema.Table) {
	changes := transformed(cfg)
	for _, r := range cfg.RemoteClients {
		p := h.peer(r)
		alike, before := 0, len(f.Found)
		var filled []string
		for k, t := range tables {
			c := p.columns[k]
			if c == nil || c.answer == nil || c.answer.Error != "" || len(c.answer.Columns) == 0 || c.answer.Changes || changes(t.Name) {
				continue
			}
			there := columnsThere(c.answer.Columns)
			if cfg.Syncs(t.Name) && p.node != nil && slices.Contains(p.node.ReceiveTables, t.Name) {
				judgeWay(f, r, t.Name, t.Columns, there, "here", "at "+r, "", nil)
				if !c.answer.Sends { // otherwise it is reported for the other direction
					filled = append(filled, onlyThere(t, there)...)
				}
			}
			if cfg.Receives(t.Name) && cfg.AcceptsFrom(r) && c.answer.Sends {
				judgeWay(f, r, t.Name, there, t.Columns, "at "+r, "here", ", or name the column in allowLossy", func(column string) bool { return cfg.Lossy(t.Name, column) })
			}
			alike++
		}
		if len(filled) > 0 {
			f.Rightf(r, "has additional columns, which get their defaults in new rows: %s", strings.Join(filled, ", "))
			before++
		}
		if alike > 0 && len(f.Found) == before {
			f.Rightf(r, "has columns that can hold all values of %d %s", alike, map[bool]string{true: "table", false: "tables"}[alike == 1])
		}
	}
}

// transformed returns a function that reports whether a table has a transformer. If the transformers cannot be loaded,
// which is reported elsewhere, every table counts as having one.
func transformed(cfg *config.Config) func(table string) bool {
	if !cfg.HasScripts() {
		return func(string) bool { return false }
	}
	t := transform.New(zap.NewNop(), silent{}, silent{}, transform.Of(cfg))
	defer t.Close() // Has works without a process
	if t.Load(allTables(cfg)) != nil {
		return func(string) bool { return true }
	}
	return t.Has
}

// judgeWay judges one direction of a table's rows.
func judgeWay(f *finding.List, remote, table string, from, to []value.Column, source, target, or string, lossy func(string) bool) {
	for i := range from {
		o := &from[i]
		at := slices.IndexFunc(to, func(c value.Column) bool { return strings.EqualFold(c.Name, o.Name) })
		if at < 0 {
			f.Warnf(remote, "Add the column to the table "+target+".", "%s has the column %.64s only %s: rows are refused %s", table, o.Name, source, target)
			continue
		}
		c := &to[at]
		why := c.Holds(o)
		if why == "" || lossy != nil && lossy(c.Name) {
			continue
		}
		f.Warnf(remote, "Give the column the same type on both sides ("+mysqldb.Quote(table)+"."+mysqldb.Quote(c.Name)+")"+or+".",
			"%s.%s is %.80s %s and %.80s %s: %s, and such rows are refused %s", table, c.Name, shown(o), source, shown(c), target, why, target)
	}
}

// onlyThere returns the columns that only the remote has.
func onlyThere(t *schema.Table, there []value.Column) (names []string) {
	for i := range there {
		if _, here := t.Column(there[i].Name); !here {
			names = append(names, t.Name+"."+there[i].Name)
		}
	}
	return names
}

// shown returns a column's type for people.
func shown(c *value.Column) string {
	s := c.Type
	if c.Charset != "" && c.Kind == value.Text {
		s += " " + c.Charset
	}
	if !c.Nullable {
		s += " NOT NULL"
	}
	return s
}

// columnsThere returns the columns that a remote has described. Nothing in it is trusted: columns of types unknown here
// are left out.
func columnsThere(list []wire.VerifyColumn) []value.Column {
	var columns []value.Column
	for _, v := range list {
		if c, err := v.Column(); err == nil {
			columns = append(columns, c)
		}
	}
	return columns
}
