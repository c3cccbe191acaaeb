package deliver

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// away is an outbox whose database goes away during a step.
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

// TestASendersInboxSurvivesAnError: rows that may be accepted now are tried once the database is back, not when they
// are due.
func TestASendersInboxSurvivesAnError(t *testing.T) {
	t.Parallel()
	s := New(&Config{Log: zap.NewNop(), Now: time.Now, Outbox: away{}, Rows: noRows{}}, "node-b", ready{})
	s.Retry()
	s.Readable("orders")
	for range 2 {
		if err := s.Step(t.Context()); !errors.Is(err, errAway) {
			t.Fatalf("step: %v", err)
		}
	}
	if told := s.inbox.take(); !told.again || len(told.readable) != 1 {
		t.Errorf("left %+v", told)
	}
}

// unanswered is an outbox whose server records what it is given but does not answer.
type unanswered struct {
	away
	kept map[string]int64
}

func (u unanswered) Kept(context.Context, string) (map[string]int64, error) {
	return maps.Clone(u.kept), nil
}

func (u unanswered) KeepBack(_ context.Context, _, table string, after int64) error {
	u.kept[table] = after
	return errAway
}

// TestRowsHeldBackWithoutAnAnswerAreReturned: a sender that did not know it would not look for those rows before the
// next start.
func TestRowsHeldBackWithoutAnAnswerAreReturned(t *testing.T) {
	t.Parallel()
	s := New(&Config{Log: zap.NewNop(), Now: time.Now, Outbox: unanswered{kept: map[string]int64{}}, Rows: noRows{}}, "node-b", ready{})
	if err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := []version.Waiting{{Row: change.Row{Table: "orders", Key: "1"}, Position: 5}}
	if err := s.keepBack(t.Context(), list); !errors.Is(err, errAway) {
		t.Fatalf("rows are kept back with %v", err)
	}
	if err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, ok := s.road.kept["orders"]; !ok || after != 4 {
		t.Errorf("it is left %v", s.road.kept)
	}
}
