package ledger

import (
	"context"
	"fmt"
)

// Entry is a state of a key found at a source.
type Entry struct {
	Key      string // "" for a job without a key: the row is sent, and not remembered
	Deleted  bool
	Hash     Hash
	Data     []byte
	CameFrom string // where the state came from, if it is not the source's own
	Had      bool   // the destination has the state, since it came from there: only remember it
	New      int64  // of the Row that Look returned; 0 is always right

	ID int64 // set by Fill to the row's id, for the bitmap; 0 without a key, or if nothing has to be remembered
}

func (e *Entry) state() State {
	if e.Deleted {
		return State{}
	}
	return State{There: true, Hash: e.Hash}
}

// Part is what a fill brings to one leg. All legs have one job and direction.
type Part struct {
	Leg     *Leg
	Entries []Entry // a key may occur twice: the last one counts
}

// Place is the position up to which a source has been read.
type Place struct {
	Value string // of the watermark column
	Key   string // of the last row with that value
}

// Fill is what was read.
type Fill struct {
	Run             int64 // 0: none
	Read, Unchanged int   // the run's counters grow by these
	Parts           []Part
	Place           *Place // up to which everything has been read; nil: it does not move
}

// Fill records what was read in one transaction: new rows, the outbox, and the position. A newer state of a key replaces
// a waiting one, and queues behind one in flight. A state that the outbox or the destination already has changes nothing.
func (l *Ledger) Fill(ctx context.Context, f *Fill) error { // Promise 1
	var changes []*change
	err := l.update(ctx, func(tx *tx) error {
		for _, p := range f.Parts {
			c := p.Leg.change(tx)
			changes = append(changes, c)
			if err := c.fill(f.Run, p.Entries); err != nil {
				return err
			}
		}
		if err := l.place(tx, f, changes); err != nil {
			return err
		}
		return count(tx, f.Run, Counters{Read: f.Read, Unchanged: f.Unchanged})
	}, func() {
		for _, c := range changes {
			c.done()
		}
	})
	if err != nil {
		return fmt.Errorf("fill the outbox: %w", err)
	}
	return nil
}

func (c *change) fill(run int64, entries []Entry) error {
	last := make(map[string]int, len(entries))
	var keys []string
	for i := range entries {
		k := entries[i].Key
		if k == "" {
			continue
		}
		if _, twice := last[k]; !twice && entries[i].New != c.nextRow { // each new row takes the next id
			keys = append(keys, k)
		}
		last[k] = i
	}
	loaded, err := c.g.load(c.tx, keys)
	if err != nil {
		return err
	}
	rows := make(map[string]*row, len(keys))
	for i, k := range keys {
		rows[k] = &loaded[i]
	}
	var none row
	for i := range entries {
		e := &entries[i]
		if e.Key == "" {
			c.entries = append(c.entries, entry{c.number(), "", e.state(), run, e.Data})
			c.waiting++
			continue
		}
		if last[e.Key] != i {
			continue
		}
		was := rows[e.Key]
		if was == nil {
			was = &none
		}
		r, what := fill(*was, e.state(), e.CameFrom, c.g.flight.key(e.Key, 0), c.g.flight.number(was.waits, 0))
		if e.Had {
			r, what = had(*was, e.state(), e.CameFrom, c.g.flight.number(was.waits, 0))
		}
		if r == *was {
			e.ID = r.id
			continue
		}
		if what.fresh {
			r.waits = c.number()
			c.waiting++
		}
		if err := c.effect(what, 0, "", ""); err != nil {
			return err
		}
		if what.put {
			c.entries = append(c.entries, entry{r.waits, e.Key, r.next, run, e.Data})
		}
		if e.ID, err = c.store(e.Key, r); err != nil {
			return err
		}
	}
	for i := range entries { // the twins
		if j, ok := last[entries[i].Key]; ok {
			entries[i].ID = entries[j].ID
		}
	}
	return c.finish()
}
