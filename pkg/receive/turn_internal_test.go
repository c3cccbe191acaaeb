package receive

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// slowly is an applier where each refused row takes a hundredth of a turn, by its own clock: in a
// call it tries as many as its patience allows.
type slowly struct {
	stand
	calls   int
	written map[string]int // the call in which each row was tried
	refused int
}

func (s *slowly) ApplyFor(_ context.Context, list []apply.Incoming, patience time.Duration) ([]apply.Result, error) {
	s.calls++
	results := make([]apply.Result, len(list))
	bad := 0
	for i := range list {
		if list[i].From != "node-b" {
			bad++
		}
	}
	for i := range list {
		switch {
		case bad > 0 && patience == 0, patience < 0:
			results[i].Untried = true
		case list[i].From == "node-b":
			s.written[list[i].Key] = s.calls
		default:
			results[i].Err = errors.New("refused")
			s.refused++
			patience -= turnTime / 100
		}
	}
	return results, nil
}

// TestRefusedRowsHoldUpOnlyTheirSender: 30 clients whose rows were always accepted send 1,000 each
// that are refused, while another one sends rows.
func TestRefusedRowsHoldUpOnlyTheirSender(t *testing.T) {
	t.Parallel()
	r, bad := many(t)
	s := &slowly{written: map[string]int{}}
	r.applier, r.Answers = s, &s.stand
	made := func(sender string, rows int) turn {
		x := &load{lane: r.lane(sender), rows: rows}
		for i := range rows {
			in := apply.Incoming{From: sender}
			in.Key = fmt.Sprint(i)
			w := &work{message: message{sender: sender, ack: func() {}}, change: &wire.Change{Sender: sender, Table: "t", ID: in.Key}, first: i, count: 1, index: []int{0}}
			x.changes, x.works = append(x.changes, in), append(x.works, w)
		}
		return turn{load: x, to: rows}
	}
	var turns []turn
	for _, c := range bad {
		for range 5 {
			r.lane(c).pace.went(0, nil)
		}
		turns = append(turns, made(c, roundRows))
	}
	r.decoder = &Decoder{Transformers: transform.New(zap.NewNop(), nil, nil, transform.Config{})}
	r.finish(t.Context(), append(r.fresh(turns), made("node-b", 10)))
	if len(s.written) != 10 || s.written["9"] > 2 {
		t.Fatalf("the rows of another client are written in these calls: %v", s.written)
	}
	before := s.calls
	for n := 1; len(r.again.turns) > 0; n++ {
		if n > 100_000 {
			t.Fatalf("%d turns never end", len(r.again.turns))
		}
		r.finish(t.Context(), []turn{r.again.next()})
		if n == 40 {
			r.finish(t.Context(), r.fresh([]turn{made("node-b", 1)}))
			if s.written["0"] < before+n {
				t.Error("a row of another client waits for retries")
			}
			again := made(bad[0], 1)
			if fresh := r.fresh([]turn{again}); len(fresh) > 0 {
				t.Error("a client's new rows come before its retries")
			}
		}
	}
	if want := 30*roundRows + 1; s.refused != want || s.answers.Load() != int64(want+11) {
		t.Errorf("refused %d rows, want %d; %d answers", s.refused, want, s.answers.Load())
	}
}
