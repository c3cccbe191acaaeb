package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Kind is what an operation does at the destination.
type Kind uint8

// The kinds of operations.
const (
	Insert Kind = iota + 1
	Update
	Delete
)

// Operation brings a state of a key to the destination.
type Operation struct {
	Kind     Kind
	Key      string
	RemoteID string // "" unless the destination has given one
	Hash     Hash
	Data     []byte // nil for a delete, and for data of at least Heavy bytes until they are loaded: see Load
	Size     int    // of the data, in bytes
	Run      int64  // that put it into the outbox
	Tries    int    // how many times it was sent and came back
	Event    string // its own UUID, which it keeps until it is answered, and which no other ever gets

	number int64
	row    row // as it was when the batch was made; stale if the key was touched since
}

func (o *Operation) state() State { return State{There: o.Kind != Delete, Hash: o.Hash} }

// Batch is a set of operations sent together. It is recorded, and in flight until it is booked, halved or found to be in
// doubt.
type Batch struct {
	ID         string // unique among all batches of all lives of this ledger
	Doubt      bool   // it was in flight when the process ended
	Halved     int    // how many times it was halved after a refusal
	SentAt     time.Time
	Operations []Operation

	id int64
}

// ErrNotOnItsWay means that a batch has already been booked or halved.
var ErrNotOnItsWay = errors.New("the batch is not in flight")

// Heavy is the size, in bytes, from which the data of an operation are not read along with it.
const Heavy = 64 << 10

var outboxColumns = `o.id, o.key, o.hash, o.run, o.tries, ` + sizeOf("o.data") + `, ` + lightOf("o.data") + `, r.id, r.acked, r.remote_id, r.next, r.waits, r.refused, r.came_from
	FROM outbox o LEFT JOIN rows r ON r.leg = ? AND r.key = o.key`

// Next takes the next operations from the outbox, in order, up to the given rows and bytes of data, and records them as a
// batch before it returns them. A larger operation goes alone. It returns nil if nothing may be sent: operations in flight
// may not, nor may a newer state of a key that is in flight.
func (g *Leg) Next(ctx context.Context, rows, bytes int) (*Batch, error) {
	var t taken
	if err := g.l.update(ctx, func(tx *tx) (err error) {
		t, err = g.take(tx, g.from, 0, rows, bytes)
		return err
	}, func() { g.off(t) }); err != nil {
		return nil, fmt.Errorf("take the next batch of %s: %w", g.key.job, err)
	}
	return t.batch, nil
}

// NextOf is Next, but returns nil if fewer than least operations wait that are not in flight.
func (g *Leg) NextOf(ctx context.Context, least, rows, bytes int) (*Batch, error) {
	var t taken
	if err := g.l.update(ctx, func(tx *tx) (err error) {
		t.from = g.from
		if g.grounded(g.counts) < least {
			return nil
		}
		t, err = g.take(tx, g.from, 0, rows, bytes)
		return err
	}, func() { g.off(t) }); err != nil {
		return nil, fmt.Errorf("take the next batch of %s: %w", g.key.job, err)
	}
	return t.batch, nil
}

// grounded returns how many operations wait and are not in flight.
func (g *Leg) grounded(c counts) int { return int(c.waiting) - len(g.flight.numbers) }

// taken is the next batch, nil for none, and the number from which to look for the one after it.
type taken struct {
	batch *Batch
	from  int64
}

// off records that a batch is in flight.
func (g *Leg) off(t taken) {
	g.from = t.from
	if t.batch != nil {
		g.flight.add(t.batch)
	}
}

// take takes the next batch from the outbox, starting at an entry, and records it. The batch landed, if not 0, is no
// longer in flight.
func (g *Leg) take(tx *tx, from, landed int64, rows, bytes int) (t taken, err error) {
	b := &Batch{SentAt: time.UnixMilli(g.l.ms())}
	t.from = from
	held, size := int64(0), 0
	keys := map[string]bool{}
	_, to := g.bounds()
	if err := tx.each(func(r *sql.Rows) error {
		var o Operation
		if err := g.operation(r, &o); err != nil {
			return err
		}
		switch {
		case g.flight.number(o.number, landed):
		case o.Key != "" && (g.flight.key(o.Key, landed) || keys[o.Key]):
			if held == 0 {
				held = o.number
			}
		case len(b.Operations) == rows || len(b.Operations) > 0 && size+o.Size > bytes:
			t.from = o.number
			return errEnough
		default:
			b.Operations = append(b.Operations, o)
			keys[o.Key] = true
			size += o.Size
		}
		t.from = o.number + 1
		return nil
	}, `SELECT `+outboxColumns+` WHERE o.id >= ? AND o.id < ? ORDER BY o.id`, g.id, g.outboxID(from), to); err != nil {
		return t, err
	}
	if held != 0 {
		t.from = held
	}
	if len(b.Operations) == 0 {
		return t, nil
	}
	t.batch = b
	return t, g.write(tx, b)
}

// operation reads outboxColumns.
func (g *Leg) operation(r *sql.Rows, o *Operation) error {
	var hash, data sql.RawBytes
	var run, size sql.NullInt64
	var c rowColumns
	if err := r.Scan(append([]any{&o.number, &o.Key, &hash, &run, &o.Tries, &size, &data}, c.into()...)...); err != nil {
		return err
	}
	s, err := state(hash)
	if err == nil {
		o.row, err = c.row()
	}
	if err != nil {
		return err
	}
	o.number &= 1<<numberBits - 1
	o.Event = g.event(o.number)
	o.Run, o.RemoteID, o.Hash, o.Size = run.Int64, o.row.remoteID, s.Hash, int(size.Int64)
	if data != nil {
		o.Data = slices.Clone([]byte(data))
	}
	switch {
	case !s.There:
		o.Kind = Delete
	case !o.row.acked.There:
		o.Kind = Insert
	default:
		o.Kind = Update
	}
	return nil
}

// event identifies an outbox entry. It is not derived from key and data: to receivers that remember events, a row that
// returns to an earlier state would look like a repetition, and be lost.
func (g *Leg) event(number int64) string {
	name := append(make([]byte, 0, 64), g.l.life...)
	name = strconv.AppendInt(append(name, '/'), g.id, 10)
	name = strconv.AppendInt(append(name, '/'), number, 10)
	return uuid.NewSHA1(uuid.NameSpaceOID, name).String()
}

// write records a batch that is about to be sent.
func (g *Leg) write(tx *tx, b *Batch) error { // Promise 2
	numbers := make([]byte, 0, 2*len(b.Operations))
	before := int64(0)
	for i := range b.Operations {
		numbers = binary.AppendUvarint(numbers, uint64(b.Operations[i].number-before)) //nolint:gosec // they ascend
		before = b.Operations[i].number
	}
	var err error
	if b.id, err = tx.insert(`INSERT INTO batches (leg, name, numbers, halved, state, sent_at) VALUES (?, '', ?, ?, 'sent', ?)`, g.id, numbers, b.Halved, b.SentAt.UnixMilli()); err != nil {
		return err
	}
	b.ID = fmt.Sprintf("%s-%d", g.l.life, b.id)
	return tx.exec(`UPDATE batches SET name = ? WHERE id = ?`, b.ID, b.id)
}

// batches reads the batches in flight or in doubt.
func (g *Leg) batches(tx *tx) ([]*Batch, error) {
	var out []*Batch
	var numbers [][]byte
	if err := tx.each(func(r *sql.Rows) error {
		b := &Batch{}
		var packed []byte
		var how string
		var sent int64
		if err := r.Scan(&b.id, &b.ID, &packed, &b.Halved, &how, &sent); err != nil {
			return err
		}
		b.Doubt, b.SentAt = how == "doubt", time.UnixMilli(sent)
		out, numbers = append(out, b), append(numbers, packed)
		return nil
	}, `SELECT id, name, numbers, halved, state, sent_at FROM batches WHERE leg = ? ORDER BY id`, g.id); err != nil {
		return nil, err
	}
	for i, b := range out {
		number := int64(0)
		for packed := numbers[i]; len(packed) > 0; {
			step, n := binary.Uvarint(packed)
			if n <= 0 {
				return nil, fmt.Errorf("batch %s has an unreadable list", b.ID)
			}
			packed, number = packed[n:], number+int64(step) //nolint:gosec // as it was written
			found := len(b.Operations)
			if err := tx.each(func(r *sql.Rows) error {
				var o Operation
				if err := g.operation(r, &o); err != nil {
					return err
				}
				b.Operations = append(b.Operations, o)
				return nil
			}, `SELECT `+outboxColumns+` WHERE o.id = ?`, g.id, g.outboxID(number)); err != nil {
				return nil, err
			}
			if len(b.Operations) != found+1 {
				return nil, fmt.Errorf("batch %s has an operation that is not in the outbox", b.ID)
			}
		}
	}
	return out, nil
}

// Doubts returns the batches whose answers are unknown, oldest first: they were in flight when the process ended. Each
// must be booked, either after it was resent under the same id, or according to what was found at the destination
// (Judge). Until then its keys are not sent.
func (g *Leg) Doubts(ctx context.Context) ([]*Batch, error) {
	var all []*Batch
	if err := g.l.update(ctx, func(tx *tx) (err error) {
		all, err = g.batches(tx)
		return err
	}); err != nil {
		return nil, fmt.Errorf("read what is in doubt: %w", err)
	}
	return slices.DeleteFunc(all, func(b *Batch) bool { return !b.Doubt }), nil
}

// Halve splits a batch that was refused as a whole in two, and records both: promise 6.
func (g *Leg) Halve(ctx context.Context, b *Batch) (first, second *Batch, err error) {
	if len(b.Operations) < 2 {
		return nil, nil, errors.New("a batch of one operation cannot be split")
	}
	half := (len(b.Operations) + 1) / 2
	part := func(operations []Operation) *Batch {
		return &Batch{Halved: b.Halved + 1, SentAt: time.UnixMilli(g.l.ms()), Operations: operations}
	}
	first, second = part(b.Operations[:half:half]), part(b.Operations[half:])
	if err := g.l.update(ctx, func(tx *tx) error {
		if err := g.landed(tx, b); err != nil {
			return err
		}
		if err := g.write(tx, first); err != nil {
			return err
		}
		return g.write(tx, second)
	}, func() {
		g.flight.add(first)
		g.flight.add(second)
	}); err != nil {
		return nil, nil, fmt.Errorf("halve batch %s: %w", b.ID, err)
	}
	return first, second, nil
}

// landed is called when a batch is no longer in flight.
func (g *Leg) landed(tx *tx, b *Batch) error {
	n, err := tx.count(`DELETE FROM batches WHERE id = ? AND leg = ?`, b.id, g.id)
	if err == nil && n == 0 {
		err = ErrNotOnItsWay
	}
	return err
}
