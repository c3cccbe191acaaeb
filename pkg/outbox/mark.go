package outbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Namer gives a row's id on the wire, under which sync_status shows it.
type Namer interface {
	ID(ctx context.Context, r change.Row) string
	// Spelled reports whether rows of a table may have several spellings.
	Spelled(ctx context.Context, table string) bool
}

// Outbox is what remotes still need. It is safe for concurrent use.
type Outbox struct {
	db     *mysqldb.DB
	namer  Namer
	stream *version.Stream
	routed func(remote string) string // see RoutedBy

	followed func(table string) int // see ChildrenFirst

	onlyOpen bool // see OnlyOpen
}

// New returns the outbox of a database.
func New(db *mysqldb.DB, n Namer, s *version.Stream) *Outbox {
	return &Outbox{db: db, namer: n, stream: s}
}

// ChildrenFirst returns the outbox of a node with routes: followed says how many tables follow a table, one below the other. Of the rows
// that a remote lost, those that others follow go after all others: the remote could not delete them before.
func (o *Outbox) ChildrenFirst(followed func(table string) int) *Outbox {
	c := *o
	c.followed = followed
	return &c
}

// AfterOthers is where the places of lost rows begin that others follow. All other marks have theirs before it: tokens begin with the
// microseconds since 1970, and count from there.
const AfterOthers = 1 << 56

// PlaceOfLost returns the place among the marks of a row that a remote lost, and that so many tables follow, one below the other: children
// go first.
func PlaceOfLost(token int64, followed int) int64 {
	return token + int64(min(followed, 100))*AfterOthers
}

// RoutedBy returns the outbox of a node with routes: needed gives the SQL condition of those rows of sync_versions that
// a remote has by them, or "".
func (o *Outbox) RoutedBy(needed func(remote string) string) *Outbox {
	c := *o
	c.routed = needed
	return &c
}

// needed is Needed, as far as the routes give the remote the row.
func (o *Outbox) needed(remote string) string {
	if o.routed != nil {
		if where := o.routed(remote); where != "" {
			return "(" + Needed(remote) + " AND " + where + ")"
		}
	}
	return Needed(remote)
}

// Mark records, in the caller's transaction, that a remote needs the rows, whatever it has acked of the stream. A row
// that is already marked keeps its place but gets a new token: an ack of what was sent before does not count for it.
// Promise 1.
func (o *Outbox) Mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error {
	return o.markShown(ctx, tx, rows, remote, plain)
}

// MarkLost is Mark of rows that the remote had, and has to give back. Until it has acked that, it may have news of them, and write
// them; the mark says so until then, whatever else the row is marked for. DESIGN.md lists which marks do.
func (o *Outbox) MarkLost(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error {
	return o.markShown(ctx, tx, rows, remote, lost)
}

// kind is what a mark says besides that the remote needs the row.
type kind uint8

const (
	plain     kind = iota
	ifMissing      // unless it has a row with the key
	lost           // it had the row
)

func (o *Outbox) markShown(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string, k kind) error {
	if len(rows) == 0 {
		return nil
	}
	err := o.mark(ctx, tx, rows, remote, k, ` ON DUPLICATE KEY UPDATE row_key = VALUES(row_key), token = VALUES(token), state = 'ready', attempts = 0, only_missing = 0, lost = GREATEST(lost, VALUES(lost))`)
	if err != nil {
		return err
	}
	list := make([]Sent, len(rows))
	for i, r := range rows {
		list[i].Row = r
	}
	if err := o.show(ctx, tx, remote, list, "pending", nil); err != nil {
		return fmt.Errorf("show rows for %s as pending: %w", remote, err)
	}
	return nil
}

// markMissing records that a remote should get the rows if it has none of their keys. A row that is already marked
// stays as it is.
func (o *Outbox) markMissing(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error {
	if len(rows) == 0 {
		return nil
	}
	return o.mark(ctx, tx, rows, remote, ifMissing, ` ON DUPLICATE KEY UPDATE position = position`)
}

func (o *Outbox) mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string, k kind, again string) error {
	token := o.stream.Token(len(rows))
	args := make([]any, 0, 8*len(rows))
	followed := 0
	for i, r := range rows {
		if k == lost && o.followed != nil && (i == 0 || r.Table != rows[i-1].Table) {
			followed = o.followed(r.Table)
		}
		id, key := columns(r)
		place := PlaceOfLost(token+int64(i), followed)
		args = append(args, remote, r.Table, id, key, place, token+int64(i), k == ifMissing, k == lost)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO sync_outbox (remote, table_name, row_id, row_key, position, token, only_missing, lost) VALUES `+mysqldb.Groups(len(rows), 8)+again, args...)
	if err != nil {
		return fmt.Errorf("mark rows for %s: %w", remote, err)
	}
	return nil
}

// columns returns the values of row_id and row_key.
func columns(r change.Row) (id, key []byte) {
	short := r.ID()
	if short != r.Key {
		key = []byte(r.Key)
	}
	return []byte(short), key
}

// Respelled removes rows from sync_status that now have another spelling: they are shown under that one, and nothing
// would be acked under the previous one. It is called in the transaction that records rows, before it does: before has
// spellings that end, besides those under which the rows were last recorded, be it as deleted.
func (o *Outbox) Respelled(ctx context.Context, tx mysqldb.Tx, before, rows []change.Row, remotes []string) error {
	if len(remotes) == 0 {
		return nil
	}
	recorded, err := version.Keys(ctx, tx, slices.DeleteFunc(slices.Clone(rows), func(r change.Row) bool { return !o.namer.Spelled(ctx, r.Table) }))
	if err != nil {
		return err
	}
	for r, key := range recorded {
		if key != r.Key {
			before = append(before, change.Row{Table: r.Table, Key: key})
		}
	}
	if len(before) == 0 {
		return nil
	}
	var ids []any
	for _, r := range before {
		name := o.namer.ID(ctx, r)
		for _, remote := range remotes {
			ids = append(ids, StatusID(r.Table, name, remote))
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM sync_status WHERE id IN (`+mysqldb.List(len(ids))+`)`, ids...); err != nil {
		return fmt.Errorf("take the earlier spellings of rows out of sync_status: %w", err)
	}
	return nil
}
