package log

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
)

// ticking is a server with a log of single writes, each of which takes a while to be read, and the time in which that happens.
type ticking struct {
	Server
	byClock
	now    time.Time
	each   time.Duration
	layout *binlog.Layout
	wants  func(*binlog.Layout) ([]int, bool)
	left   int
	read   uint64
}

func (k *ticking) Now() time.Time { return k.now }

func (k *ticking) Limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return until{ctx, k, k.now.Add(d)}, func() {}
}

// until is a context that ends at a time.
type until struct {
	context.Context
	k  *ticking
	at time.Time
}

func (u until) Err() error {
	if !u.k.now.Before(u.at) {
		return context.DeadlineExceeded
	}
	return u.Context.Err()
}

func (k *ticking) Read(_ binlog.Position, wants func(*binlog.Layout) ([]int, bool)) Reader {
	k.wants = wants
	return k
}
func (k *ticking) Written(context.Context) (binlog.Written, error) { return binlog.Written{}, nil }
func (k *ticking) Has(binlog.Written) bool                         { return false }
func (k *ticking) More() bool                                      { return k.left > 0 }
func (k *ticking) Forget()                                         {}
func (k *ticking) Close()                                          {}

func (k *ticking) Next(ctx context.Context) (*binlog.Transaction, error) {
	if k.left == 0 {
		k.now = ctx.(until).at
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if k.read == 0 {
		k.wants(k.layout)
	}
	k.left--
	k.read++
	k.now = k.now.Add(k.each)
	after := []binlog.Value{{State: binlog.Present, Raw: binary.LittleEndian.AppendUint64(nil, k.read)}, {State: binlog.Present, Raw: []byte("orders")}, {State: binlog.Present, Raw: []byte("1")}}
	return &binlog.Transaction{GTID: binlog.GTID{Server: 1, Number: k.read}, Last: true, Changes: []binlog.Change{{Kind: binlog.Insert, Layout: k.layout, After: after, EndOfStatement: true}}}, nil
}

// TestABacklogComesInLargeBatches: each is a transaction, which costs the server and the remotes. One write alone does not wait for others.
func TestABacklogComesInLargeBatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		left  int
		each  time.Duration
		want  int
		while time.Duration
	}{
		{5000, 5 * time.Microsecond, batchSize, 5 * time.Millisecond},
		{5000, 100 * time.Microsecond, 100, gatherMost + gather},
		{1, 10 * time.Microsecond, 1, gather},
		{5, 700 * time.Microsecond, 5, 5 * time.Millisecond},
	} {
		layout := &binlog.Layout{Schema: "d", Table: notes, Named: true, Columns: []binlog.Column{{Name: "id"}, {Name: "table_name"}, {Name: "primary_key"}}}
		k := &ticking{now: time.Unix(1_800_000_000, 0), left: c.left, each: c.each, layout: layout}
		s := On(zap.NewNop(), Played{Server: k, Waits: k, Schema: "d", MariaDB: true, Clock: func() int64 { return k.now.UnixMicro() }},
			Config{Syncs: func(string) bool { return true }}, Triggers{})
		s.pending = newPending(binlog.Position{})
		begun := k.now
		if err := s.follow(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, took := s.pending.count(), k.now.Sub(begun); got < c.want || got > batchSize || took > c.while+c.each {
			t.Errorf("of %d writes, one each %s: %d after %s, want %d after at most %s", c.left, c.each, got, took, c.want, c.while)
		}
	}
}
