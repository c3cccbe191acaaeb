package trigger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Written is the session variable in which the applying connection gives the time of the write that it repeats. Changes
// that a cascade makes to further rows get that time, and do not win over later writes.
const Written = "@mysql_sync_written"

// place names a table in any schema.
type place struct{ schema, table string }

func (p place) compare(o place) int {
	return cmp.Or(strings.Compare(p.schema, o.schema), strings.Compare(p.table, o.table))
}

// shown is the place in readable form.
func (p place) shown() string {
	if p.schema == "" {
		return p.table
	}
	return p.schema + "." + p.table
}

func childOf(f schema.ForeignKey) place  { return place{f.Schema, f.Table} }
func parentOf(f schema.ForeignKey) place { return place{f.RefSchema, f.RefTable} }

// cascades builds the triggers that record what the server itself does to rows of synced tables: its foreign keys
// delete, null and re-key them without firing triggers. These triggers are on the parents, synced or not, in this
// schema or another, and look at the children just before the server changes them.
type cascades struct {
	own    string // the schema of the synced tables
	synced map[string]*schema.Table
	// counters returns a synced table's counters.
	counters func(table string) []string
	keys     []schema.ForeignKey
	// recursion says whether the server has recursive queries: MySQL 5.7 does not.
	recursion bool
	at        string // schema of the trigger being written
	// unsupported collects the foreign keys of rings that cannot be followed.
	unsupported []string
}

// triggers returns the triggers of all parents.
func (c *cascades) triggers() []trigger {
	var list []trigger
	for _, parent := range c.parents() {
		c.at = parent.schema
		for event, body := range map[string]string{"Delete": c.onDelete(parent), "Update": c.onUpdate(parent)} {
			if body != "" {
				list = append(list, c.trigger(parent, event, body))
			}
		}
	}
	slices.SortFunc(list, func(a, b trigger) int { return strings.Compare(a.id(), b.id()) })
	return list
}

// trigger returns a parent's trigger. Like the parent's other triggers, it does nothing while apply writes that parent:
// the children's changes come from wherever the parent was changed. This node never writes a parent in another schema, so
// a trigger there does not look at who writes: that may be another node. With foreign_key_checks off the server leaves the
// children as they are. They must not be recorded then: they would win over what other sites did to them meanwhile.
func (c *cascades) trigger(parent place, event, body string) trigger {
	body = "IF @@foreign_key_checks THEN " + body + " END IF;"
	if parent.schema == c.own {
		return trigger{"", triggerName("Cascade"+event, parent.table), parent.table, "BEFORE", strings.ToUpper(event), guarded(parent.table, body)}
	}
	return trigger{parent.schema, outsideName(c.own, event, parent.table), parent.table, "BEFORE", strings.ToUpper(event), "BEGIN " + body + " END"}
}

// name returns a table's name as the trigger being written must spell it.
func (c *cascades) name(p place) string {
	if p.schema == c.at {
		return mysqldb.Quote(p.table)
	}
	return mysqldb.Quote(p.schema) + "." + mysqldb.Quote(p.table)
}

// table returns the definition of a synced table, or nil.
func (c *cascades) table(p place) *schema.Table {
	if p.schema != c.own {
		return nil
	}
	return c.synced[p.table]
}

func (c *cascades) parents() []place {
	var list []place
	for _, f := range c.keys {
		list = append(list, parentOf(f))
	}
	slices.SortFunc(list, place.compare)
	return slices.Compact(list)
}

// onDelete returns what a parent's BEFORE DELETE trigger does.
func (c *cascades) onDelete(parent place) string {
	var changed, taken []string
	for _, f := range c.keys {
		if parentOf(f) == parent && follows(f.OnDelete) {
			changed, taken = c.deleted(changed, taken, f, c.rows(f, "", "OLD."), []place{parent})
		}
	}
	// In this order: a row that one foreign key changes and another one deletes is gone.
	return strings.Join(append(changed, taken...), " ")
}

// deleted records a set of rows that a foreign key deletes or nulls, and follows them to their children. It appends to the
// statements for changed rows, and to those for deleted rows.
func (c *cascades) deleted(changed, taken []string, f schema.ForeignKey, set string, path []place) ([]string, []string) {
	child := childOf(f)
	if f.OnDelete != "CASCADE" {
		return c.updated(changed, f, set, nulls(f), nil), taken
	}
	set = c.descend(child, set)
	if t := c.table(child); t != nil {
		taken = append(taken, c.record(t, t.KeyExpr("c."), gone, "", set))
	}
	path = append(path, child)
	for _, next := range c.keys {
		cascade := next.OnDelete == "CASCADE"
		switch {
		case parentOf(next) != child || !follows(next.OnDelete) || cascade && childOf(next) == child:
		case cascade && slices.Contains(path, childOf(next)):
			c.unfollowed(next)
		default:
			changed, taken = c.deleted(changed, taken, next, c.rows(next, set, "p."), slices.Clone(path))
		}
	}
	return changed, taken
}

// onUpdate returns what a parent's BEFORE UPDATE trigger does. The server compares the referenced values byte by byte: it
// passes another spelling on to the children as well.
func (c *cascades) onUpdate(parent place) string {
	var statements []string
	for _, f := range c.keys {
		if parentOf(f) != parent || !follows(f.OnUpdate) {
			continue
		}
		value := map[string]string{}
		var same []string
		for i, ref := range f.RefColumns {
			before, after := "OLD."+mysqldb.Quote(ref), "NEW."+mysqldb.Quote(ref)
			value[f.Columns[i]] = after
			same = append(same, before+" <=> "+after+" AND CAST("+before+" AS BINARY) <=> CAST("+after+" AS BINARY)")
		}
		if f.OnUpdate == "SET NULL" {
			value = nulls(f)
		}
		inner := c.updated(nil, f, c.rows(f, "", "OLD."), value, []place{parent})
		if len(inner) > 0 {
			statements = append(statements, "IF NOT ("+strings.Join(same, " AND ")+") THEN "+strings.Join(inner, " ")+" END IF;")
		}
	}
	return strings.Join(statements, " ")
}

// updated records a set of rows whose columns get new values from a foreign key, under their old keys and, if the key is
// affected, the new ones, and follows them to their children. path has the tables already updated: the server refuses to
// come back to one.
func (c *cascades) updated(statements []string, f schema.ForeignKey, set string, value map[string]string, path []place) []string {
	child := childOf(f)
	if t := c.table(child); t != nil {
		old := func(name string) string { return "c." + mysqldb.Quote(name) }
		after := func(name string) string {
			if v, ok := value[name]; ok {
				return v
			}
			return old(name)
		}
		if t.KeyExprOf(after) == t.KeyExprOf(old) {
			statements = append(statements, c.record(t, t.KeyExprOf(old), there, "", set))
		} else { // in this order: if both turn out to be the same key, the row exists
			numbers := insertedNumbers(t, c.counters(t.Name), "c.")
			statements = append(statements, c.record(t, t.KeyExprOf(old), gone, "", set), c.record(t, t.KeyExprOf(after), there, numbers, set))
		}
	}
	path = append(slices.Clone(path), child)
	for _, next := range c.keys {
		if parentOf(next) != child || !follows(next.OnUpdate) || slices.Contains(path, childOf(next)) {
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
		if next.OnUpdate == "SET NULL" {
			further = nulls(next)
		}
		statements = c.updated(statements, next, c.rows(next, set, "p."), further, path)
	}
	return statements
}

// nulls returns the values of a foreign key's columns after SET NULL.
func nulls(f schema.ForeignKey) map[string]string {
	value := map[string]string{}
	for _, name := range f.Columns {
		value[name] = "NULL"
	}
	return value
}

func follows(rule string) bool { return rule == "CASCADE" || rule == "SET NULL" }

// rows returns a query for the child rows that a foreign key ties to one parent row (OLD) or to a set of them (p).
func (c *cascades) rows(f schema.ForeignKey, parents, prefix string) string {
	tie := make([]string, len(f.Columns))
	for i := range f.Columns {
		tie[i] = "x." + mysqldb.Quote(f.Columns[i]) + " = " + prefix + mysqldb.Quote(f.RefColumns[i])
	}
	q := "SELECT " + list("x.", c.needed(childOf(f))) + " FROM " + c.name(childOf(f)) + " x"
	if parents == "" {
		return q + " WHERE " + strings.Join(tie, " AND ")
	}
	return q + " JOIN (" + parents + ") p ON " + strings.Join(tie, " AND ")
}

// descend extends a set of rows to be deleted by the rows that are deleted with them because the table refers to itself.
func (c *cascades) descend(table place, set string) string {
	var parts []string
	for _, f := range c.keys {
		if childOf(f) != table || parentOf(f) != table || f.OnDelete != "CASCADE" {
			continue
		}
		if !c.recursion {
			c.unfollowed(f)
			continue
		}
		parts = append(parts, c.recursive(f))
	}
	if len(parts) == 0 {
		return set
	}
	return "WITH RECURSIVE d AS (" + set + " UNION " + strings.Join(parts, " UNION ") + ") SELECT * FROM d"
}

func (c *cascades) recursive(f schema.ForeignKey) string {
	tie := make([]string, len(f.Columns))
	for i := range f.Columns {
		tie[i] = "y." + mysqldb.Quote(f.Columns[i]) + " = d." + mysqldb.Quote(f.RefColumns[i])
	}
	return "SELECT " + list("y.", c.needed(childOf(f))) + " FROM " + c.name(childOf(f)) + " y JOIN d ON " + strings.Join(tie, " AND ")
}

func (c *cascades) unfollowed(f schema.ForeignKey) {
	c.unsupported = append(c.unsupported, fmt.Sprintf("%s.%s", f.Table, f.Name))
}

// needed returns the columns that a set of a table's rows must have: its key, its counters, and the columns that its children refer to.
func (c *cascades) needed(table place) []string {
	var names []string
	if t := c.table(table); t != nil {
		for _, k := range t.Key {
			names = append(names, t.Columns[k].Name)
		}
		for _, counter := range c.counters(t.Name) {
			if column, ok := t.Column(counter); ok {
				names = append(names, column.Name)
			}
		}
	}
	for _, f := range c.keys {
		if parentOf(f) == table {
			names = append(names, f.RefColumns...)
		}
		if childOf(f) == table && len(names) == 0 {
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

// record returns the statement that records the rows of a set; detail may be empty.
func (c *cascades) record(t *schema.Table, key, fate, detail, set string) string {
	column := ""
	if detail != "" {
		column, detail = ", `detail`", ", "+detail
	}
	return "INSERT INTO " + c.name(place{c.own, "table_changes"}) + " (`table_name`, `primary_key`, `date`, `gone`" + column + ") SELECT " + mysqldb.QuoteString(t.Name) + ", " + key +
		", COALESCE(" + Written + ", UTC_TIMESTAMP(6)), " + fate + detail + " FROM (" + set + ") c;"
}
