package deliver

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
)

// renders is where rows are read, and counts them.
type renders struct {
	noRows
	rows *int
}

func (renders) Transforms(string) bool { return false }

func (r renders) Render(_ context.Context, _ render.Target, items []outbox.Item) (*render.Rendering, error) {
	d := &render.Rendering{}
	for _, i := range items {
		d.Outgoing = append(d.Outgoing, render.Outgoing{Sent: outbox.Sent{Item: i}})
	}
	*r.rows += len(items)
	return d, nil
}

type named struct{ Tables }

func (named) ID(_ context.Context, r change.Row) string { return r.Key }

// packs is a destination that packs rows into a message.
type packs struct{ takesAll }

func (packs) Limits() Limits { return Limits{Rows: 10, Messages: 4, MaxRow: 1 << 20} }

func (packs) Pack(list []render.Outgoing, _ bool) []Message {
	return []Message{{Body: []byte("rows"), Rows: len(list)}}
}

// TestASenderThatLagsBehindJoinsTheOthers: one that is in the middle of a load, or has missed some, reads up to where the
// next one begins, and then takes those that the others had packed.
func TestASenderThatLagsBehindJoinsTheOthers(t *testing.T) {
	t.Parallel()
	stream, read := &growing{end: 4}, 0
	c := &Config{Log: zap.NewNop(), Now: time.Now, Stream: stream, Rows: renders{rows: &read}, Tables: named{}, Loads: &Loads{},
		Syncs: func(string) bool { return true }}
	sender := func(at int64) *Sender {
		s := New(c, "node-b", packs{})
		s.road.opened, s.road.taken = true, at
		return s
	}
	ends := func(s *Sender) (list []int64) {
		t.Helper()
		for {
			l, alone, err := s.nextLoad(t.Context())
			if err != nil || alone {
				t.Fatalf("alone %v, %v", alone, err)
			}
			if l == nil {
				return list
			}
			s.road.taken = l.upTo
			list = append(list, l.upTo)
		}
	}
	first := sender(0)
	var all []int64
	for range 3 {
		all = append(all, ends(first)...)
		stream.end += 7
	}
	stream.end -= 7
	if want := []int64{4, 11, 18}; !slices.Equal(all, want) {
		t.Fatalf("loads up to %v, want %v", all, want)
	}
	before := read
	if got := ends(sender(0)); !slices.Equal(got, all) || read != before {
		t.Errorf("another sender gets loads up to %v and reads %d more rows", got, read-before)
	}
	if got := ends(sender(2)); !slices.Equal(got, all) || read != before+2 {
		t.Errorf("one between two loads gets loads up to %v and reads %d more rows", got, read-before)
	}
}
