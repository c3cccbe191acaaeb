package trigger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// memory says how a table's changes were captured when the node last looked. It is kept in sync_captured, so that a start
// can tell whether they have been captured since. How this release words its triggers is not part of it: a release that
// words them differently has missed nothing.
type memory struct {
	Key         []keyColumn       `json:"key"`
	Triggers    map[string]string `json:"triggers"`    // fingerprints by name: those that captured it
	ForeignKeys map[string]string `json:"foreignKeys"` // fingerprints by name: those by which the server itself changes its rows
	Samples     []sample          `json:"samples,omitempty"`
	Columns     string            `json:"columns,omitempty"` // a fingerprint of all, in order; empty: not known
	at          time.Time         // when it was written
}

type keyColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// unseen says why changes to the table may not have been captured since, given its current state; "" means that all were.
// With noRows its own triggers do not matter.
func (m *memory) unseen(now *memory, t *schema.Table, noRows bool) string {
	byTriggers := false
	for name, print := range m.Triggers {
		own := slices.ContainsFunc(rowTriggers(t, false, nil, false), func(own trigger) bool { return own.name == name })
		if noRows && own {
			continue
		}
		byTriggers = byTriggers || own
		if now.Triggers[name] != print {
			return "the trigger " + name + " was dropped or recreated"
		}
	}
	if !noRows && !byTriggers {
		return "no triggers noticed its writes, and it is not known how far the server's log was read"
	}
	if !sameKey(m, now) && (noRows || !m.failing(t)) {
		return "the primary key has changed"
	}
	for name, print := range now.ForeignKeys {
		if m.ForeignKeys[name] != print {
			return "the foreign key " + name + " is new or has changed"
		}
	}
	return ""
}

// sameKey reports whether two memories are of the same primary key.
func sameKey(a, b *memory) bool { return slices.Equal(a.Key, b.Key) }

// failing reports whether the triggers have made all writes fail: they name a key column that no longer exists.
func (m *memory) failing(t *schema.Table) bool {
	return slices.ContainsFunc(m.Key, func(k keyColumn) bool {
		_, there := t.Column(k.Name)
		return !there
	})
}

// remember returns how a table's changes are captured now. keys are the foreign keys that wanted was derived from; standing
// has the existing triggers.
func remember(t *schema.Table, own string, wanted []trigger, standing map[string]standing, keys []schema.ForeignKey) *memory {
	m := &memory{Triggers: map[string]string{}, ForeignKeys: map[string]string{}}
	var names []string
	for i := range t.Columns {
		names = append(names, t.Columns[i].Name)
	}
	m.Columns = short(fmt.Sprintf("%q", names))
	for _, k := range t.Key {
		m.Key = append(m.Key, keyColumn{t.Columns[k].Name, t.Columns[k].DataType})
	}
	parents := map[place]bool{}
	for _, f := range above(place{own, t.Name}, keys) {
		name := f.Table + "." + f.Name
		if f.Schema != own {
			name = f.Schema + "." + name
		}
		m.ForeignKeys[name] = short(fmt.Sprint(f))
		parents[parentOf(f)] = true
	}
	for _, w := range wanted {
		if s, ok := standing[w.id()]; ok && (w.time == "AFTER" && w.table == t.Name || w.time == "BEFORE" && parents[w.on(own)]) {
			m.Triggers[w.id()] = short(fmt.Sprint(s))
		}
	}
	return m
}

// short is a text's hash.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Bearing returns the foreign keys by which the server can change rows of the synced tables.
func Bearing(own string, tables []*schema.Table, keys []schema.ForeignKey) []schema.ForeignKey {
	type name struct {
		child place
		key   string
	}
	bears := map[name]bool{}
	for _, t := range tables {
		for _, f := range above(place{own, t.Name}, keys) {
			bears[name{childOf(f), f.Name}] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(keys), func(f schema.ForeignKey) bool { return !bears[name{childOf(f), f.Name}] })
}

// above returns the foreign keys by which the server can change rows of a table when a row of another changes.
func above(table place, keys []schema.ForeignKey) []schema.ForeignKey {
	var found []schema.ForeignKey
	tables := []place{table}
	for i := 0; i < len(tables); i++ {
		for _, f := range keys {
			if childOf(f) != tables[i] || !follows(f.OnDelete) && !follows(f.OnUpdate) {
				continue
			}
			found = append(found, f)
			if !slices.Contains(tables, parentOf(f)) {
				tables = append(tables, parentOf(f))
			}
		}
	}
	return found
}

// equal reports whether o, which may be nil, is the same.
func (m *memory) equal(o *memory) bool {
	return o != nil && sameKey(m, o) && m.Columns == o.Columns && maps.Equal(m.Triggers, o.Triggers) && maps.Equal(m.ForeignKeys, o.ForeignKeys) &&
		slices.EqualFunc(m.Samples, o.Samples, func(a, b sample) bool { return bytes.Equal(a.Key, b.Key) && a.Version == b.Version })
}

// forsaken is in the memory of a table in place of its triggers, if another Source notices writes and no longer those of this table.
const forsaken = "that noticed its writes"

// forsake notes that the writes of all but some tables are not noticed from now on. Where triggers notice them, their absence tells.
func forsake(ctx context.Context, db *mysqldb.DB, but []*schema.Table) error {
	known, err := readMemories(ctx, db)
	if err != nil {
		return err
	}
	for _, t := range but {
		delete(known, t.Name)
	}
	for table, m := range known {
		if m.Triggers[forsaken] != "" {
			continue
		}
		m.Triggers = map[string]string{forsaken: "none"}
		if err := m.write(ctx, db, table); err != nil {
			return err
		}
	}
	return nil
}

// readMemories returns all memories, by table.
func readMemories(ctx context.Context, db *mysqldb.DB) (map[string]*memory, error) {
	memories := map[string]*memory{}
	err := mysqldb.Each(ctx, db, `SELECT table_name, memory, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', written_at) FROM sync_captured`, nil, func(r *sql.Rows) error {
		var table string
		var text []byte
		var at int64
		if err := r.Scan(&table, &text, &at); err != nil {
			return err
		}
		m := &memory{at: time.UnixMicro(at)}
		if err := json.Unmarshal(text, m); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		memories[table] = m
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sync_captured: %w", err)
	}
	return memories, nil
}

// write saves a memory to the database.
func (m *memory) write(ctx context.Context, db *mysqldb.DB, table string) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `REPLACE INTO sync_captured (table_name, memory, written_at) VALUES (?, ?, UTC_TIMESTAMP(6))`, table, text)
	if err != nil {
		return fmt.Errorf("write sync_captured: %w", err)
	}
	return nil
}
