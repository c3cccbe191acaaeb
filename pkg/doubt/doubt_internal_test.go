package doubt

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// memory is a Store.
type memory struct {
	doubts  map[schema.Doubt]time.Time
	setBack time.Time
	away    atomic.Bool // it does not answer
	ending  func()      // is called before a doubt is ended
}

var errAway = errors.New("away")

func (m *memory) Doubts(context.Context) (map[schema.Doubt]time.Time, error) {
	return maps.Clone(m.doubts), nil
}

func (m *memory) Set(_ context.Context, x schema.Doubt, at time.Time) error {
	if m.away.Load() {
		return errAway
	}
	m.doubts[x] = at
	return nil
}

func (m *memory) End(_ context.Context, x schema.Doubt) error {
	if m.ending != nil {
		m.ending()
	}
	delete(m.doubts, x)
	return nil
}

func (m *memory) SetBackAt(context.Context) (time.Time, error) { return m.setBack, nil }

func (m *memory) ForgetSetBack(context.Context) error {
	m.setBack = time.Time{}
	return nil
}

type at struct{ remote, table string }

// world has what a node compared, and with whom it can compare what.
type world struct {
	compared     map[at]status.Comparison
	incomparable map[at]bool
}

func (w *world) doubts() *Doubts {
	return New(Config{
		Log: zap.NewNop(), Tables: []string{"items", "orders"}, Remotes: []string{"berlin", "boston"},
		Synced:     func(table string) bool { return table == "items" || table == "orders" },
		Comparable: func(remote, table string) bool { return !w.incomparable[at{remote, table}] },
		Compared: func(remote, table string) (status.Comparison, bool) {
			c, ok := w.compared[at{remote, table}]
			return c, ok
		},
		Changed: func() {},
	})
}

var (
	noticed   = time.Unix(1_700_000_000, 0)
	before    = noticed.Add(-time.Hour)
	since     = noticed.Add(time.Hour)
	vanished  = schema.Doubt{Table: "orders", Kind: schema.DoubtVanished}
	equal     = status.Comparison{At: since, Equal: true}
	different = status.Comparison{At: since, Differs: 1}
)

func TestADoubtEndsWhenEverythingComparableIsEqual(t *testing.T) {
	t.Parallel()
	berlin, boston := at{"berlin", "orders"}, at{"boston", "orders"}
	for rule, c := range map[string]struct {
		world world
		ends  bool
	}{
		"nothing was compared":                {world{}, false},
		"one remote was not compared":         {world{compared: map[at]status.Comparison{berlin: equal}}, false},
		"both are equal":                      {world{compared: map[at]status.Comparison{berlin: equal, boston: equal}}, true},
		"one was already equal":               {world{compared: map[at]status.Comparison{berlin: equal, boston: {At: before, Equal: true}}}, false},
		"one differs":                         {world{compared: map[at]status.Comparison{berlin: equal, boston: different}}, false},
		"one could not be compared this time": {world{compared: map[at]status.Comparison{berlin: equal, boston: {At: since, Error: "away"}}}, false},
		"one can never be compared":           {world{compared: map[at]status.Comparison{berlin: equal}, incomparable: map[at]bool{boston: true}}, true},
		"one that cannot be compared differs": {world{compared: map[at]status.Comparison{berlin: equal, boston: different}, incomparable: map[at]bool{boston: true}}, false},
		"none can be compared":                {world{incomparable: map[at]bool{berlin: true, boston: true}}, false},
		"some rows were not confirmed":        {world{compared: map[at]status.Comparison{berlin: equal, boston: {At: since, Incomparable: 1}}}, false},
	} {
		d, s := c.world.doubts(), &memory{doubts: map[schema.Doubt]time.Time{}}
		d.Vanished("orders", noticed)
		if err := errors.Join(d.write(t.Context(), s), d.Settle(t.Context(), s, "items"), d.Settle(t.Context(), s, "orders")); err != nil {
			t.Fatal(err)
		}
		if ends := len(d.Of(schema.DoubtVanished)) == 0; ends != c.ends || (len(s.doubts) == 0) != c.ends {
			t.Errorf("%s: ended: %v, %d stored", rule, ends, len(s.doubts))
		}
	}
}

func TestARestoredDatabaseIsReportedUntilEverythingIsEqual(t *testing.T) {
	t.Parallel()
	w := world{compared: map[at]status.Comparison{}, incomparable: map[at]bool{{"boston", "items"}: true}}
	d, s := w.doubts(), &memory{setBack: noticed}
	if err := d.Recall(t.Context(), s); err != nil || !d.SetBack().Equal(noticed) {
		t.Fatalf("reported since %v, %v", d.SetBack(), err)
	}
	for _, step := range []struct {
		at   at
		c    status.Comparison
		told bool
	}{
		{at{"berlin", "items"}, equal, true},
		{at{"berlin", "orders"}, equal, true},
		{at{"boston", "orders"}, different, true},
		{at{"boston", "orders"}, equal, false},
	} {
		w.compared[step.at] = step.c
		if err := d.Settle(t.Context(), s, step.at.table); err != nil {
			t.Fatal(err)
		}
		if told := d.SetBack() != nil; told != step.told || s.setBack.IsZero() == step.told {
			t.Errorf("after %v reported: %v, stored at %v", step.at, told, s.setBack)
		}
	}
}

func TestADoubtNoticedAgainWhileItEndsStays(t *testing.T) {
	t.Parallel()
	w := world{compared: map[at]status.Comparison{{"berlin", "orders"}: equal, {"boston", "orders"}: equal}}
	d, s := w.doubts(), &memory{doubts: map[schema.Doubt]time.Time{vanished: noticed}}
	if err := d.Recall(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	again := since.Add(time.Hour)
	s.ending = func() { d.Vanished("orders", again) }
	if err := errors.Join(d.Settle(t.Context(), s, "orders"), d.write(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	if got := d.Of(schema.DoubtVanished)["orders"]; !got.Equal(again) || !s.doubts[vanished].Equal(again) {
		t.Errorf("reported since %v, stored at %v", got, s.doubts[vanished])
	}
}

func TestDoubtsThatCannotEndAreDroppedAtStart(t *testing.T) {
	t.Parallel()
	items, gone := schema.Doubt{Table: "items", Kind: schema.DoubtUnseen}, schema.Doubt{Table: "gone", Kind: schema.DoubtUnseen}
	w := world{incomparable: map[at]bool{{"berlin", "items"}: true, {"boston", "items"}: true}}
	d, s := w.doubts(), &memory{doubts: map[schema.Doubt]time.Time{vanished: before, items: before, gone: before}}
	d.Vanished("orders", noticed)
	if err := d.Recall(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if left := slices.Collect(maps.Keys(s.doubts)); len(left) != 1 || left[0] != vanished || len(d.Of(schema.DoubtUnseen)) != 0 {
		t.Errorf("left %v, reported %v", left, d.all())
	}
	if at := d.Of(schema.DoubtVanished)["orders"]; !at.Equal(noticed) {
		t.Errorf("the doubt noticed at this start is reported since %v", at)
	}
}

func TestDoubtsAreStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world{}
		d, s := w.doubts(), &memory{doubts: map[schema.Doubt]time.Time{}}
		s.away.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx, s) }()
		d.Vanished("orders", noticed)
		synctest.Wait()
		s.away.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.doubts) != 1 {
			t.Error("it is not stored once the database is back")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.away.Store(true)
		if err := d.Unseen(t.Context(), s, "items", noticed); !errors.Is(err, errAway) || !d.HasMissed("items") || d.HasMissed("orders") {
			t.Errorf("for what cannot be stored it logs: %v", err)
		}
	})
}
