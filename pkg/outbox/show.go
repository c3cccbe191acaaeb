package outbox

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// statusText is the longest text of the columns primary_key and message of
// sync_status, in characters.
const statusText = 255

// show writes the status of rows, with a message for each; nil messages clear them.
func (o *Outbox) show(ctx context.Context, tx mysqldb.Tx, remote string, list []Sent, status string, messages []string) error {
	if len(list) == 0 {
		return nil
	}
	if status == "successful" && o.onlyOpen {
		return o.delist(ctx, tx, remote, list)
	}
	if messages == nil && len(list) >= listed {
		if q := o.showList(ctx, remote, list, status); q != nil {
			return q.Exec(ctx, tx)
		}
	}
	lines := o.lines(ctx, remote, list)
	var end mysqldb.Statement // of each row: what all have in common
	end.SQL(",")
	end.Text([]byte(remote))
	end.SQL("," + asOfNow(status) + ",")
	var q mysqldb.Statement
	var b []byte
	q.Grow(160 * len(list))
	q.SQL(intoStatus + " VALUES ")
	for i := range lines {
		if i > 0 {
			q.SQL(",")
		}
		q.SQL("(")
		lines[i].appendID(&q)
		q.SQL(",")
		b = append(b[:0], list[lines[i].at].Table...)
		q.Text(b)
		q.SQL(",")
		b = append(b[:0], shown(lines[i].id)...)
		q.Text(b)
		q.Append(&end)
		if messages == nil {
			q.Null()
		} else {
			q.Text([]byte(messages[lines[i].at]))
		}
		q.SQL(")")
	}
	q.SQL(orStatus)
	return q.Exec(ctx, tx)
}

const (
	intoStatus = "INSERT INTO sync_status (id, table_name, primary_key, remote, date, status, message)"
	orStatus   = " ON DUPLICATE KEY UPDATE date = VALUES(date), status = VALUES(status), message = VALUES(message)"
)

// asOfNow returns the values of date and status.
func asOfNow(status string) string {
	return time.Now().UTC().Format("'"+time.DateTime+"','") + status + "'"
}

// listed is from how many rows on a list of their ids costs less than the values of each one.
const listed = 10

// showList returns the statement by which the server itself makes the rows of sync_status, all without a message, from
// a list of the ids of rows of one table: that costs the server up to a fifth less than all values of each, and the node
// does not hash and sort them. It is nil if the server has no such lists, or an id does not fit. MySQL 9.6 and later have no MD5 themselves.
func (o *Outbox) showList(ctx context.Context, remote string, list []Sent, status string) *mysqldb.Statement {
	row := o.db.RowValue()
	if row == "" || !o.db.MariaDB {
		return nil
	}
	table := list[0].Table
	var q mysqldb.Statement
	q.Grow(400 + 16*len(list))
	q.SQL(intoStatus + " SELECT MD5(CONCAT(")
	q.Text([]byte(table + "-"))
	q.SQL(",k.n,")
	q.Text([]byte("-" + remote))
	q.SQL(")),")
	q.Text([]byte(table))
	q.SQL(",k.n,")
	q.Text([]byte(remote))
	q.SQL("," + asOfNow(status) + ",NULL FROM (SELECT ")
	for i := range list {
		id := o.name(ctx, &list[i])
		if list[i].Table != table || len(id) > statusText || !utf8.ValidString(id) {
			return nil
		}
		switch i {
		case 0:
		case 1:
			q.SQL(" AS n UNION ALL VALUES " + row)
		default:
			q.SQL(")," + row)
		}
		q.Text([]byte(id))
	}
	q.SQL(")) k" + orStatus)
	return &q
}

// name returns a row's id on the wire.
func (o *Outbox) name(ctx context.Context, s *Sent) string {
	if s.Name != "" {
		return s.Name
	}
	return o.namer.ID(ctx, s.Row)
}

// line is one of sync_status.
type line struct {
	sum [md5.Size]byte // its id
	at  int            // in the list
	id  string         // the row's
}

// appendID appends the line's id as a string literal.
func (l *line) appendID(q *mysqldb.Statement) {
	var hexed [2 * md5.Size]byte
	hex.Encode(hexed[:], l.sum[:])
	q.SQL("'" + string(hexed[:]) + "'")
}

// lines returns the lines of rows, sorted by their ids, so that a statement touches the table's pages one after the other.
func (o *Outbox) lines(ctx context.Context, remote string, list []Sent) []line {
	lines := make([]line, len(list))
	var b []byte
	for i := range list {
		id := o.name(ctx, &list[i])
		b = appendStatus(b[:0], list[i].Table, id, remote)
		lines[i] = line{md5.Sum(b), i, id}
	}
	slices.SortFunc(lines, func(x, y line) int { return bytes.Compare(x.sum[:], y.sum[:]) })
	return lines
}

// StatusID returns the id of a row of sync_status, as documented.
func StatusID(table, id, remote string) string {
	sum := md5.Sum(appendStatus(nil, table, id, remote))
	return hex.EncodeToString(sum[:])
}

func appendStatus(b []byte, table, id, remote string) []byte {
	b = append(append(b, table...), '-')
	b = append(append(b, id...), '-')
	return append(b, remote...)
}

// shown returns an id as shown in sync_status: the id itself or, if it is longer than the column, its beginning and a
// hash of the whole.
func shown(id string) string {
	if len(id) <= statusText || utf8.RuneCountInString(id) <= statusText {
		return id
	}
	sum := md5.Sum([]byte(id))
	tail := "…" + hex.EncodeToString(sum[:])
	return string([]rune(id)[:statusText-utf8.RuneCountInString(tail)]) + tail
}
