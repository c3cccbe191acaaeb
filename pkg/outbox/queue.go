package outbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Item is a row that a remote needs. Its content must be read from the table later.
type Item struct {
	change.Row
	// State is the version of a row of the stream; zero for a marked row.
	change.State
	// Position is the row's place in the stream, or among the marked rows.
	Position int64
	Attempts int
	// OnlyMissing says that the row is only for a remote that has none with its key.
	OnlyMissing bool
	// Marked says that the row is in sync_outbox, under its token.
	Marked bool
	// Token is the mark's, or the row's position in the stream: an ack of one says nothing about a later one.
	Token int64
}

func (i Item) table() string { return i.Table }

// Streamed returns a row of the stream as an Item.
func Streamed(w *version.Waiting) Item {
	return Item{Row: w.Row, State: w.State, Position: w.Position, Token: w.Position}
}

// selectNext reads what is marked for a remote, from a position on.
const selectNext = `SELECT table_name, row_id, row_key, position, token, attempts, only_missing FROM sync_outbox
	WHERE remote = ? AND state = 'ready' AND position > ?`

// Next returns at most limit rows that are marked for the remote, in order, beginning after the given position, without
// those of some tables.
func (o *Outbox) Next(ctx context.Context, remote string, after int64, limit int, without []string) ([]Item, error) {
	query, args := selectNext, []any{remote, after}
	if len(without) > 0 {
		query += ` AND table_name NOT IN (` + mysqldb.List(len(without)) + `)`
		for _, t := range without {
			args = append(args, t)
		}
	}
	rows, err := o.db.QueryContext(ctx, query+` ORDER BY position LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("read the outbox of %s: %w", remote, err)
	}
	defer rows.Close()
	var items []Item
	for rows.Next() {
		i := Item{Marked: true}
		var table, id string
		var key []byte
		if err := rows.Scan(&table, &id, &key, &i.Position, &i.Token, &i.Attempts, &i.OnlyMissing); err != nil {
			return nil, fmt.Errorf("read the outbox of %s: %w", remote, err)
		}
		i.Row = change.Stored(table, id, key)
		items = append(items, i)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the outbox of %s: %w", remote, err)
	}
	return items, nil
}

// Sent is a row whose delivery to a remote has ended.
type Sent struct {
	Item
	// Name is the row's id on the wire; if empty, it is looked up.
	Name string
	// For transformed rows: As is the id under which the remote holds the row; Gone says that it does not hold it (any
	// more). Moved says that only its previous id there is gone: the row itself is still due.
	As    string
	Gone  bool
	Moved bool
}

// Done records that the remote has acked the rows and, unless at is nil, its position in the stream. Rows that were
// marked again meanwhile stay; it returns how many. Promise 1: an acked change is an acked version. Without holds, the
// remote has no marks that rows of the stream could settle.
func (o *Outbox) Done(ctx context.Context, remote string, sent []Sent, at *Place, holds bool) (left int, err error) {
	if at == nil && !slices.ContainsFunc(sent, Sent.Booked) {
		return 0, nil
	}
	err = mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error {
		left = 0
		for table, list := range byTable(sent) {
			n, err := o.doneTable(ctx, tx, remote, table, list, holds)
			if err != nil {
				return err
			}
			left += n
		}
		if at == nil {
			return nil
		}
		return recordPlace(ctx, tx, remote, *at)
	})
	if err != nil {
		return 0, fmt.Errorf("book acks of %s: %w", remote, err)
	}
	return left, nil
}

// Booked reports whether an ack of the row is recorded anywhere: for a table that is sent as a whole, only that of the
// last key is.
func (s Sent) Booked() bool { return !s.OnlyMissing || s.Marked || s.Leaves() }

// Leaves reports whether the row, or what it was before, was to leave the remote.
func (s Sent) Leaves() bool { return s.Moved || s.Gone }

func (o *Outbox) doneTable(ctx context.Context, tx mysqldb.Tx, remote, table string, list []Sent, holds bool) (int, error) {
	if err := forget(ctx, tx, remote, table, list); err != nil {
		return 0, err
	}
	var marked, moved []Sent
	done := make([]Sent, 0, len(list))
	for _, s := range list {
		switch {
		case s.Marked:
			marked = append(marked, s)
		case s.Moved:
			moved = append(moved, s)
		case s.OnlyMissing: // a table that is sent as a whole is not in sync_status
		default:
			done = append(done, s)
		}
	}
	if holds {
		due, err := o.settle(ctx, tx, remote, table, done)
		if err != nil {
			return 0, err
		}
		done = slices.DeleteFunc(done, func(s Sent) bool { return due[s.ID()] != 0 })
	}
	left, err := o.unmark(ctx, tx, remote, table, marked)
	if err != nil {
		return 0, err
	}
	for _, s := range marked {
		if left[s.ID()] == 0 {
			done = append(done, s)
		}
	}
	// A moved row is due once more, and its position in the stream is past.
	rows := make([]change.Row, len(moved))
	for i, s := range moved {
		rows[i] = s.Row
	}
	if err := o.Mark(ctx, tx, rows, remote); err != nil {
		return 0, err
	}
	return len(left) + len(moved), o.show(ctx, tx, remote, done, "successful", nil)
}

// unmark deletes marks that were sent, and returns the IDs of the rows that have a later one.
func (o *Outbox) unmark(ctx context.Context, tx mysqldb.Tx, remote, table string, list []Sent) (left map[string]int64, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	args := []any{remote, table}
	for _, s := range list {
		args = append(args, []byte(s.ID()))
	}
	for _, s := range list {
		token := s.Token
		if s.Moved {
			token = 0 // which no mark has
		}
		args = append(args, []byte(s.ID()), token)
	}
	// The first IN finds the rows by the key, the second compares the tokens.
	res, err := tx.ExecContext(ctx, `DELETE FROM sync_outbox WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(list))+
		`) AND (row_id, token) IN (`+mysqldb.Groups(len(list), 2)+`)`, args...)
	if err != nil {
		return nil, err
	}
	if n, err := res.RowsAffected(); err != nil || n == int64(len(list)) {
		return nil, err
	}
	return marksOf(ctx, tx, remote, table, list, "")
}

// marksOf returns the tokens of those rows of a table that are marked, by their IDs.
func marksOf[R interface{ ID() string }](ctx context.Context, tx mysqldb.Tx, remote, table string, list []R, locking string) (map[string]int64, error) {
	args := []any{remote, table}
	for _, r := range list {
		args = append(args, []byte(r.ID()))
	}
	rows, err := tx.QueryContext(ctx, `SELECT row_id, token FROM sync_outbox WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(list))+`)`+locking, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	marked := map[string]int64{}
	for rows.Next() {
		var id string
		var token int64
		if err := rows.Scan(&id, &token); err != nil {
			return nil, err
		}
		marked[id] = token
	}
	return marked, rows.Err()
}

// Failure is how a row was refused. Temporary says that it may go through by itself: it is shown as pending, not as an
// error.
type Failure struct {
	Item
	Message   string
	Temporary bool
	RetryAt   time.Time
}

// Fail records rows that could not be sent, or that the remote refused: they are marked, wait until RetryAt and are
// then ready again. One that was marked again meanwhile is ready at once: its newer version may be accepted.
func (o *Outbox) Fail(ctx context.Context, remote string, failures []Failure) error {
	var streamed, marked []Failure
	for _, f := range failures {
		if f.Marked {
			marked = append(marked, f)
		} else {
			streamed = append(streamed, f)
		}
	}
	err := mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error {
		if err := o.failStreamed(ctx, tx, remote, streamed); err != nil {
			return err
		}
		booked, err := failMarked(ctx, tx, remote, marked)
		if err != nil {
			return err
		}
		return o.showFailures(ctx, tx, remote, append(booked, streamed...))
	})
	if err != nil {
		return fmt.Errorf("book errors of %s: %w", remote, err)
	}
	return nil
}

// failStreamed makes rows wait that were not marked. If one has a mark meanwhile, that is of an older refusal, or of
// less: with a new token, an ack of what was sent for it does not count for this.
func (o *Outbox) failStreamed(ctx context.Context, tx mysqldb.Tx, remote string, list []Failure) error {
	if len(list) == 0 {
		return nil
	}
	fresh := o.stream.Token(len(list))
	var q mysqldb.Statement
	for i, f := range list {
		next := fresh + int64(i)
		addMark(&q, remote, f, cmp.Or(f.Position, next), cmp.Or(f.Token, next))
	}
	q.SQL(` ON DUPLICATE KEY UPDATE token = `)
	q.Int(fresh)
	q.SQL(`, state = 'waiting', attempts = 1, retry_at = VALUES(retry_at), only_missing = LEAST(only_missing, VALUES(only_missing)), soon = VALUES(soon)`)
	return q.Exec(ctx, tx)
}

// failMarked makes marked rows wait, and returns them without those that were marked again meanwhile, which stay ready.
func failMarked(ctx context.Context, tx mysqldb.Tx, remote string, list []Failure) ([]Failure, error) {
	if len(list) == 0 {
		return nil, nil
	}
	tokens := map[string]map[string]int64{}
	for table, rows := range byTable(list) {
		var err error
		if tokens[table], err = marksOf(ctx, tx, remote, table, rows, " FOR UPDATE"); err != nil {
			return nil, err
		}
	}
	booked := slices.DeleteFunc(slices.Clone(list), func(f Failure) bool { return tokens[f.Table][f.ID()] != f.Token })
	if len(booked) == 0 {
		return nil, nil
	}
	var q mysqldb.Statement
	for _, f := range booked {
		addMark(&q, remote, f, f.Position, f.Token)
	}
	q.SQL(` ON DUPLICATE KEY UPDATE state = 'waiting', attempts = attempts + 1, retry_at = VALUES(retry_at), soon = VALUES(soon)`)
	return booked, q.Exec(ctx, tx)
}

// addMark appends the mark of a row that waits to an INSERT.
func addMark(q *mysqldb.Statement, remote string, f Failure, position, token int64) {
	if q.Len() == 0 {
		q.SQL(`INSERT INTO sync_outbox (remote, table_name, row_id, row_key, position, token, state, attempts, retry_at, only_missing, soon) VALUES (`)
	} else {
		q.SQL(`,(`)
	}
	q.Text([]byte(remote))
	q.SQL(`,`)
	q.Text([]byte(f.Table))
	q.SQL(`,`)
	id, key := columns(f.Row)
	q.Bytes(id)
	q.SQL(`,`)
	if key == nil {
		q.Null()
	} else {
		q.Bytes(key)
	}
	q.SQL(`,`)
	q.Int(position)
	q.SQL(`,`)
	q.Int(token)
	q.SQL(`,'waiting',1,`)
	q.Int(f.RetryAt.UnixMilli())
	for _, is := range []bool{f.OnlyMissing, f.Temporary} {
		if is {
			q.SQL(`,1`)
		} else {
			q.SQL(`,0`)
		}
	}
	q.SQL(`)`)
}

// showFailures shows refused rows with the reason for each.
func (o *Outbox) showFailures(ctx context.Context, tx mysqldb.Tx, remote string, list []Failure) error {
	for _, status := range []string{"error", "pending"} {
		var rows []Sent
		var messages []string
		for _, f := range list {
			if f.Temporary == (status == "pending") {
				rows = append(rows, Sent{Item: f.Item})
				messages = append(messages, wire.Shorten(strings.ToValidUTF8(f.Message, "?"), statusText))
			}
		}
		if err := o.show(ctx, tx, remote, rows, status, messages); err != nil {
			return err
		}
	}
	return nil
}

// byTable groups rows by table. If all are of one table, as in most batches, nothing is copied.
func byTable[R interface{ table() string }](list []R) map[string][]R {
	m := map[string][]R{}
	if len(list) == 0 {
		return m
	}
	if first := list[0].table(); !slices.ContainsFunc(list, func(r R) bool { return r.table() != first }) {
		m[first] = list
		return m
	}
	for _, r := range list {
		m[r.table()] = append(m[r.table()], r)
	}
	return m
}
