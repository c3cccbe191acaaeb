package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
)

// Row is what the ledger knows of a key.
type Row struct {
	Key      string
	ID       int64 // unique within the leg; 0 if the key is new
	Twin     bool  // the key occurs earlier in the same question, which a bitmap cannot tell while it is new
	Acked    State // what the destination has
	Newest   State // what it will have once everything in the outbox is sent, or what it refused: a row in this state is unchanged
	RemoteID string
	Waits    bool // the newest state is in the outbox
	Refused  bool // it was refused
	CameFrom string
	New      int64 // not 0: there is no row; an Entry that has it needs no second look-up if none was added meanwhile
}

// asked is how many keys one statement looks up: both more and fewer are slower.
const asked = 200

const columns = `key, id, acked, remote_id, next, waits, refused, came_from`

var lookUp = `SELECT ` + columns + ` FROM rows WHERE leg = ? AND key IN (?` + strings.Repeat(",?", asked-1) + `)`

// Look returns what the ledger knows of each key, in the order of keys. It does not wait for writers.
func (g *Leg) Look(ctx context.Context, keys []string) ([]Row, error) {
	out := make([]Row, len(keys))
	given := g.given.Load()
	s, err := g.l.looks()
	if err == nil {
		err = look(keys, g.id, func(args []any) (*sql.Rows, error) { return s.QueryContext(ctx, args...) }, func(i int, twin bool, r *row) {
			out[i] = r.shown(keys[i])
			out[i].Twin = twin
			if r.id == 0 {
				out[i].New = given
			}
		})
	}
	if err != nil {
		return nil, fmt.Errorf("look up rows of %s: %w", g.key.job, err)
	}
	return out, nil
}

// prepared returns what prepares a look-up of rows, once.
func prepared(db *sql.DB) func() (*sql.Stmt, error) {
	return sync.OnceValues(func() (*sql.Stmt, error) { return db.PrepareContext(context.Background(), lookUp) })
}

func (r *row) shown(key string) Row {
	return Row{Key: key, ID: r.id, Acked: r.acked, Newest: r.newest(), RemoteID: r.remoteID, Waits: r.waits != 0, Refused: r.refused != 0, CameFrom: r.cameFrom}
}

// load is Look inside a transaction.
func (g *Leg) load(tx *tx, keys []string) ([]row, error) {
	out := make([]row, len(keys))
	s, err := tx.prepare(lookUp)
	if err != nil {
		return nil, err
	}
	err = look(keys, g.id, func(args []any) (*sql.Rows, error) { return s.QueryContext(context.Background(), args...) }, func(i int, _ bool, r *row) { out[i] = *r })
	return out, err
}

// look queries the keys in portions and calls f for each index, with an empty row for an unknown key. The empty key of
// keyless rows is always unknown.
func look(keys []string, leg int64, query func(args []any) (*sql.Rows, error), f func(i int, twin bool, r *row)) error {
	args := make([]any, asked+1)
	args[0] = leg
	seen := make(map[string]bool, len(keys))
	where := make(map[string][]int, asked)
	for from := 0; from < len(keys); from += asked {
		part := keys[from:min(from+asked, len(keys))]
		clear(where)
		for i := range asked {
			k := part[min(i, len(part)-1)]
			args[i+1] = k
			if i < len(part) {
				where[k] = append(where[k], from+i)
			}
		}
		answer := func(k string, r *row) {
			for _, i := range where[k] {
				f(i, seen[k] && k != "", r)
				seen[k] = true
			}
			delete(where, k)
		}
		rows, err := query(args)
		if err := each(rows, err, func(rows *sql.Rows) error {
			k, r, err := scan(rows)
			if err == nil {
				answer(k, &r)
			}
			return err
		}); err != nil {
			return err
		}
		var none row
		for k := range where {
			answer(k, &none)
		}
	}
	return nil
}

// scan reads the columns of a row.
func scan(rows *sql.Rows) (key string, r row, err error) {
	var c rowColumns
	if err := rows.Scan(append([]any{&key}, c.into()...)...); err != nil {
		return "", r, err
	}
	r, err = c.row()
	return key, r, err
}

// rowColumns are the columns of a row, without its key; all are NULL if there is none.
type rowColumns struct {
	id, waits, refused        sql.NullInt64
	acked, remote, next, from sql.RawBytes
}

// into returns where to scan them.
func (c *rowColumns) into() []any {
	return []any{&c.id, &c.acked, &c.remote, &c.next, &c.waits, &c.refused, &c.from}
}

func (c *rowColumns) row() (r row, err error) {
	r.id, r.remoteID, r.cameFrom, r.waits, r.refused = c.id.Int64, string(c.remote), string(c.from), c.waits.Int64, c.refused.Int64
	if c.acked != nil {
		if r.acked, err = state(c.acked); err != nil {
			return r, err
		}
	}
	if c.next != nil {
		r.pending = true
		r.next, err = state(c.next)
	}
	return r, err
}
