package deliver

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// growing is a stream with a row at each position up to its end.
type growing struct {
	Stream
	end int64
}

func (g *growing) Visible(context.Context) (int64, error) { return g.end, nil }

func (g *growing) Read(_ context.Context, after, upTo int64, limit int) (list []version.Waiting, _ error) {
	for at := after + 1; at <= upTo && len(list) < limit; at++ {
		list = append(list, version.Waiting{Row: change.Row{Table: "orders", Key: string(rune('a' + at))}, Position: at})
	}
	return list, nil
}

// shown is an outbox that remembers up to where rows are shown as pending.
type shown struct {
	away
	rows int
	upTo int64
}

func (o *shown) ShowPending(_ context.Context, _ string, rows []version.Waiting, at outbox.Place) error {
	o.rows, o.upTo = o.rows+len(rows), at.Shown
	return nil
}

type takesAll struct{ ready }

func (takesAll) Declines(string) bool { return false }

// TestRowsOfARemoteThatAcksOthersAreShownLater: each change is acked two seconds after it was made, which costs no row of
// sync_status. As soon as no more acks come, or for whoever is offline, rows that are due for a second are shown.
func TestRowsOfARemoteThatAcksOthersAreShownLater(t *testing.T) {
	t.Parallel()
	now, stream, out := time.Unix(1_800_000_000, 0), &growing{}, &shown{}
	s := New(&Config{Log: zap.NewNop(), Now: func() time.Time { return now }, Outbox: out, Stream: stream, Rows: noRows{},
		Syncs: func(string) bool { return true }}, "node-b", takesAll{})
	s.online, s.road.opened = true, true
	second := func(written, acked int64) {
		t.Helper()
		now, stream.end = now.Add(time.Second), stream.end+written
		s.road.Acked = max(s.road.Acked, acked)
		s.road.taken, s.road.Shown = s.road.Acked, max(s.road.Shown, acked)
		if err := s.show(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range int64(30) {
		second(1, i-1)
	}
	if out.rows > 1 { // before the first ack
		t.Errorf("%d rows are shown as pending although each is acked", out.rows)
	}
	second(0, 0)
	second(0, 0)
	if out.upTo != 30 {
		t.Errorf("no more acks came, and rows are shown up to %d", out.upTo)
	}
	for range 20 { // a remote that lags behind ever more
		second(10, s.road.Acked+1)
	}
	if shown := stream.end - out.upTo; shown > 100 {
		t.Errorf("a remote lags behind, and the last %d rows are not shown", shown)
	}
	out.upTo = 0
	s.online = false
	second(10, 0)
	second(0, 0)
	if out.upTo != stream.end {
		t.Errorf("the remote went away, and rows are shown up to %d of %d", out.upTo, stream.end)
	}
}
