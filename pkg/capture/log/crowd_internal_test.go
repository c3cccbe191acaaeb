package log

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// arriving is a server whose log gets a single write every so often; each that is not there yet is waited for.
type arriving struct {
	ticking
	begun time.Time
	woken int // how often a write was waited for
}

// there is how many writes there are by now.
func (k *arriving) there() uint64 { return uint64(k.now.Sub(k.begun) / k.each) }

func (k *arriving) More() bool { return k.read < k.there() }

func (k *arriving) Read(_ binlog.Position, wants func(*binlog.Layout) ([]int, bool)) Reader {
	k.wants = wants
	return k
}

func (k *arriving) Next(ctx context.Context) (*binlog.Transaction, error) {
	if !k.More() {
		k.woken++
		k.now = k.begun.Add(time.Duration(k.read+1) * k.each)
	}
	k.left = 2 // it neither ends nor takes time
	each := k.each
	k.each = 0
	defer func() { k.each = each }()
	return k.ticking.Next(ctx)
}

// TestACrowdIsReadNowAndThen: who writes is not delayed by a reader that is woken by each write. A few writes are read at once.
func TestACrowdIsReadNowAndThen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		each   time.Duration
		syncs  bool
		atOnce bool
	}{{200 * time.Microsecond, true, false}, {800 * time.Microsecond, true, false}, {200 * time.Microsecond, false, false}, {3 * time.Millisecond, true, true}} {
		k := &arriving{ticking: ticking{each: c.each}, begun: time.Unix(1_800_000_000, 0)}
		k.now = k.begun
		k.layout = &binlog.Layout{Schema: "d", Table: notes, Named: true, Columns: []binlog.Column{{Name: "id"}, {Name: "table_name"}, {Name: "primary_key"}}}
		s := On(zap.NewNop(), Played{Server: k, Waits: k, Schema: "d", MariaDB: true, Clock: func() int64 { return k.now.UnixMicro() }},
			Config{Syncs: func(string) bool { return c.syncs }}, Triggers{})
		ctx := pause.By(t.Context(), func(_ <-chan struct{}, d time.Duration) error {
			k.now = k.now.Add(d)
			return nil
		})
		taken := 0
		latest := time.Duration(0)
		follow := func(until time.Duration) {
			for k.now.Sub(k.begun) < until {
				s.pending = newPending(binlog.Position{})
				if err := s.follow(ctx); err != nil {
					t.Fatal(err)
				}
				taken += s.pending.count()
				if k.now.Sub(k.begun) > 300*time.Millisecond {
					latest = max(latest, k.now.Sub(k.begun)-time.Duration(k.read-uint64(s.pending.count())+1)*c.each)
				}
			}
		}
		follow(300 * time.Millisecond) // until it is clear
		k.woken = 0
		before := k.read
		follow(1300 * time.Millisecond)
		read := int(k.read - before)
		if c.syncs && uint64(taken) != k.read || k.read+100 < k.there() {
			t.Errorf("one each %s: %d read and %d taken", c.each, read, taken)
		}
		if woken := k.woken; c.atOnce && woken < read || !c.atOnce && woken > 150 {
			t.Errorf("one each %s: woken %d times for %d writes", c.each, woken, read)
		}
		if c.syncs && latest > crowdRest+gatherMost+c.each {
			t.Errorf("one each %s: a write was recorded after %s", c.each, latest)
		}
	}
}
