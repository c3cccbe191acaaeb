package ledger

import (
	"context"
	"fmt"
)

// Answer is the outcome of an operation.
type Answer struct {
	RemoteID string // the destination's id for the row, if it gave one
	Refused  string // why the destination refused it; "" if it did not
	Later    bool   // the destination has certainly not accepted it, and it stays in the outbox
	Unsent   bool   // if Later: it was not even sent, which does not count as a try
}

// Book records the answers to a batch, one per operation, in one transaction: what the destination has, what it refused
// and why, the run's counters, and the watermark. A newer state that arrived meanwhile stays in the outbox.
func (g *Leg) Book(ctx context.Context, b *Batch, answers []Answer) error { // Promise 1
	_, err := g.land(ctx, b, answers, 0, 0, 0)
	return err
}

// BookNext is Book, and NextOf in the same transaction.
func (g *Leg) BookNext(ctx context.Context, b *Batch, answers []Answer, least, rows, bytes int) (*Batch, error) {
	return g.land(ctx, b, answers, max(least, 1), rows, bytes)
}

// land books a batch and takes the next one, unless least is 0.
func (g *Leg) land(ctx context.Context, b *Batch, answers []Answer, least, rows, bytes int) (*Batch, error) {
	if len(answers) != len(b.Operations) {
		return nil, fmt.Errorf("book batch %s: %d answers for %d operations", b.ID, len(answers), len(b.Operations))
	}
	var c *change
	var t taken
	if err := g.l.update(ctx, func(tx *tx) error {
		if err := g.landed(tx, b); err != nil {
			return err
		}
		c = g.change(tx)
		if err := c.book(b, answers); err != nil {
			return err
		}
		t.from = g.from // go back to entries to send again
		for i, a := range answers {
			if a.Later {
				t.from = min(t.from, b.Operations[i].number)
			}
		}
		if err := g.settled(tx); err != nil {
			return err
		}
		if least == 0 || g.grounded(c.counts)+len(b.Operations) < least {
			return nil
		}
		var err error
		t, err = g.take(tx, t.from, b.id, rows, bytes)
		return err
	}, func() {
		c.done()
		g.flight.remove(b)
		g.off(t)
	}); err != nil {
		return nil, fmt.Errorf("book batch %s: %w", b.ID, err)
	}
	return t.batch, nil
}

func (c *change) book(b *Batch, answers []Answer) error {
	rows, err := c.g.rowsOf(c.tx, b)
	if err != nil {
		return err
	}
	runs := map[int64]Counters{}
	for i := range b.Operations {
		o, a := &b.Operations[i], answers[i]
		n := runs[o.Run]
		switch {
		case a.Later:
		case a.Refused != "":
			n.Refused++
		case o.Kind == Delete:
			n.Deleted++
		default:
			n.Sent++
		}
		runs[o.Run] = n
		if o.Key == "" {
			what := keyless(o.number, a)
			what.later = what.later && !a.Unsent
			if err := c.effect(what, o.number, b.ID, a.Refused); err != nil {
				return err
			}
			continue
		}
		r, what := book(rows[i], o.number, o.state(), a)
		what.later = what.later && !a.Unsent
		if err := c.effect(what, o.number, b.ID, a.Refused); err != nil {
			return err
		}
		if r == rows[i] {
			continue
		}
		if r == rows[i].acks() {
			c.acked = append(c.acked, o.Key)
			continue
		}
		if _, err := c.store(o.Key, r); err != nil {
			return err
		}
	}
	for run, n := range runs {
		if err := count(c.tx, run, n); err != nil {
			return err
		}
	}
	return c.finish()
}

// rowsOf returns the rows of a batch: as they were when it was made, or read again if they have changed since.
func (g *Leg) rowsOf(tx *tx, b *Batch) ([]row, error) {
	rows := make([]row, len(b.Operations))
	var keys []string
	var at []int
	for i := range b.Operations {
		o := &b.Operations[i]
		rows[i] = o.row
		if g.flight.touched[o.Key] {
			keys, at = append(keys, o.Key), append(at, i)
		}
	}
	again, err := g.load(tx, keys)
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		rows[i] = again[k]
	}
	return rows, nil
}

// keyless decides about the answer to an entry without a key, for which there is no row.
func keyless(number int64, a Answer) effects {
	if a.Later || a.Refused != "" {
		return effects{later: a.Later, refuse: !a.Later}
	}
	return effects{drop: [2]int64{number}}
}

// Judge answers a batch in doubt from the ledger, after the destination (Adopt) or some of its rows (Found) were read
// into it: rows that are there as they were sent were accepted; the rest are sent later.
func (g *Leg) Judge(ctx context.Context, b *Batch) ([]Answer, error) {
	keys := make([]string, len(b.Operations))
	for i := range b.Operations {
		keys[i] = b.Operations[i].Key
	}
	rows, err := g.Look(ctx, keys)
	if err != nil {
		return nil, err
	}
	answers := make([]Answer, len(rows))
	for i, r := range rows {
		answers[i] = Answer{RemoteID: r.RemoteID, Later: keys[i] == "" || !r.Acked.is(b.Operations[i].state())}
	}
	return answers, nil
}
