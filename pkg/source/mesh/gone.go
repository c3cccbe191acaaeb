package mesh

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// refusal is a client's own reason for not describing a table.
type refusal string

func (r refusal) Error() string { return string(r) }

// othersMost is how many other clients are asked about a table.
const othersMost = 64

// senders returns the clients that may have columns of a table: those online, or met before as nodes.
func (d *definitions) senders(table string) (list []string) {
	for _, c := range d.line.Mesh.Clients() {
		list = append(list, c.Name)
	}
	for _, name := range d.cfg.Clients() {
		if d.line.Mesh.IsNode(name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(name string) bool { return !d.cfg.MayWrite(name, table) })
}

// learnOthers asks the other nodes about a table of which one has lost columns, or that is new. It does not wait long:
// unknown columns are assumed to exist.
func (d *definitions) learnOthers(ctx context.Context, p place) {
	ctx, cancel := context.WithTimeout(ctx, askAgain)
	defer cancel()
	var g sync.WaitGroup
	senders := d.senders(p.table)
	for _, client := range senders[:min(len(senders), othersMost)] {
		if client == p.client || !d.line.Mesh.IsNode(client) || !d.line.Mesh.Online(client) {
			continue
		}
		g.Go(func() {
			t, err := d.ask(ctx, place{client, p.table})
			if err == nil || errors.As(err, new(refusal)) {
				d.note(place{client, p.table}, told{Table: t, at: time.Now()})
			}
		})
	}
	g.Wait()
}

// gone returns a function that reports whether a column no longer exists: no client that sends the table has it. An unknown
// client, such as an existing peer, may have any column.
func (d *definitions) gone(table string) func(column string) bool {
	senders := d.senders(table)
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []told
	for _, client := range senders {
		t, ok := d.known[place{client, table}]
		if !ok {
			return func(string) bool { return false }
		}
		if t.Table != nil {
			list = append(list, t)
		}
	}
	return func(column string) bool {
		return len(list) > 0 && !slices.ContainsFunc(list, func(t told) bool { return t.Index(column) >= 0 })
	}
}
