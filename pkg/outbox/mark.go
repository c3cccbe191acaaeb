package outbox

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Namer gives a row's id on the wire, under which sync_status shows it.
type Namer interface {
	ID(ctx context.Context, r change.Row) string
}

// Outbox is the table sync_outbox. It is safe for concurrent use.
type Outbox struct {
	db    *mysqldb.DB
	namer Namer
	token atomic.Int64
}

// New returns the outbox of a database.
func New(db *mysqldb.DB, n Namer) *Outbox {
	o := &Outbox{db: db, namer: n}
	// Tokens go on from the time, so that those of an earlier run stay lower.
	o.token.Store(time.Now().UnixMicro())
	return o
}

// statusText is the longest text of the columns primary_key and message of
// sync_status, in characters.
const statusText = 255

// Mark records, in the caller's transaction, that the remotes need the rows. A
// row that is marked already keeps its position but gets a new token: an ack of
// what was sent before does not count for it. Promise 1.
func (o *Outbox) Mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remotes []string) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = o.namer.ID(ctx, r)
	}
	now := time.Now().UTC()
	for _, remote := range remotes {
		if err := o.mark(ctx, tx, rows, remote, markChanged); err != nil {
			return err
		}
		if err := showPending(ctx, tx, rows, ids, remote, now); err != nil {
			return err
		}
	}
	return nil
}

// What becomes of a row that is marked already.
const (
	markChanged = ` ON DUPLICATE KEY UPDATE token = VALUES(token), state = 'ready', attempts = 0, only_missing = 0`
	markMissing = ` ON DUPLICATE KEY UPDATE position = position`
)

// MarkMissing records, in the caller's transaction, that a remote is to have the
// rows if it has none of their keys. A row that is marked already stays as it is.
func (o *Outbox) MarkMissing(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error {
	if len(rows) == 0 {
		return nil
	}
	return o.mark(ctx, tx, rows, remote, markMissing)
}

func (o *Outbox) mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote, again string) error {
	token := o.token.Add(int64(len(rows))) - int64(len(rows))
	args := make([]any, 0, 7*len(rows))
	for i, r := range rows {
		id := r.ID()
		var key any
		if id != r.Key {
			key = []byte(r.Key)
		}
		args = append(args, remote, r.Table, []byte(id), key, token+int64(i), token+int64(i), again == markMissing)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO sync_outbox (remote, table_name, row_id, row_key, position, token, only_missing) VALUES `+mysqldb.Groups(len(rows), 7)+again, args...)
	if err != nil {
		return fmt.Errorf("mark rows for %s: %w", remote, err)
	}
	return nil
}

func showPending(ctx context.Context, tx mysqldb.Tx, rows []change.Row, ids []string, remote string, now time.Time) error {
	args := make([]any, 0, 5*len(rows))
	for i, r := range rows {
		args = append(args, StatusID(r.Table, ids[i], remote), r.Table, shown(ids[i]), remote, now.Format(time.DateTime))
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO sync_status (id, table_name, primary_key, remote, date, status) VALUES `+groupsPending(len(rows))+
		` ON DUPLICATE KEY UPDATE date = VALUES(date), status = VALUES(status), message = NULL`, args...)
	if err != nil {
		return fmt.Errorf("show rows for %s as pending: %w", remote, err)
	}
	return nil
}

// StatusID returns the id of a row of sync_status, as documented.
func StatusID(table, id, remote string) string {
	sum := md5.Sum([]byte(table + "-" + id + "-" + remote))
	return hex.EncodeToString(sum[:])
}

// shown returns the form in which sync_status shows an id: the id itself, or
// one that is longer than the column by its beginning and a hash of the whole.
func shown(id string) string {
	if utf8.RuneCountInString(id) <= statusText {
		return id
	}
	sum := md5.Sum([]byte(id))
	tail := "…" + hex.EncodeToString(sum[:])
	return string([]rune(id)[:statusText-utf8.RuneCountInString(tail)]) + tail
}
