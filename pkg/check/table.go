package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Tables returns every mistake that keeps a node with this configuration from starting on its tables: missing ones,
// those that cannot be synced, and counters that cannot count. Each error begins with its key.
func Tables(ctx context.Context, ts *schema.Tables, cfg *config.Config) error {
	if err := errors.Join(named("syncTables", notOwn(cfg.SyncTables)), named("receiveTables", notOwn(cfg.ReceiveTables)), notOwnLookups(cfg)); err != nil {
		return err
	}
	return errors.Join(unsynced(ctx, ts, "syncTables", cfg.SyncTables), unsynced(ctx, ts, "receiveTables", cfg.ReceiveTables), counters(ctx, ts, cfg))
}

// tableMistake is what is wrong with a table that a key names.
type tableMistake struct {
	key, table string
	error
}

func (m *tableMistake) Error() string { return m.key + ": " + m.error.Error() }
func (m *tableMistake) Unwrap() error { return m.error }

// unsynced returns which of a key's tables are missing or cannot be synced.
func unsynced(ctx context.Context, ts *schema.Tables, key string, names []string) error {
	var list []error
	for _, name := range names {
		if _, err := ts.Table(ctx, name); err != nil {
			list = append(list, &tableMistake{key, name, ts.Meant(ctx, err, name)})
		}
	}
	return errors.Join(list...)
}

// ledTables returns which mistakes about tables keep a node from starting with what its hub gave it earlier. A table that the hub
// names and that is gone, or cannot be synced any more, does not, as it would not stop a node that runs: the hub may have a version
// without it, and only a node that runs asks for that. If all of them are gone, it is more likely that the database is another one.
func ledTables(log *zap.Logger, cfg *config.Config, err error) error {
	gone, rest := map[string]bool{}, []error{}
	for _, e := range singly(err) {
		m, ok := errors.AsType[*tableMistake](e)
		if !ok || !slices.Contains(cfg.From.Keys, m.key) || !errors.Is(e, schema.ErrNoTable) && !errors.Is(e, schema.ErrUnfit) {
			rest = append(rest, e)
			continue
		}
		gone[m.table] = true
	}
	if len(rest) > 0 || len(gone) == len(cfg.Tables()) {
		return err
	}
	if len(gone) > 0 {
		log.Warn("starting without tables that the hub names", zap.Strings("tables", slices.Sorted(maps.Keys(gone))), zap.Error(err))
	}
	return nil
}

// singly returns all errors that are joined in another, at any depth.
func singly(err error) (list []error) {
	each := keys.Each(err)
	if len(each) < 2 {
		return each
	}
	for _, e := range each {
		list = append(list, singly(e)...)
	}
	return list
}

// notOwn refuses the node's own tables, which hold its keys and memory. Promise 8.
func notOwn(names []string) error {
	var list []error
	for _, name := range names {
		if slices.ContainsFunc(schema.Own, func(own string) bool { return strings.EqualFold(own, name) }) {
			list = append(list, fmt.Errorf("table %s: it is mysql-sync's own at each node, and neither synced nor looked up; remove it", name))
		}
	}
	return errors.Join(list...)
}

// notOwnLookups refuses the node's own tables as lookup tables of routes.
func notOwnLookups(cfg *config.Config) error {
	var list []error
	for _, table := range slices.Sorted(maps.Keys(cfg.Routes)) {
		for _, rule := range cfg.Routes[table].Rules {
			if rule.Lookup != nil {
				list = append(list, named(keys.Join("routes", table), notOwn([]string{rule.Lookup.Table})))
			}
		}
	}
	return errors.Join(list...)
}

// named prefixes each of joined errors with a configuration key.
func named(key string, err error) error {
	var list []error
	for _, e := range keys.Each(err) {
		list = append(list, fmt.Errorf("%s: %w", key, e))
	}
	return errors.Join(list...)
}

// catalogue is what was read about a database's tables.
type catalogue struct {
	tables        map[string]*schema.Table // those that can be synced
	unfit         map[string]error         // why the others cannot
	transactional map[string]bool          // engines
	keys          []schema.ForeignKey      // within the database
	ancestry      []schema.ForeignKey      // including those to other databases, and those of the parents there
	columns       map[string][]column
	triggers      []standing
	unfollowed    []string // foreign keys whose cascades are not captured: table.name
}

// column is what matters about a column besides its type.
type column struct {
	name                            string
	generated, invisible, increment bool
	key                             bool   // in the primary key
	charset                         string // of a text column
}

// standing is an existing trigger.
type standing struct {
	name, table, definer string
	known                bool // whether the definer exists could be seen
	valid                bool // it exists
}

const selectColumns = `SELECT TABLE_NAME, COLUMN_NAME, COALESCE(GENERATION_EXPRESSION, '') <> '', UPPER(EXTRA) LIKE '%INVISIBLE%',
	UPPER(EXTRA) LIKE '%AUTO_INCREMENT%', COLUMN_KEY = 'PRI', COALESCE(CHARACTER_SET_NAME, '')
	FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME, ORDINAL_POSITION`

// readCatalogue reads the definitions of tables, and whatever affects them.
func readCatalogue(ctx context.Context, db *mysqldb.DB, ts *schema.Tables, names, synced []string) (*catalogue, error) {
	c := &catalogue{tables: map[string]*schema.Table{}, unfit: map[string]error{}, transactional: map[string]bool{}, columns: map[string][]column{}}
	for _, name := range names {
		t, err := ts.Table(ctx, name)
		switch {
		case err == nil:
			c.tables[name] = t
		case errors.Is(err, schema.ErrNoTable), errors.Is(err, schema.ErrUnfit), mysqldb.Number(err) == 0 && ctx.Err() == nil:
			c.unfit[name] = ts.Meant(ctx, err, name)
		case ctx.Err() != nil:
			return nil, err
		default: // such as a missing privilege
			c.unfit[name] = err
		}
	}
	var err error
	if c.keys, err = schema.ForeignKeys(ctx, db, db.Name); err != nil {
		return nil, err
	}
	var engine, table string
	err = query(ctx, db, `SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES'`, nil, func() { c.transactional[engine] = true }, &engine)
	if err != nil {
		return nil, fmt.Errorf("read the engines: %w", err)
	}
	var col column
	err = query(ctx, db, selectColumns, []any{db.Name}, func() { c.columns[db.Spelled(table)] = append(c.columns[db.Spelled(table)], col) },
		&table, &col.name, &col.generated, &col.invisible, &col.increment, &col.key, &col.charset)
	if err != nil {
		return nil, fmt.Errorf("read the columns: %w", err)
	}
	if c.ancestry, err = schema.Ancestry(ctx, db, db.Name); err != nil {
		return nil, err
	}
	if err := c.readTriggers(ctx, db); err != nil {
		return nil, err
	}
	var whole []*schema.Table
	for _, name := range synced {
		if t := c.tables[name]; t != nil {
			whole = append(whole, t)
		}
	}
	c.unfollowed = choice.Unfollowed(db, whole, c.keys)
	return c, nil
}

// readTriggers reads the triggers, and whether their definers exist, as far as the user may see that.
func (c *catalogue) readTriggers(ctx context.Context, db *mysqldb.DB) error {
	var t standing
	err := query(ctx, db, `SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, DEFINER FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ?
		ORDER BY EVENT_OBJECT_TABLE, TRIGGER_NAME`, []any{db.Name}, func() { t.table = db.Spelled(t.table); c.triggers = append(c.triggers, t) }, &t.name, &t.table, &t.definer)
	if err != nil {
		return fmt.Errorf("read the triggers: %w", err)
	}
	asked := map[string]standing{}
	for i := range c.triggers {
		t := &c.triggers[i]
		a, ok := asked[t.definer]
		if !ok {
			at := max(strings.LastIndexByte(t.definer, '@'), 0)
			var found int
			err := db.GetContext(ctx, &found, `SELECT COUNT(*) FROM mysql.user WHERE User = ? AND Host = ?`, t.definer[:at], strings.TrimPrefix(t.definer[at:], "@"))
			a.known, a.valid = err == nil, found > 0
			asked[t.definer] = a
		}
		t.known, t.valid = a.known, a.valid
	}
	return nil
}

// query scans each row of the result and calls f.
func query(ctx context.Context, db *mysqldb.DB, q string, args []any, f func(), into ...any) error {
	rows, err := db.QueryContext(ctx, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		f()
	}
	return rows.Err()
}

// judgeTables judges each table of the configuration.
func judgeTables(f *finding.List, c *catalogue, cfg *config.Config, s *server, g *grants) {
	for _, name := range allTables(cfg) {
		if err := notOwn([]string{name}); err != nil {
			f.Wrongf(name, "", "%v", err)
			continue
		}
		if err := c.unfit[name]; err != nil {
			f.Wrongf(name, whatToDo(err, s), "%v", err)
			continue
		}
		j := tableJudge{f, c, cfg, s, g, c.tables[name]}
		j.judge()
	}
}

// whatToDo says what makes a table fit.
func whatToDo(err error, s *server) string {
	switch {
	case errors.Is(err, schema.ErrNoTable):
		return "Create the table, or correct the name: definitions are not replicated."
	case strings.Contains(err.Error(), "no primary key"):
		return "Give it a primary key that is the same at all sites, or remove it from the configuration."
	case strings.Contains(err.Error(), "it is a view"):
		return "Remove it from the configuration: a view has no rows of its own. Sync the tables that it shows."
	case strings.Contains(err.Error(), "it is a sequence"):
		return "Remove it from the configuration. Give each site's sequence its own numbers: INCREMENT BY the number of sites, and a different START WITH."
	case errors.Is(err, schema.ErrUnfit):
		return "Remove it from the configuration, or change the table; docs/limits.md says which tables can be synced."
	case mysqldb.Number(err) == 1142:
		return GrantAll(s.database, account(s.user))
	}
	return ""
}

// tableJudge judges a table that can be synced.
type tableJudge struct {
	f   *finding.List
	c   *catalogue
	cfg *config.Config
	s   *server
	g   *grants
	t   *schema.Table
}

func (j *tableJudge) judge() {
	t, name := j.t, j.t.Name
	sends, receives := j.cfg.Syncs(name), j.cfg.Receives(name)
	if !j.c.transactional[t.Engine] {
		j.f.Wrongf(name, "ALTER TABLE "+mysqldb.Quote(name)+" ENGINE = InnoDB;",
			"its engine %s has no transactions: a crash between a write and its trigger loses the change for the remotes, and half of a failing batch stays written", t.Engine)
	}
	j.increments(sends && receives)
	j.foreignKeys(sends, receives)
	j.otherTriggers(receives)
	way := "sent and received"
	if !receives {
		way = "sent"
	} else if !sends {
		way = "received"
	}
	j.f.Rightf(name, "%s, by the key (%s)%s", way, strings.Join(keyNames(t), ", "), j.notes(receives))
}

func keyNames(t *schema.Table) []string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = t.Columns[k].Name
	}
	return names
}

// notes reports what is worth knowing about a table but needs no action.
func (j *tableJudge) notes(receives bool) string {
	var b strings.Builder
	for _, u := range j.t.Unique {
		fmt.Fprintf(&b, "; (%s) is unique: if two sites give different rows the same value, it is an error until one of them changes", strings.Join(u, ", "))
	}
	var generated, invisible, narrow []string
	for _, c := range j.c.columns[j.t.Name] {
		if c.generated {
			generated = append(generated, c.name)
		} else if c.invisible {
			invisible = append(invisible, c.name)
		}
		if receives && c.charset != "" && c.charset != "utf8mb4" && c.charset != "binary" {
			narrow = append(narrow, c.name+" ("+c.charset+")")
		}
	}
	if len(generated) > 0 {
		fmt.Fprintf(&b, "; each server computes %s itself", list(generated))
	}
	if len(invisible) > 0 {
		fmt.Fprintf(&b, "; %s is sent although it is invisible", list(invisible))
	}
	if len(narrow) > 0 {
		fmt.Fprintf(&b, "; rows with characters that these columns cannot hold are refused: %s", list(narrow))
	}
	if n := j.idLength(); n > shownLength {
		fmt.Fprintf(&b, "; ids of more than %d characters are shown in sync_status as their beginning and an MD5", shownLength)
	}
	return b.String()
}

// shownLength is how many characters of an id fit into sync_status.
const shownLength = 255

// idLength returns approximately how many characters an id may have.
func (j *tableJudge) idLength() int {
	n := len(j.t.Key) - 1
	for _, k := range j.t.Key {
		n += max(j.t.Columns[k].Length, 1)
	}
	return n
}

// increments warns about ids that two sites would give to different rows.
func (j *tableJudge) increments(both bool) {
	for _, c := range j.c.columns[j.t.Name] {
		if c.invisible && c.key && c.increment {
			j.f.Warnf(j.t.Name, "Give the table a primary key that is the same at all sites.",
				"its key %s is generated by the server: the same row has a different one at each site", c.name)
		} else if both && c.key && c.increment && j.s.number("auto_increment_increment") < 2 {
			j.f.Warnf(j.t.Name, "Give each site its own auto_increment_offset and all the same auto_increment_increment (the number of sites, or more), or let one site insert, or use UUIDs.",
				"%s is AUTO_INCREMENT, and auto_increment_increment is 1: if two sites insert, they give the same id to different rows, and one of these wins", c.name)
		}
	}
}

// foreignKeys judges the table as a child, and as a parent.
func (j *tableJudge) foreignKeys(sends, receives bool) {
	for _, k := range j.c.keys {
		switch {
		case k.Table == j.t.Name && k.RefTable != j.t.Name:
			var lists []string
			if sends && !j.cfg.Syncs(k.RefTable) {
				lists = append(lists, "syncTables")
			}
			if receives && !j.cfg.Receives(k.RefTable) {
				lists = append(lists, "receiveTables")
			}
			if len(lists) > 0 {
				j.f.Warnf(j.t.Name, "Add "+k.RefTable+" to "+strings.Join(lists, " and ")+", or make sure that its rows are the same at all sites.",
					"its foreign key %s refers to %s, which is not in %s: a row is refused if its parent is missing%s", k.Name, k.RefTable, strings.Join(lists, " and "), cascade(k))
			}
		}
	}
	if receives {
		j.unlisted()
	}
	j.outside(sends)
	for _, name := range j.c.unfollowed {
		if strings.HasPrefix(name, j.t.Name+".") {
			j.f.Warnf(j.t.Name, "Run mysql-sync verify --repair after such deletes.", "the cascades of the foreign key %s are not captured, since it is part of a cycle", name)
		}
	}
}

func cascade(k schema.ForeignKey) string {
	if k.OnDelete == "CASCADE" || k.OnDelete == "SET NULL" {
		return "; the effect of deleting a parent (" + k.OnDelete + ") is captured"
	}
	return ""
}

// prefix starts the names of the node's own triggers.
const prefix = "mysqlSync"

// otherTriggers reports other programs' triggers, which fire for received rows too.
func (j *tableJudge) otherTriggers(receives bool) {
	var names []string
	for _, t := range j.c.triggers {
		if t.table == j.t.Name && !strings.HasPrefix(t.name, prefix) {
			names = append(names, t.name)
		}
	}
	if len(names) > 0 && receives {
		j.f.Warnf(j.t.Name, "If their writes are synced as well, make them do nothing while @mysql_sync_applying is set; see docs/operations.md.",
			"other programs' triggers fire for received rows too: %s", list(names))
	}
}

// judgeDefiners judges the users under which the node's triggers run; needed says whether the node needs any.
func judgeDefiners(f *finding.List, c *catalogue, user string, needed bool) {
	gone, unknown := map[string][]string{}, map[string][]string{}
	found := 0
	for _, t := range c.triggers {
		if !strings.HasPrefix(t.name, prefix) {
			continue
		}
		found++
		switch {
		case t.definer == user || t.known && t.valid:
		case t.known:
			gone[t.definer] = append(gone[t.definer], t.table)
		default:
			unknown[t.definer] = append(unknown[t.definer], t.table)
		}
	}
	for _, definer := range sortedKeys(gone) {
		f.Wrongf("definer", "Start the node: it recreates its triggers under its own user.",
			"%s, the definer of the triggers of %s, no longer exists: your applications' writes fail (error 1449)", account(definer), list(slices.Compact(gone[definer])))
	}
	for _, definer := range sortedKeys(unknown) {
		f.Warnf("definer", "Do not drop that user before the node has run once as this one.",
			"the definer of the triggers of %s is %s; %s may not see whether that user exists", list(slices.Compact(unknown[definer])), account(definer), account(user))
	}
	switch {
	case found == 0 && !needed: // all comes from the log
	case found == 0:
		f.Rightf("triggers", "are created at the first start")
	case len(gone)+len(unknown) == 0:
		f.Rightf("definer", "the definer of the node's triggers exists")
	}
}
