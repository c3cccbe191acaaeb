package capture

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Written is the session variable in which the applying connection gives the
// time of the write that it repeats. What a cascade does to further rows is then
// as old as that write, and does not win over what was written since.
const Written = "@mysql_sync_written"

// cascades makes the triggers that record what the server does to the rows of
// synced tables by itself: its foreign keys delete, null and re-key them without
// firing triggers. They stand on the parents, synced or not, and look at the
// children just before the server does.
type cascades struct {
	synced map[string]*schema.Table
	keys   []schema.ForeignKey
	// recursion says whether the server knows recursive queries: MySQL 5.7 does not.
	recursion bool
	// unsupported collects the rings that cannot be followed.
	unsupported []string
}

// triggers returns the triggers of all parents.
func (c *cascades) triggers() []trigger {
	var list []trigger
	for _, parent := range c.parents() {
		if body := c.onDelete(parent); body != "" {
			list = append(list, trigger{triggerName("CascadeDelete", parent), parent, "BEFORE", "DELETE", body})
		}
		if body := c.onUpdate(parent); body != "" {
			list = append(list, trigger{triggerName("CascadeUpdate", parent), parent, "BEFORE", "UPDATE", body})
		}
	}
	return list
}

func (c *cascades) parents() []string {
	var names []string
	for _, f := range c.keys {
		names = append(names, f.RefTable)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// onDelete returns the body of a parent's BEFORE DELETE trigger.
func (c *cascades) onDelete(parent string) string {
	var statements []string
	for _, f := range c.keys {
		if f.RefTable != parent || !follows(f.OnDelete) {
			continue
		}
		set := c.rows(f, "", "OLD.", c.needed(f.Table))
		if f.OnDelete == "CASCADE" {
			set = c.descend(f.Table, set)
		}
		statements = c.deleted(statements, f, set, []string{parent})
	}
	return body(parent, statements)
}

// deleted records the rows of a set, which a foreign key deletes or nulls, and
// follows the deleted ones to their own children.
func (c *cascades) deleted(statements []string, f schema.ForeignKey, set string, path []string) []string {
	if t := c.synced[f.Table]; t != nil {
		fate := there
		if f.OnDelete == "CASCADE" {
			fate = gone
		}
		statements = append(statements, record(t, t.KeyExpr("c."), fate, set))
	}
	if f.OnDelete != "CASCADE" {
		return statements
	}
	path = append(path, f.Table)
	for _, next := range c.keys {
		if next.RefTable != f.Table || !follows(next.OnDelete) || next.Table == f.Table {
			continue
		}
		if slices.Contains(path, next.Table) {
			c.unsupported = append(c.unsupported, fmt.Sprintf("%s.%s", next.Table, next.Name))
			continue
		}
		further := c.rows(next, set, "p.", c.needed(next.Table))
		if next.OnDelete == "CASCADE" {
			further = c.descend(next.Table, further)
		}
		statements = c.deleted(statements, next, further, slices.Clone(path))
	}
	return statements
}

// onUpdate returns the body of a parent's BEFORE UPDATE trigger.
func (c *cascades) onUpdate(parent string) string {
	var statements []string
	for _, f := range c.keys {
		if f.RefTable != parent || !follows(f.OnUpdate) {
			continue
		}
		value := map[string]string{}
		var changed []string
		for i, ref := range f.RefColumns {
			value[f.Columns[i]] = "NEW." + mysqldb.Quote(ref)
			changed = append(changed, "OLD."+mysqldb.Quote(ref)+" <=> NEW."+mysqldb.Quote(ref))
		}
		inner := c.rekeyed(nil, f, c.rows(f, "", "OLD.", c.needed(f.Table)), value, []string{parent})
		if len(inner) > 0 {
			statements = append(statements, "IF NOT ("+strings.Join(changed, " AND ")+") THEN "+strings.Join(inner, " ")+" END IF;")
		}
	}
	return body(parent, statements)
}

// rekeyed records the rows of a set whose columns a foreign key gives the new
// values, under their old keys and, where the key is concerned, the new ones.
func (c *cascades) rekeyed(statements []string, f schema.ForeignKey, set string, value map[string]string, path []string) []string {
	if t := c.synced[f.Table]; t != nil {
		old := func(name string) string { return "c." + mysqldb.Quote(name) }
		after := func(name string) string {
			if v, ok := value[name]; ok && f.OnUpdate == "CASCADE" {
				return v
			}
			return old(name)
		}
		if t.KeyExprOf(after) == t.KeyExprOf(old) {
			statements = append(statements, record(t, t.KeyExprOf(old), there, set))
		} else { // in this order: where both are the same key, the row is there
			statements = append(statements, record(t, t.KeyExprOf(old), gone, set), record(t, t.KeyExprOf(after), there, set))
		}
	}
	if f.OnUpdate != "CASCADE" {
		return statements
	}
	path = append(path, f.Table)
	for _, next := range c.keys {
		if next.RefTable != f.Table || !follows(next.OnUpdate) {
			continue
		}
		further := map[string]string{}
		for i, ref := range next.RefColumns {
			if v, ok := value[ref]; ok {
				further[next.Columns[i]] = v
			}
		}
		if len(further) == 0 {
			continue
		}
		if slices.Contains(path, next.Table) {
			c.unsupported = append(c.unsupported, fmt.Sprintf("%s.%s", next.Table, next.Name))
			continue
		}
		statements = c.rekeyed(statements, next, c.rows(next, set, "p.", c.needed(next.Table)), further, slices.Clone(path))
	}
	return statements
}

func follows(rule string) bool { return rule == "CASCADE" || rule == "SET NULL" }

// rows returns a query of the child rows that a foreign key ties to one parent
// row (OLD) or to a set of them (p).
func (c *cascades) rows(f schema.ForeignKey, parents, prefix string, columns []string) string {
	tie := make([]string, len(f.Columns))
	for i := range f.Columns {
		tie[i] = "x." + mysqldb.Quote(f.Columns[i]) + " = " + prefix + mysqldb.Quote(f.RefColumns[i])
	}
	q := "SELECT " + list("x.", columns) + " FROM " + mysqldb.Quote(f.Table) + " x"
	if parents == "" {
		return q + " WHERE " + strings.Join(tie, " AND ")
	}
	return q + " JOIN (" + parents + ") p ON " + strings.Join(tie, " AND ")
}

// descend widens a set of a table's rows by their descendants in the table.
func (c *cascades) descend(table, set string) string {
	for _, f := range c.keys {
		if f.Table != table || f.RefTable != table || f.OnDelete != "CASCADE" {
			continue
		}
		if !c.recursion {
			c.unsupported = append(c.unsupported, fmt.Sprintf("%s.%s", f.Table, f.Name))
			continue
		}
		set = "WITH RECURSIVE d AS (" + set + " UNION " + c.recursive(f) + ") SELECT * FROM d"
	}
	return set
}

func (c *cascades) recursive(f schema.ForeignKey) string {
	tie := make([]string, len(f.Columns))
	for i := range f.Columns {
		tie[i] = "y." + mysqldb.Quote(f.Columns[i]) + " = d." + mysqldb.Quote(f.RefColumns[i])
	}
	return "SELECT " + list("y.", c.needed(f.Table)) + " FROM " + mysqldb.Quote(f.Table) + " y JOIN d ON " + strings.Join(tie, " AND ")
}

// needed returns the columns of a table that a set of its rows must have: its
// key, and what its children refer to.
func (c *cascades) needed(table string) []string {
	var names []string
	if t := c.synced[table]; t != nil {
		for _, k := range t.Key {
			names = append(names, t.Columns[k].Name)
		}
	}
	for _, f := range c.keys {
		if f.RefTable == table {
			names = append(names, f.RefColumns...)
		}
		if f.Table == table && len(names) == 0 {
			names = append(names, f.Columns...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func list(prefix string, columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = prefix + mysqldb.Quote(c)
	}
	return strings.Join(quoted, ", ")
}

// record returns the statement that notes the rows of a set.
func record(t *schema.Table, key, fate, set string) string {
	return "INSERT INTO `table_changes` (`table_name`, `primary_key`, `date`, `gone`) SELECT " + mysqldb.QuoteString(t.Name) + ", " + key +
		", COALESCE(" + Written + ", UTC_TIMESTAMP(6)), " + fate + " FROM (" + set + ") c;"
}

// body returns what the trigger of a parent does. It is silent while apply writes that
// parent, as the parent's other triggers are: the children's own changes come from
// where the parent was changed.
func body(parent string, statements []string) string {
	if len(statements) == 0 {
		return ""
	}
	return guarded(parent, strings.Join(statements, " "))
}
