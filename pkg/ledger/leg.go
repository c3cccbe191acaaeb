package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

// Direction is the way that rows go.
type Direction string

// A job pushes rows from its source to its destinations, and may pull some from there.
const (
	Push Direction = "push"
	Pull Direction = "pull"
)

type legKey struct {
	job       string
	direction Direction
	name      string
}

// Leg is a destination of a job, with its ledger and its outbox.
type Leg struct {
	l   *Ledger
	id  int64
	job int64
	key legKey

	counts        // as in the file
	flight flight // what is in flight
	from   int64  // all entries below this number are in flight, or gone

	given atomic.Int64 // nextRow, for those who do not have the turn
}

// counts are what a leg's transactions change.
type counts struct {
	nextRow, nextNumber     int64
	known, waiting, refused int64
}

// flight knows what is in flight: a few batches at a time. It maps each number and key to the id of its batch.
type flight struct {
	numbers map[int64]int64
	keys    map[string]int64
	touched map[string]bool // keys whose rows have changed since: their batch's copy is stale
}

func newFlight() flight {
	return flight{numbers: map[int64]int64{}, keys: map[string]int64{}, touched: map[string]bool{}}
}

func (f *flight) add(b *Batch) {
	for i := range b.Operations {
		o := &b.Operations[i]
		f.numbers[o.number] = b.id
		if o.Key != "" {
			f.keys[o.Key] = b.id
		}
	}
}

func (f *flight) remove(b *Batch) {
	for i := range b.Operations {
		o := &b.Operations[i]
		delete(f.numbers, o.number)
		delete(f.keys, o.Key)
		delete(f.touched, o.Key)
	}
}

// number reports whether an outbox entry is in flight, in a batch other than landed.
func (f *flight) number(number, landed int64) bool {
	id := f.numbers[number]
	return id != 0 && id != landed
}

// key reports whether an entry of a key is in flight, in a batch other than landed.
func (f *flight) key(key string, landed int64) bool {
	id := f.keys[key]
	return id != 0 && id != landed
}

// numberBits is how many low bits of an outbox id number the entries of a leg; the others are the leg's id.
const numberBits = 40

// outboxID returns the outbox id of one of the leg's entries.
func (g *Leg) outboxID(number int64) int64 { return g.id<<numberBits | number }

// bounds returns the leg's first outbox id, and the first after its last.
func (g *Leg) bounds() (from, to int64) { return g.outboxID(0), (g.id + 1) << numberBits }

// Leg returns a job's leg to a destination, and creates job and leg if they are new. The destination's name includes the
// object there, such as a table, so that no two legs of a job have the same name.
func (l *Ledger) Leg(ctx context.Context, job string, direction Direction, destination string) (*Leg, error) {
	k := legKey{job, direction, destination}
	var g *Leg
	err := l.update(ctx, func(tx *tx) error {
		if g = l.legs[k]; g != nil {
			return nil
		}
		id, err := jobID(tx, job)
		if err != nil {
			return err
		}
		g = &Leg{l: l, key: k, job: id, flight: newFlight()}
		if err := tx.exec(`INSERT OR IGNORE INTO legs (job, direction, destination) VALUES (?, ?, ?)`, id, direction, destination); err != nil {
			return err
		}
		if err := tx.one(`SELECT id, next_row, next_number, known, waiting, refused FROM legs WHERE job = ? AND direction = ? AND destination = ?`,
			id, direction, destination).Scan(&g.id, &g.nextRow, &g.nextNumber, &g.known, &g.waiting, &g.refused); err != nil {
			return err
		}
		doubts, err := g.batches(tx)
		for _, b := range doubts {
			g.flight.add(b)
		}
		g.given.Store(g.nextRow)
		return err
	}, func() { l.legs[k] = g })
	if err != nil {
		return nil, fmt.Errorf("open the leg of %s to %s: %w", job, destination, err)
	}
	return g, nil
}

// jobID finds or creates the job.
func jobID(tx *tx, name string) (id int64, err error) {
	err = tx.one(`SELECT id FROM jobs WHERE name = ?`, name).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	return tx.insert(`INSERT INTO jobs (name) VALUES (?)`, name)
}

// Counts is how much a leg has.
type Counts struct {
	Known   int // keys in the ledger
	Waiting int // states in the outbox, including those in flight
	Refused int
}

// Counts returns how much the leg has.
func (g *Leg) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := g.l.update(ctx, func(*tx) error {
		c = Counts{Known: int(g.known), Waiting: int(g.waiting), Refused: int(g.refused)}
		return nil
	})
	return c, err
}

// change is a leg's part in a transaction. Its changes are written together at the end, many rows per statement.
type change struct {
	*tx
	g *Leg
	counts
	rows    []kept
	acked   []string // keys of which the destination has the newest state now, and nothing else has changed
	entries []entry
	drops   []int64
}

// kept is a row to be stored under its key.
type kept struct {
	key string
	row row
}

// entry is an entry of the outbox.
type entry struct {
	number int64
	key    string
	state  State
	run    int64
	data   []byte
}

func (g *Leg) change(tx *tx) *change { return &change{tx: tx, g: g, counts: g.counts} }

// store keeps what became of a row, or forgets the row if it is gone. It returns the row's id.
func (c *change) store(key string, r row) (int64, error) {
	if c.g.flight.key(key, 0) {
		c.g.flight.touched[key] = true
	}
	if r.gone() {
		if r.id == 0 {
			return 0, nil
		}
		c.known--
		return 0, c.exec(`DELETE FROM rows WHERE leg = ? AND key = ?`, c.g.id, key)
	}
	if r.id == 0 {
		r.id = c.nextRow
		c.nextRow++
		c.known++
	}
	c.rows = append(c.rows, kept{key, r})
	return r.id, nil
}

// effect carries out a decision's effects on the outbox and the refused rows. number is that of the entry that was in
// flight, batch its batch's name, and reason why it was refused.
func (c *change) effect(e effects, number int64, batch, reason string) error {
	for _, n := range e.drop {
		if n != 0 {
			c.drops = append(c.drops, n)
		}
	}
	id := c.g.outboxID(number)
	if e.forget != 0 {
		c.refused--
		if err := c.scrap(`refused WHERE id = ?`, c.g.outboxID(e.forget)); err != nil {
			return err
		}
		if err := c.exec(`DELETE FROM refused WHERE id = ?`, c.g.outboxID(e.forget)); err != nil {
			return err
		}
	}
	switch {
	case e.later:
		return c.exec(`UPDATE outbox SET tries = tries + 1 WHERE id = ?`, id)
	case e.move != 0:
		if err := c.scrap(`outbox WHERE id = ?`, id); err != nil {
			return err
		}
		if err := c.exec(`DELETE FROM outbox WHERE id = ?`, id); err != nil {
			return err
		}
		c.waiting--
		return c.exec(`UPDATE outbox SET id = ? WHERE id = ?`, id, c.g.outboxID(e.move))
	case e.refuse:
		c.refused++
		c.drops = append(c.drops, number)
		if err := c.exec(`INSERT INTO refused SELECT id, ?, key, hash, run, tries + 1, data, ?, ?, ? FROM outbox WHERE id = ?`, c.g.id, reason, batch, c.g.l.ms(), id); err != nil {
			return err
		}
		return c.keep("outbox", id)
	}
	return nil
}

// number gives a new outbox entry its number.
func (c *change) number() int64 {
	c.nextNumber++
	return c.nextNumber - 1
}

const (
	rowsAtOnce    = 64
	entriesAtOnce = 32
	acksAtOnce    = 256
)

// finish writes all changes.
func (c *change) finish() error {
	if err := lengths(len(c.acked), acksAtOnce, func(from, to int) error {
		args := make([]any, 1, 1+to-from)
		args[0] = c.g.id
		for _, k := range c.acked[from:to] {
			args = append(args, k)
		}
		return c.exec(`UPDATE rows SET acked = next, next = NULL, waits = NULL WHERE leg = ? AND key IN `+tuples(1, to-from), args...)
	}); err != nil {
		return err
	}
	if err := lengths(len(c.rows), rowsAtOnce, func(from, to int) error {
		args := make([]any, 0, 9*(to-from))
		for _, k := range c.rows[from:to] {
			r := k.row
			var acked, next []byte
			if r.acked.There {
				acked = r.acked.blob()
			}
			if r.pending {
				next = r.next.blob()
			}
			args = append(args, c.g.id, k.key, r.id, null(acked), text(r.remoteID), null(next), number(r.waits), number(r.refused), text(r.cameFrom))
		}
		return c.exec(`REPLACE INTO rows VALUES `+tuples(to-from, 9), args...)
	}); err != nil {
		return err
	}
	if err := c.remove(); err != nil {
		return err
	}
	if err := light(len(c.entries), entriesAtOnce, func(i int) int { return len(c.entries[i].data) }, func(from, to int) error {
		args := make([]any, 0, 5*(to-from))
		for _, e := range c.entries[from:to] {
			if err := c.scrap(`outbox WHERE id = ?`, c.g.outboxID(e.number)); err != nil {
				return err
			}
			data, err := c.put(e.data)
			if err != nil {
				return err
			}
			args = append(args, c.g.outboxID(e.number), e.key, e.state.blob(), number(e.run), data)
		}
		return c.exec(`REPLACE INTO outbox (id, key, hash, run, data) VALUES `+tuples(to-from, 5), args...)
	}); err != nil {
		return err
	}
	if c.counts == c.g.counts {
		return nil
	}
	return c.exec(`UPDATE legs SET next_row = ?, next_number = ?, known = ?, waiting = ?, refused = ? WHERE id = ?`,
		c.nextRow, c.nextNumber, c.known, c.waiting, c.refused, c.g.id)
}

// remove deletes the dropped entries; adjacent ones together.
func (c *change) remove() error {
	for i := 0; i < len(c.drops); {
		j := i + 1
		for j < len(c.drops) && c.drops[j] == c.drops[j-1]+1 {
			j++
		}
		from, to := c.g.outboxID(c.drops[i]), c.g.outboxID(c.drops[j-1])
		if err := c.scrap(`outbox WHERE id BETWEEN ? AND ?`, from, to); err != nil {
			return err
		}
		if err := c.exec(`DELETE FROM outbox WHERE id BETWEEN ? AND ?`, from, to); err != nil {
			return err
		}
		i = j
	}
	c.waiting -= int64(len(c.drops))
	return nil
}

// done updates the leg's counts once they are committed.
func (c *change) done() {
	c.g.counts = c.counts
	c.g.given.Store(c.nextRow)
}

func null(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}
