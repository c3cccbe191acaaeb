package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
)

// Inbox holds the newest state of each row that others push to a source, for one of its objects, such as a table. Jobs
// read it like any source: in the order in which the states arrived, from the number that they have reached. It is safe
// for concurrent use.
type Inbox struct {
	l        *Ledger
	id, next int64
}

// Pushed is the newest state of a row in an inbox.
type Pushed struct {
	Key     string // the source's
	Number  int64  // of the state: later ones have higher numbers; 0: the row has never arrived
	Version []byte // by which the source tells which state is newer; nil: it does not
	Deleted bool
	Data    []byte // a JSON object; for a deleted row, what was last known of it, at least its key
	Size    int    // of the data, in bytes, if Data is not read yet: see Load
}

// Delivery is what arrived for one inbox.
type Delivery struct {
	Inbox *Inbox
	Keys  []string // each once
	// Size returns how many bytes arrive for a key; nil: few.
	Size func(key string) int
	// Decide returns the new states of the rows that change. It is called with a few keys at a time, in their order, so
	// that few rows are in memory, however large they are. It must not use the ledger.
	Decide func(known []Pushed) ([]Pushed, error)
}

// heldBytes bounds the data, old and new, of the rows that are decided about at a time; a larger row is alone.
const heldBytes = 4 << 20

// ID returns the inbox's permanent id; no other inbox of this state has it.
func (b *Inbox) ID() int64 { return b.id }

// Inbox returns a source's inbox for an object, and creates it if it is new.
func (l *Ledger) Inbox(ctx context.Context, source, object string) (*Inbox, error) {
	b := &Inbox{l: l}
	err := l.update(ctx, func(tx *tx) error {
		if known := l.inboxes[inboxKey{source, object}]; known != nil {
			b = known
			return nil
		}
		if err := tx.exec(`INSERT OR IGNORE INTO inboxes (source, object) VALUES (?, ?)`, source, object); err != nil {
			return err
		}
		return tx.one(`SELECT id, next FROM inboxes WHERE source = ? AND object = ?`, source, object).Scan(&b.id, &b.next)
	}, func() { l.inboxes[inboxKey{source, object}] = b })
	if err != nil {
		return nil, fmt.Errorf("open the inbox of %s for %s: %w", source, object, err)
	}
	return b, nil
}

type inboxKey struct{ source, object string }

// Deliver stores everything that arrived, or nothing. It is on disk when Deliver returns: only then may whoever pushed it
// be answered. Promise 1.
func (l *Ledger) Deliver(ctx context.Context, list ...Delivery) error {
	next := make(map[*Inbox]int64, len(list))
	err := l.update(ctx, func(tx *tx) error {
		now := l.ms()
		for _, p := range list {
			if _, seen := next[p.Inbox]; !seen {
				next[p.Inbox] = p.Inbox.next
			}
			if err := p.Inbox.portions(tx, p.Keys, p.Size, func(known []Pushed) error {
				changed, err := p.Decide(known)
				if err != nil {
					return err
				}
				n := next[p.Inbox]
				next[p.Inbox] += int64(len(changed))
				return p.Inbox.store(tx, changed, n, now)
			}); err != nil {
				return err
			}
		}
		for b, n := range next {
			if n == b.next {
				continue
			}
			if err := tx.exec(`UPDATE inboxes SET next = ? WHERE id = ?`, n, b.id); err != nil {
				return err
			}
		}
		return nil
	}, func() {
		for b, n := range next {
			b.next = n
		}
	})
	if err != nil {
		return fmt.Errorf("store pushed rows: %w", err)
	}
	return nil
}

const pushed = `key, number, version, deleted, data`

var (
	theseKeys   = ` FROM inbox WHERE inbox = ? AND key IN (?` + strings.Repeat(",?", asked-1) + `)`
	sizesByKey  = `SELECT key, ` + sizeOf("inbox.data") + theseKeys
	pushedByKey = `SELECT ` + pushed + theseKeys
)

// portions calls f with what the inbox has of the keys, for as many at a time as heldBytes allows.
func (b *Inbox) portions(tx *tx, keys []string, comes func(string) int, f func([]Pushed) error) error {
	for part := range slices.Chunk(keys, asked) {
		sizes := make(map[string]int, len(part))
		if err := tx.each(func(rows *sql.Rows) error {
			var key string
			var size int
			err := rows.Scan(&key, &size)
			sizes[key] = size
			return err
		}, sizesByKey, b.these(part)...); err != nil {
			return err
		}
		for len(part) > 0 {
			n, size, some := 0, 0, false
			for n < len(part) {
				more := sizes[part[n]]
				some = some || more > 0
				if comes != nil {
					more += comes(part[n])
				}
				if n > 0 && size+more > heldBytes {
					break
				}
				size += more
				n++
			}
			known, err := b.known(tx, part[:n], some)
			if err == nil {
				err = f(known)
			}
			if err != nil {
				return err
			}
			part = part[n:]
		}
	}
	return nil
}

// these returns the arguments for a statement with theseKeys; there must be at most asked keys.
func (b *Inbox) these(keys []string) []any {
	args := make([]any, asked+1)
	args[0] = b.id
	for i := range asked {
		args[i+1] = []byte(keys[min(i, len(keys)-1)])
	}
	return args
}

// known returns what the inbox has of each key; some says whether it has any of them.
func (b *Inbox) known(tx *tx, keys []string, some bool) ([]Pushed, error) {
	out := make([]Pushed, len(keys))
	at := make(map[string]int, len(keys))
	for i, k := range keys {
		out[i].Key, at[k] = k, i
	}
	if !some {
		return out, nil
	}
	data := make([]any, len(keys)) // or the number of their pieces
	if err := tx.each(func(rows *sql.Rows) error {
		var p Pushed
		var d any
		err := rows.Scan(&p.Key, &p.Number, &p.Version, &p.Deleted, &d)
		out[at[p.Key]], data[at[p.Key]] = p, d
		return err
	}, pushedByKey, b.these(keys)...); err != nil {
		return nil, err
	}
	for i := range out {
		var err error
		if out[i].Data, err = tx.whole(data[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// store writes new states, numbered from next.
func (b *Inbox) store(tx *tx, list []Pushed, next, now int64) error {
	return light(len(list), entriesAtOnce, func(i int) int { return len(list[i].Data) }, func(from, to int) error {
		args := make([]any, 0, 7*(to-from))
		for _, p := range list[from:to] {
			if err := tx.scrap(`inbox WHERE inbox = ? AND key = ?`, b.id, []byte(p.Key)); err != nil {
				return err
			}
			data, err := tx.put(p.Data)
			if err != nil {
				return err
			}
			args = append(args, b.id, []byte(p.Key), next, null(p.Version), p.Deleted, data, now)
			next++
		}
		return tx.exec(`REPLACE INTO inbox VALUES `+tuples(to-from, 7), args...)
	})
}

// Load reads the data of a state that Rows has returned without data, or those of a newer state that has replaced it. It
// returns false if the row has been forgotten.
func (b *Inbox) Load(ctx context.Context, p *Pushed) (bool, error) {
	var err error
	p.Data, err = b.l.blob(ctx, `SELECT data FROM inbox WHERE inbox = ? AND key = ?`, b.id, []byte(p.Key))
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read a row of an inbox: %w", err)
	}
	return true, nil
}

// Rows returns the states with numbers above after, in order, as of when it began: states that arrive meanwhile are in
// the next call's. The caller may take its time. Data of at least Heavy bytes are left to Load.
func (b *Inbox) Rows(ctx context.Context, after int64) iter.Seq2[Pushed, error] {
	return func(yield func(Pushed, error) bool) {
		err := b.rows(ctx, after, func(p Pushed) bool { return yield(p, nil) })
		if err != nil {
			yield(Pushed{}, fmt.Errorf("read an inbox: %w", err))
		}
	}
}

// rows reads with a connection of its own, since the shared ones are few, and the code that uses its rows needs them.
func (b *Inbox) rows(ctx context.Context, after int64, yield func(Pushed) bool) (err error) {
	db, err := connect(b.l.file, readCacheKiB, reads)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, `SELECT key, number, version, deleted, `+sizeOf("inbox.data")+`, `+lightOf("inbox.data")+`
		FROM inbox WHERE inbox = ? AND number > ? ORDER BY number`, b.id, after)
	return each(rows, err, func(rows *sql.Rows) error {
		var p Pushed
		err := rows.Scan(&p.Key, &p.Number, &p.Version, &p.Deleted, &p.Size, &p.Data)
		if err == nil && !yield(p) {
			return errEnough
		}
		return err
	})
}

// Purge forgets deleted rows whose states have numbers up to upTo, which all jobs have read, and arrived before the given
// time.
func (b *Inbox) Purge(ctx context.Context, upTo int64, before time.Time) error {
	err := b.l.update(ctx, func(tx *tx) error {
		return b.forget(tx, `number <= ? AND deleted AND at < ?`, upTo, when(before))
	})
	if err != nil {
		return fmt.Errorf("forget deleted rows of an inbox: %w", err)
	}
	return nil
}

// Forget forgets all rows whose states have numbers up to upTo, which all jobs have read, and arrived before the given
// time: an inbox of events, rather than a table's rows, would grow forever.
func (b *Inbox) Forget(ctx context.Context, upTo int64, before time.Time) error {
	err := b.l.update(ctx, func(tx *tx) error {
		return b.forget(tx, `number <= ? AND at < ?`, upTo, when(before))
	})
	if err != nil {
		return fmt.Errorf("forget old rows of an inbox: %w", err)
	}
	return nil
}

// forget deletes the rows that a condition selects.
func (b *Inbox) forget(tx *tx, which string, args ...any) error {
	which, args = `inbox WHERE inbox = ? AND `+which, append([]any{b.id}, args...)
	return errors.Join(tx.scrap(which, args...), tx.exec(`DELETE FROM `+which, args...))
}
