package losers

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// bytesMost bounds the rows of one list of conflicts. Promise 10.
const bytesMost = 4 << 20

// Kept is a row of sync_conflicts. The rows are JSON objects; null is a deleted one.
type Kept struct {
	ID           uint64
	Table        string
	PrimaryKey   string // the beginning of its id, if that is long
	Key          string // in key form
	At           time.Time
	Policy       string
	WinnerOrigin string
	WinnerTime   int64 // µs since 1970
	WinnerRow    json.RawMessage
	LoserOrigin  string
	LoserTime    int64
	LoserRow     json.RawMessage
	PutBack      time.Time // zero: not yet
	InsertedAs   string    // the id of the row as which it was put back, if not as itself
	Dismissed    time.Time // zero: not
}

// Filter selects conflicts. A zero field selects any.
type Filter struct {
	Before    uint64 // the number of the conflict before which they are
	Table     string
	Row       string // its id; used only if RowID is empty
	RowID     string // its change.Row.ID
	Find      string // a text in the id, or in a value of one of the rows
	Dismissed bool   // those that were dismissed, instead of those that were not
}

// MostFind is how many bytes the text that is searched for may have.
const MostFind = 1000

// List returns conflicts, the latest first: at most limit, and fewer where their rows are large.
func List(ctx context.Context, db *mysqldb.DB, f Filter, limit int) ([]Kept, error) {
	if f.Find == "" {
		return f.read(ctx, db, limit)
	}
	var list []Kept
	for bytes := 0; len(list) < limit && bytes < bytesMost; {
		some, err := f.read(ctx, db, searchAtOnce)
		if err != nil || len(some) == 0 {
			return list, err
		}
		for i := range some {
			if f.Before = some[i].ID; some[i].has(f.Find) && len(list) < limit {
				list = append(list, some[i])
				bytes += len(some[i].WinnerRow) + len(some[i].LoserRow)
			}
		}
	}
	return list, nil
}

// searchAtOnce is how many conflicts are searched at a time that may have a text.
const searchAtOnce = 200

// read returns the next conflicts. With Find, the text is somewhere in their rows as they are kept: it may be a column's name.
func (f *Filter) read(ctx context.Context, db *mysqldb.DB, limit int) ([]Kept, error) {
	where, args := `dismissed_at IS NULL`, []any{}
	if f.Dismissed {
		where = `dismissed_at IS NOT NULL`
	}
	and := func(condition string, values ...any) {
		where, args = where+" AND "+condition, append(args, values...)
	}
	if f.Before != 0 {
		and(`id < ?`, f.Before)
	}
	if f.Table != "" {
		and(`table_name = ?`, f.Table)
	}
	if f.RowID != "" {
		and(`row_id = ?`, []byte(f.RowID))
	} else if f.Row != "" {
		and(`primary_key = ?`, shown(f.Row))
	}
	if f.Find != "" {
		kept, err := value.Entity{{Value: f.Find}}.AppendJSON(nil) // {"":"…"}
		if err != nil {
			return nil, fmt.Errorf("search conflicts: %w", err)
		}
		text := string(kept[len(`{"":"`) : len(kept)-len(`"}`)])
		and(`(LOCATE(?, primary_key) OR LOCATE(?, winner_row) OR LOCATE(?, loser_row))`, f.Find, text, text)
	}
	return read(ctx, db, where, append(args, limit)...)
}

// has reports whether a text is in the id or in a value of one of the rows.
func (k *Kept) has(text string) bool {
	if strings.Contains(k.PrimaryKey, text) {
		return true
	}
	for _, row := range []json.RawMessage{k.WinnerRow, k.LoserRow} {
		e, err := value.DecodeEntity(row)
		for _, f := range e {
			if v, ok := f.Value.(string); ok && strings.Contains(v, text) {
				return true
			}
		}
		if err != nil && strings.Contains(string(row), text) { // someone has changed it
			return true
		}
	}
	return false
}

// Of returns the conflicts of one row, also those that were dismissed, the latest first: at most limit, and fewer where
// their rows are large.
func Of(ctx context.Context, db *mysqldb.DB, row change.Row, limit int) ([]Kept, error) {
	return read(ctx, db, `table_name = ? AND row_id = ?`, row.Table, []byte(row.ID()), limit)
}

// read returns the conflicts that a condition selects. Its arguments are followed by the limit.
func read(ctx context.Context, db *mysqldb.DB, where string, args ...any) ([]Kept, error) {
	rows, err := db.QueryContext(ctx, `SELECT id, table_name, primary_key, row_key, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', detected_at), policy,
		winner_origin, winner_time, winner_row, loser_origin, loser_time, loser_row, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', put_back_at),
		COALESCE(inserted_as, ''), TIMESTAMPDIFF(MICROSECOND, '1970-01-01', dismissed_at)
		FROM sync_conflicts WHERE `+where+` ORDER BY id DESC LIMIT ?`, args...)
	if err != nil {
		return nil, fmt.Errorf("read conflicts: %w", err)
	}
	defer rows.Close()
	var list []Kept
	for bytes := 0; bytes < bytesMost && rows.Next(); {
		var k Kept
		var at int64
		var winner, loser sql.NullString
		var putBack, dismissed sql.NullInt64
		err := rows.Scan(&k.ID, &k.Table, &k.PrimaryKey, &k.Key, &at, &k.Policy, &k.WinnerOrigin, &k.WinnerTime, &winner, &k.LoserOrigin, &k.LoserTime, &loser, &putBack, &k.InsertedAs, &dismissed)
		if err != nil {
			return nil, fmt.Errorf("read conflicts: %w", err)
		}
		k.At, k.WinnerRow, k.LoserRow = time.UnixMicro(at), object(winner), object(loser)
		if putBack.Valid {
			k.PutBack = time.UnixMicro(putBack.Int64)
		}
		if dismissed.Valid {
			k.Dismissed = time.UnixMicro(dismissed.Int64)
		}
		list = append(list, k)
		bytes += len(k.WinnerRow) + len(k.LoserRow)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read conflicts: %w", err)
	}
	return list, nil
}

// object returns a row as it is kept, or as a text if someone has changed it into something else.
func object(s sql.NullString) json.RawMessage {
	if !s.Valid {
		return json.RawMessage("null")
	}
	if json.Valid([]byte(s.String)) {
		return json.RawMessage(s.String)
	}
	text, err := json.Marshal(s.String)
	if err != nil {
		return json.RawMessage("null") // a text has no error
	}
	return text
}
