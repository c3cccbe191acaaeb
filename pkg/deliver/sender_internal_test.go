package deliver

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// away is an outbox whose database goes away in the middle of a step.
type away struct{ Outbox }

var errAway = errors.New("the database is away")

func (away) PlaceOf(context.Context, string) (outbox.Place, error)   { return outbox.Place{}, nil }
func (away) Kept(context.Context, string) (map[string]int64, error)  { return nil, nil }
func (away) WaitingTables(context.Context, string) ([]string, error) { return nil, errAway }
func (away) Unnoted(context.Context, string, []string) ([]outbox.Noting, error) {
	return nil, nil
}

type noRows struct{ Rows }

func (noRows) Transformed() []string { return nil }

type ready struct{ Destination }

func (ready) Ready() bool    { return true }
func (ready) Limits() Limits { return Limits{Rows: 1, Messages: 1} }

// TestWhatASenderWasToldOutlivesAnError: rows that may be taken now are tried once the database is back, not when their time comes.
func TestWhatASenderWasToldOutlivesAnError(t *testing.T) {
	t.Parallel()
	s := New(&Config{Log: zap.NewNop(), Now: time.Now, Outbox: away{}, Rows: noRows{}}, "node-b", ready{})
	s.Retry()
	s.Readable("orders")
	for range 2 {
		if err := s.Step(t.Context()); !errors.Is(err, errAway) {
			t.Fatalf("a step ends with %v", err)
		}
	}
	if told := s.inbox.take(); !told.again || len(told.readable) != 1 {
		t.Errorf("it is left %+v", told)
	}
}
