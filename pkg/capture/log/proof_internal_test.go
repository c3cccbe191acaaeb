package log

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// distant is a server with a long log after P.
type distant struct {
	ticking
	reads int
}

func (k *distant) Recorded(context.Context, bool) (*Recorded, error) {
	return &Recorded{Mark: "mark"}, nil
}

func (k *distant) Read(_ binlog.Position, wants func(*binlog.Layout) ([]int, bool)) Reader {
	k.reads, k.wants, k.read, k.left = k.reads+1, wants, 0, 5000
	return k
}

func (k *distant) Has(binlog.Written) bool { return k.left == 0 }

func (k *distant) Next(ctx context.Context) (*binlog.Transaction, error) {
	t, err := k.ticking.Next(ctx)
	if err == nil && k.read == 1 {
		t.Changes[0].After[1].Raw = []byte("mark")
	} else if err == nil {
		t.Changes = nil
	}
	return t, err
}

// TestALongLogIsProvedInSeveralAttempts: who connects again far behind the log's end gets through, and each attempt is over in time for who
// holds locks.
func TestALongLogIsProvedInSeveralAttempts(t *testing.T) {
	t.Parallel()
	k := &distant{ticking: ticking{now: time.Unix(1_800_000_000, 0), each: time.Millisecond,
		layout: &binlog.Layout{Schema: "d", Table: position, Named: true, Columns: make([]binlog.Column, 3)}}}
	s := On(zap.NewNop(), Played{Server: k, Waits: k, Schema: "d", Clock: func() int64 { return k.now.UnixMicro() }}, Config{Syncs: func(string) bool { return true }}, Triggers{})
	s.tap.again = true
	err := mysqldb.Answer(lockWaitTimeout, "not tried")
	attempts := 0
	for ; mysqldb.LockTimeout(err) && attempts < 10; attempts++ {
		before := k.now
		err = s.same(t.Context())
		if took := k.now.Sub(before); took > barrierMost+time.Millisecond {
			t.Errorf("an attempt took %s", took)
		}
	}
	if err != nil || attempts != 3 || k.reads != 1 || s.tap.proving != nil {
		t.Errorf("%d attempts, which began to read %d times: %v", attempts, k.reads, err)
	}
	if err := s.same(t.Context()); !mysqldb.LockTimeout(err) {
		t.Errorf("the next proof ends with %v", err)
	}
	k.now = k.now.Add(understandMost + time.Second) // in which the log may have been reset
	if _ = s.same(t.Context()); k.reads != 3 {
		t.Errorf("after a long pause the proof goes on: %d were begun", k.reads)
	}
}
