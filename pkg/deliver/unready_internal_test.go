package deliver

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// marked is an outbox that has a marked row of one table.
type marked struct{ Outbox }

func (marked) Next(_ context.Context, _ string, _ int64, _ int, without []string) (list []outbox.Item, err error) {
	i := outbox.Item{Marked: true, Position: 1}
	if i.Table, i.Key = "orders", "1"; !slices.Contains(without, i.Table) {
		list = append(list, i)
	}
	return list, nil
}

// relabelled are routes of which orders' is new.
type relabelled struct {
	Routes
	unready []string
	moving  bool
}

func (r *relabelled) Unready() []string { return r.unready }
func (r *relabelled) Moving() bool      { return r.moving }

func TestMarkedRowsWaitUntilItIsKnownWhoHasThem(t *testing.T) {
	t.Parallel()
	routes := &relabelled{unready: []string{"orders"}}
	s := New(&Config{Log: zap.NewNop(), Now: time.Now, Outbox: marked{}, Routes: routes}, "store-1", ready{})
	for want := range 2 {
		s.marks.found()
		if list, err := s.nextMarked(t.Context()); err != nil || len(list) != want {
			t.Errorf("%d marked rows go out, %v, want %d", len(list), err, want)
		}
		routes.unready = nil
	}
}

// placed is an outbox that has a marked row after all others.
type placed struct{ Outbox }

func (placed) Next(context.Context, string, int64, int, []string) ([]outbox.Item, error) {
	i := outbox.Item{Marked: true, Position: outbox.PlaceOfLost(1, 1)}
	i.Table, i.Key = "orders", "1"
	return []outbox.Item{i}, nil
}

func TestLostRowsWaitUntilTheirChildrenHaveFollowed(t *testing.T) {
	t.Parallel()
	routes := &relabelled{moving: true}
	s := New(&Config{Log: zap.NewNop(), Now: time.Now, Outbox: placed{}, Routes: routes}, "store-1", ready{})
	for want := range 2 {
		s.marks.found()
		if list, err := s.nextMarked(t.Context()); err != nil || len(list) != want {
			t.Errorf("%d marked rows go out, %v, want %d", len(list), err, want)
		}
		routes.moving = false
	}
}
