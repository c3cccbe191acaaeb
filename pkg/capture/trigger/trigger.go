package trigger

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Applying is the session variable in which the applying connection names the table that it is writing. That table's
// triggers then do nothing: apply itself records what it wrote, in the same transaction. Other tables' triggers, fired
// by the user's own triggers, record as usual.
const Applying = "@mysql_sync_applying"

// prefix starts the names of all triggers of this project and of existing peers.
const prefix = "mysqlSync"

// maxName is the maximum length of a trigger's name in MySQL, in characters.
const maxName = 64

// trigger is a trigger as it should be.
type trigger struct {
	schema string // of its table; empty: the node's own
	name   string
	table  string
	time   string // AFTER or BEFORE
	event  string // INSERT, UPDATE, DELETE
	body   string
}

// on returns the trigger's table; own is the node's schema.
func (t trigger) on(own string) place { return place{cmp.Or(t.schema, own), t.table} }

// id identifies the trigger among those of all schemas.
func (t trigger) id() string {
	if t.schema == "" {
		return t.name
	}
	return t.schema + "." + t.name
}

// standing is a trigger as the server shows it.
type standing struct {
	trigger
	made string // when it was created: one restored from a dump did not exist before that
}

// shown returns the trigger in a form that can be compared with an existing one: without backslashes, since MariaDB omits
// every other one when it shows a string, and without quotes, which MySQL shows in another form within a string.
func (t trigger) shown() trigger {
	t.body = unescaped.Replace(strings.TrimSpace(t.body))
	return t
}

var unescaped = strings.NewReplacer(`\`, "", "'", "")

func (t trigger) create(orReplace bool) string {
	or := ""
	if orReplace {
		or = "OR REPLACE "
	}
	return "CREATE " + or + "TRIGGER " + qualified(t.schema, t.name) + " " + t.time + " " + t.event + " ON " + qualified(t.schema, t.table) + " FOR EACH ROW " + t.body
}

// What a trigger records about a row besides its key: whether the change removed it. A row that is missing later although
// no trigger saw it deleted has vanished; see version.Fate.
const (
	there = "0"
	gone  = "1"
)

// rowTriggers returns a table's three triggers. Each records the row's key; an update that changes the key, compared byte
// by byte, first records the old one: that is a delete, unless both are spellings of one row. With detailed, an update that
// does not change the key also records which columns it changed. Of counters the values are recorded, also by inserts.
func rowTriggers(t *schema.Table, detailed bool, counters []string, mariaDB bool) []trigger {
	table := mysqldb.QuoteString(t.Name)
	note := func(key, gone string) string {
		return "INSERT INTO `table_changes` (`table_name`, `primary_key`, `date`, `gone`) VALUES (" + table + ", " + key + ", UTC_TIMESTAMP(6), " + gone + ");"
	}
	noteDetail := func(key, detail string) string {
		return "INSERT INTO `table_changes` (`table_name`, `primary_key`, `date`, `gone`, `detail`) VALUES (" + table + ", " + key + ", UTC_TIMESTAMP(6), " + there + ", " + detail + ");"
	}
	oldKey, newKey := t.KeyExpr("OLD."), t.KeyExpr("NEW.")
	inserted := note(newKey, there)
	if detail := insertedNumbers(t, counters, "NEW."); detail != "" {
		inserted = noteDetail(newKey, detail)
	}
	updated := "IF NOT (" + oldKey + " <=> " + newKey + ") THEN " + note(oldKey, gone) + " END IF; " + note(newKey, there)
	if detail := changedColumns(t, counters); detailed && detail != "" {
		updated = "IF NOT (" + oldKey + " <=> " + newKey + ") THEN " + note(oldKey, gone) + " " + inserted + " ELSE " + noteDetail(newKey, detail) + " END IF;"
		if mariaDB && len(counters) > 0 {
			updated = "IF NOT (" + leftOut(t, counters) + ") THEN " + updated + " END IF;"
		}
	}
	return []trigger{
		{"", triggerName("Insert", t.Name), t.Name, "AFTER", "INSERT", guarded(t.Name, inserted)},
		{"", triggerName("Update", t.Name), t.Name, "AFTER", "UPDATE", guarded(t.Name, updated)},
		{"", triggerName("Delete", t.Name), t.Name, "AFTER", "DELETE", guarded(t.Name, note(oldKey, gone))},
	}
}

// guarded returns the body of a trigger that does nothing while apply writes the table.
func guarded(table, statements string) string {
	return "BEGIN IF NOT (" + Applying + " <=> " + mysqldb.QuoteString(table) + ") THEN " + statements + " END IF; END"
}

// triggerName returns mysqlSync{event}_{table}; a name that would be too long is cut and ends in a hash of the whole.
func triggerName(event, table string) string {
	return cut(prefix + event + "_" + table)
}

func cut(whole string) string {
	name := []rune(whole)
	if len(name) <= maxName {
		return whole
	}
	sum := sha256.Sum256([]byte(whole))
	tail := "_" + hex.EncodeToString(sum[:])[:12]
	return string(name[:maxName-len(tail)]) + tail
}
