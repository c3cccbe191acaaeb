package simulation

import (
	"bytes"
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

func (x *session) LockEntries(context.Context, *schema.Table, []string) error { return nil }

func (x *session) Probe(_ context.Context, p apply.Place, values []apply.Tuple) error {
	if err := x.n.step(); err != nil {
		return err
	}
	for _, v := range values {
		for _, key := range x.with(p, v[0]) {
			if err := x.lock(key); err != nil {
				return err
			}
		}
	}
	return nil
}

// with returns the keys of the rows that have a value in a column.
func (x *session) with(p apply.Place, v []byte) (keys []int) {
	column := parents.Index(p.Columns[0])
	for key := range x.n.db.rows {
		if x.n.row(key).Table == p.Table && v != nil && bytes.Equal(x.row(key).value(column), v) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Delete deletes rows.
func (x *session) Delete(_ context.Context, t *schema.Table, steps []*apply.Step) error {
	return x.each(steps, func(key int, c *change.Change) error {
		if t == parents && !x.unchecked && len(x.with(childrenPlace, []byte(c.Key))) > 0 {
			return errReferenced
		}
		x.rows[key] = row{write: x.n.writeOf(c)}
		return nil
	})
}

// Insert inserts rows that did not exist.
func (x *session) Insert(_ context.Context, _ *schema.Table, steps []*apply.Step) error {
	return x.each(steps, func(key int, c *change.Change) error {
		if x.row(key).exists && x.n.w.mistake != LogOverwrite {
			return errDuplicate
		}
		return x.put(key, c)
	})
}

// Update updates rows that exist.
func (x *session) Update(_ context.Context, _ *schema.Table, steps []*apply.Step) error {
	return x.each(steps, x.put)
}

// each writes rows one by one.
func (x *session) each(steps []*apply.Step, write func(key int, c *change.Change) error) error {
	n := x.n
	if len(steps) == 0 {
		return nil
	}
	if err := n.step(); err != nil {
		return err
	}
	for _, s := range steps {
		c := s.Change()
		key := n.w.keyOf(c.Row)
		if err := x.lock(key); err != nil {
			return err
		}
		if !n.w.calm && n.w.r.Float64() < n.w.refuse {
			return errRefused
		}
		if err := write(key, c); err != nil {
			return err
		}
	}
	return nil
}

// put stores a row, if the server allows it.
func (x *session) put(key int, c *change.Change) error {
	n := x.n
	r := row{exists: true, write: writeIn(c.Values), values: c.Values}
	if came := x.came.now[c.Row]; n.w.mistake == TakeNumber && len(came) > 0 && came[len(came)-1].Columns != nil {
		r.values = slices.Clone(r.values)
		r.values[ofSum] = came[len(came)-1].Values[ofSum]
	}
	if code := r.value(ofCode); code != nil && !bytes.Equal(code, x.row(key).value(ofCode)) {
		if others := x.with(codes, code); len(others) > 0 {
			if err := x.lock(others[0]); err != nil {
				return err
			}
			return errDuplicate
		}
		if n.codes[string(code)] != free && !slices.Contains(x.codes, string(code)) {
			return errLocked
		}
		n.codes[string(code)] = applier
		x.codes = append(x.codes, string(code))
	}
	if parent := r.value(ofParent); parent != nil && !x.unchecked {
		to := n.w.named(string(parent))
		if !x.row(to).exists {
			if n.locks[to] == user {
				return errLocked // someone is about to insert it
			}
			return errParent
		}
		if err := x.lock(to); err != nil {
			return err
		}
	}
	x.rows[key] = r
	return nil
}

// Late reports that nothing goes with the COMMIT here.
func (*session) Late() bool { return false }

// Unchecked is the server's SET foreign_key_checks.
func (x *session) Unchecked(_ context.Context, f func() error) error {
	x.unchecked = true
	defer func() { x.unchecked = false }()
	return f()
}

// MoveAside clears the code.
func (x *session) MoveAside(_ context.Context, _ *schema.Table, s *apply.Step, _ []string) (bool, error) {
	key := x.n.w.keyOf(s.Change().Row)
	r := x.row(key)
	r.values = slices.Clone(r.values)
	r.values[ofCode] = nil
	x.rows[key] = r
	return true, x.n.step()
}

// Cascades and rows under another key do not occur: a parent's key is its only one, and its rows stay while they have children.

func (x *session) AsUser(context.Context) error                          { return nil }
func (x *session) Point(context.Context, apply.Found, apply.Tuple) error { return errNotPlayed }
func (x *session) Remove(context.Context, apply.Found) error             { return errNotPlayed }
func (x *session) Any(context.Context, apply.Found) (bool, error)        { return false, errNotPlayed }
func (x *session) Take(context.Context, apply.Found) ([]change.Row, [][][]byte, error) {
	return nil, nil, errNotPlayed
}
