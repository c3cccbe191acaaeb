package binlog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Written is how far the log is written: an upper bound of what has committed. A transaction is in it before it lets go
// of its row locks, so who locks a row and then asks reads a Written that is beyond all that happened to the row.
type Written struct{ Position }

// Read is what a Reader has returned.
type Read struct{ Position }

// Reached reports whether all that was written then has been read.
func (r Read) Reached(w Written) bool { return r.Contains(w.Position) }

// Lacks reports whether what was read before is not in the log any more: it was reset. A domain that MariaDB no longer names
// may have been deleted on purpose.
func (w Written) Lacks(r Read) bool {
	if len(w.domains) == 0 && len(r.domains) > 0 {
		return true
	}
	for id, d := range w.domains {
		if was := r.domains[id]; was != nil && was.servers[d.last] > d.servers[d.last] {
			return true
		}
	}
	return !w.Contains(Position{sources: r.sources})
}

// WrittenColumns is the SQL list of two expressions that say how far the log is written, for ParseWritten. It can stand
// in any SELECT that has no table; the order matters on MySQL: what moves from one to the other meanwhile is seen twice,
// not never.
func WrittenColumns(mariaDB bool) string {
	if mariaDB {
		return `@@GLOBAL.gtid_binlog_pos, ''`
	}
	// Not executed alone: a transaction gets there after its commit has let go of the locks. Without gtid_mode=ON neither has all.
	return `IF(@@GLOBAL.gtid_mode = 'ON', @@GLOBAL.gtid_owned, CONCAT('` + nameless + `', @@GLOBAL.gtid_mode)), @@GLOBAL.gtid_executed`
}

// nameless is before the mode in which MySQL writes transactions without names.
const nameless = "gtid_mode is "

// ErrNameless says that the log's transactions have no names now.
var ErrNameless = errors.New("the log's transactions may have no names: set gtid_mode step by step to ON")

// ParseWritten reads the values of WrittenColumns.
func ParseWritten(mariaDB bool, first, second string) (Written, error) {
	if !mariaDB && strings.HasPrefix(first, nameless) {
		return Written{}, fmt.Errorf("%s: %w", clip(first), ErrNameless)
	}
	p, err := ParsePosition(mariaDB, first)
	if err != nil {
		return Written{}, err
	}
	q, err := ParsePosition(mariaDB, second)
	if err != nil {
		return Written{}, err
	}
	return Written{p.Union(q)}, nil
}

// Querier is a pool, a connection or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// AskWritten asks the server how far its log is written.
func AskWritten(ctx context.Context, db Querier, mariaDB bool) (Written, error) {
	var first, second string
	if err := db.QueryRowContext(ctx, "SELECT "+WrittenColumns(mariaDB)).Scan(&first, &second); err != nil {
		return Written{}, fmt.Errorf("ask how far the log is written: %w", err)
	}
	return ParseWritten(mariaDB, first, second)
}

// Committed is up to where all of the log can be seen in the tables: a lower bound. On MariaDB XA COMMIT counts too
// early.
type Committed struct {
	executed Position // MySQL
	place    Place    // MariaDB
}

// CommittedUpTo returns what can be seen of a log: on MySQL a set of transactions, on MariaDB what is up to a place.
func CommittedUpTo(executed Position, place Place) Committed { return Committed{executed, place} }

// Has reports whether what a transaction wrote can be seen.
func (c Committed) Has(t *Transaction) bool {
	if t.GTID.Source != "" {
		return c.executed.Has(t.GTID)
	}
	return c.place.Compare(t.End) >= 0
}

// Beyond reports whether more than a transaction and what is before it can be seen, as far as places tell: on MariaDB.
func (c Committed) Beyond(t *Transaction) bool {
	return c.place.File != "" && c.place.Compare(t.End) > 0
}

// AskCommitted asks the server up to where all can be seen.
func AskCommitted(ctx context.Context, db Querier, mariaDB bool) (Committed, error) {
	const doing = "ask what has committed"
	if !mariaDB {
		var executed string
		if err := db.QueryRowContext(ctx, `SELECT @@GLOBAL.gtid_executed`).Scan(&executed); err != nil {
			return Committed{}, fmt.Errorf("%s: %w", doing, err)
		}
		p, err := ParsePosition(false, executed)
		return Committed{executed: p}, err
	}
	rows, err := db.QueryContext(ctx, `SHOW STATUS LIKE 'binlog_snapshot_%'`)
	if err != nil {
		return Committed{}, fmt.Errorf("%s: %w", doing, err)
	}
	defer rows.Close()
	var c Committed
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return Committed{}, fmt.Errorf("%s: %w", doing, err)
		}
		switch strings.ToLower(name) {
		case "binlog_snapshot_file":
			c.place.File = text
		case "binlog_snapshot_position":
			if c.place.Offset, err = strconv.ParseUint(text, 10, 64); err != nil {
				return Committed{}, fmt.Errorf("%s: %w", doing, err)
			}
		}
	}
	return c, rows.Err()
}

// Place is a place in one server's own files. It has no meaning on another one, nor after RESET.
type Place struct {
	File   string
	Offset uint64
}

// Compare compares two places of one server.
func (p Place) Compare(o Place) int {
	a, b := number(p.File), number(o.File)
	switch {
	case a < b || a == b && p.Offset < o.Offset:
		return -1
	case a > b || p.Offset > o.Offset:
		return 1
	}
	return 0
}

// number is the number at the end of a file's name: binlog.000012.
func number(file string) uint64 {
	n, err := strconv.ParseUint(file[strings.LastIndexByte(file, '.')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
