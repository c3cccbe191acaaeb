package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// kept is a receive.Applier that stores rows in inboxes.
type kept struct {
	state   *ledger.Ledger
	inboxes map[string]*ledger.Inbox
	came    func(table string)
	gone    func(table string) func(column string) bool // whether a column no longer exists
}

// Due reports that nothing waits: rows are stored at once.
func (*kept) Due() (time.Time, bool) { return time.Time{}, false }

// ApplyFor decides the changes one by one, and stores the resulting rows in one transaction. A row that
// cannot be stored is refused; the others are stored.
func (k *kept) ApplyFor(ctx context.Context, changes []apply.Incoming, _ time.Duration) ([]apply.Result, error) {
	results := make([]apply.Result, len(changes))
	tables := map[string]*decided{}
	var list []ledger.Delivery
	for i := range changes {
		c := &changes[i]
		t := tables[c.Table]
		if t == nil {
			t = &decided{of: map[string][]incoming{}, gone: sync.OnceValue(func() func(string) bool { return k.gone(c.Table) })}
			tables[c.Table] = t
		}
		if t.of[c.Key] == nil {
			t.keys = append(t.keys, c.Key)
		}
		t.of[c.Key] = append(t.of[c.Key], incoming{c, &results[i]})
	}
	for name, t := range tables {
		list = append(list, ledger.Delivery{Inbox: k.inboxes[name], Keys: t.keys, Size: t.size, Decide: t.decide})
	}
	if err := k.state.Deliver(ctx, list...); err != nil {
		return nil, err
	}
	for name, t := range tables {
		if t.changed {
			k.came(name)
		}
	}
	return results, nil
}

// decided is the changes of a table, by key, in order of arrival.
type decided struct {
	keys    []string
	of      map[string][]incoming
	gone    func() func(column string) bool
	changed bool
}

// incoming is a change and its outcome.
type incoming struct {
	*apply.Incoming
	result *apply.Result
}

// size is the approximate JSON size of a key's changes in bytes: bytes take the most.
func (d *decided) size(key string) (n int) {
	for _, in := range d.of[key] {
		for _, v := range in.Values {
			n = max(n, 4*len(v))
		}
	}
	return n
}

// decide returns the new states of the changed rows.
func (d *decided) decide(known []ledger.Pushed) ([]ledger.Pushed, error) {
	var out []ledger.Pushed
	for _, p := range known {
		held, err := decodeState(p.Version)
		if err != nil {
			return nil, err
		}
		changed := false
		for _, in := range d.of[p.Key] {
			row, err := rowOf(in.Incoming) // not before: it may be large
			if err != nil {
				*in.result = apply.Result{Err: err, Retry: errors.Is(err, errOld)}
				continue
			}
			if in.OnlyMissing && p.Number != 0 {
				continue
			}
			decision, state := conflict.Resolve(held, in.State)
			changed = changed || decision != conflict.Known
			if held = state; !decision.Writes() {
				continue
			}
			in.result.Wrote = true
			if p.Data, err = merged(&p, in.Deleted(), row, d.gone); err != nil {
				return nil, err
			}
			p.Deleted = in.Deleted()
			p.Number = max(p.Number, 1) // it is there now
		}
		if !changed {
			continue
		}
		if p.Version, err = json.Marshal(held); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	d.changed = d.changed || len(out) > 0
	return out, nil
}

// merged returns what is known of a row after a change: columns that the change lacks stay, unless they no longer exist,
// and so do those of a deleted row.
func merged(p *ledger.Pushed, deleted bool, row []byte, gone func() func(column string) bool) ([]byte, error) {
	switch {
	case deleted && p.Data != nil:
		return p.Data, nil
	case p.Data == nil || p.Deleted:
		return row, nil
	}
	before, err := record.Members(p.Data)
	if err != nil {
		return nil, err
	}
	now, err := record.Members(row)
	if err != nil {
		return nil, err
	}
	has := make(map[string]bool, len(now))
	for _, m := range now {
		has[m.Name] = true
	}
	var b record.Builder
	lacks := false
	for _, m := range before {
		if has[m.Name] || gone()(m.Name) {
			continue
		}
		lacks = true
		if err := b.Add(m.Name, m.Value); err != nil {
			return nil, err
		}
	}
	if !lacks {
		return row, nil
	}
	for _, m := range now {
		if err := b.Add(m.Name, m.Value); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// rowOf returns a change's row as JSON; for a delete, its key.
func rowOf(c *apply.Incoming) ([]byte, error) {
	if !c.Deleted() {
		return data(c.Form, c.Columns, c.Values)
	}
	values, err := c.Form.KeyValues(c.Key)
	if err != nil {
		return nil, err
	}
	return data(c.Form, c.Form.KeyNames(), values)
}

// errOld means bytes in a text column, whose type must have changed. The definition is soon requested again.
var errOld = errors.New("is not valid UTF-8: its type may have changed")

// data returns columns in stored form as the Data of a record.
func data(t *schema.Table, columns []string, values [][]byte) ([]byte, error) {
	for i, name := range columns {
		if c, ok := t.Column(name); ok && (c.Kind == value.Text || c.Kind == value.JSON) && !utf8.Valid(values[i]) {
			return nil, fmt.Errorf("column %.64q %w", name, errOld)
		}
	}
	e := receive.Decode(t, columns, values, time.UTC)
	for i, name := range columns {
		if f, ok := e[i].Value.(float64); ok && isFloat(t, name) {
			e[i].Value = json.RawMessage(single(f))
		}
	}
	b, err := record.Data(e)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Name, err)
	}
	return b, nil
}

// isFloat reports whether a column has 32-bit values, which travel with the digits of 64.
func isFloat(t *schema.Table, name string) bool {
	c, ok := t.Column(name)
	return ok && c.Kind == value.Double && c.DataType == "float"
}

// single returns the shortest text for the same 32-bit float.
func single(f float64) []byte {
	b, err := json.Marshal(float32(f))
	if err != nil { // no column holds an infinity
		return []byte("null")
	}
	return b
}

// decodeState decodes a row's stored state.
func decodeState(b []byte) (s change.State, err error) {
	if b == nil {
		return s, nil
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("the version of a row in the inbox: %w", err)
	}
	return s, nil
}
