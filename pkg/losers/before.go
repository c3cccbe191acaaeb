package losers

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// bytesMost bounds the rows of one list of conflicts. Promise 10.
const bytesMost = 4 << 20

// Kept is a row of sync_conflicts. The rows are JSON objects; null is a deleted one.
type Kept struct {
	ID           uint64
	Table        string
	PrimaryKey   string
	At           time.Time
	Policy       string
	WinnerOrigin string
	WinnerTime   int64 // µs since 1970
	WinnerRow    json.RawMessage
	LoserOrigin  string
	LoserTime    int64
	LoserRow     json.RawMessage
	PutBack      time.Time // zero: not yet
}

// Before returns the conflicts before the one with a number (0: the latest), the
// latest first: at most limit, and fewer where their rows are large.
func Before(ctx context.Context, db *mysqldb.DB, before uint64, limit int) ([]Kept, error) {
	return read(ctx, db, `id < ? OR ? = 0`, before, before, limit)
}

// Of returns the conflicts of one row, the latest first: at most limit, and fewer where their rows are large.
func Of(ctx context.Context, db *mysqldb.DB, row change.Row, limit int) ([]Kept, error) {
	return read(ctx, db, `table_name = ? AND row_id = ?`, row.Table, []byte(row.ID()), limit)
}

// read returns the conflicts that a condition selects. Its arguments are followed by the limit.
func read(ctx context.Context, db *mysqldb.DB, where string, args ...any) ([]Kept, error) {
	rows, err := db.QueryContext(ctx, `SELECT id, table_name, primary_key, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', detected_at), policy,
		winner_origin, winner_time, winner_row, loser_origin, loser_time, loser_row, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', put_back_at)
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
		var putBack sql.NullInt64
		err := rows.Scan(&k.ID, &k.Table, &k.PrimaryKey, &at, &k.Policy, &k.WinnerOrigin, &k.WinnerTime, &winner, &k.LoserOrigin, &k.LoserTime, &loser, &putBack)
		if err != nil {
			return nil, fmt.Errorf("read conflicts: %w", err)
		}
		k.At, k.WinnerRow, k.LoserRow = time.UnixMicro(at), object(winner), object(loser)
		if putBack.Valid {
			k.PutBack = time.UnixMicro(putBack.Int64)
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
