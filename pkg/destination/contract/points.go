package contract

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// few is the number of rows of most points: some batches, the last of which is not full.
const few = 25

// lost is the error of a batch whose answer was lost.
var lost = &remote.Error{Operation: "send", Next: remote.Next{Do: remote.Doubt}}

// second is a fault of only the second batch.
func second(what fault) fault {
	return func(ctx context.Context, n int, send func(context.Context) ([]job.Answer, error)) ([]job.Answer, error) {
		if n != 2 {
			return send(ctx)
		}
		return what(ctx, n, send)
	}
}

// order: whatever is lost on the way, the newest state of a row stays, and a deleted row does not return.
func order(tb testkit.TB, w *World) {
	p := begin(tb, w, remote.Config{})
	for round := range 4 {
		p.rows.put(few, round)
		delete(p.rows, round+1)
		p.spy.fails(second(func(ctx context.Context, _ int, send func(context.Context) ([]job.Answer, error)) ([]job.Answer, error) {
			if round%2 == 1 {
				_, _ = send(ctx)
			}
			return nil, lost
		}))
		_, _ = p.run(context.Background()) // it fails if the destination cannot be read back
		p.again()
	}
	p.rows.put(few, 9)
	delete(p.rows, 7)
	p.arrives()
	p.settled()
}

// resume: a killed process loses nothing, and whatever it had sent arrives once.
func resume(arrived bool) func(testkit.TB, *World) {
	return func(tb testkit.TB, w *World) {
		p := begin(tb, w, remote.Config{})
		p.rows.put(few, 1)
		ctx, kill := context.WithCancel(context.Background())
		defer kill()
		left := p.file + ".left"
		var dead atomic.Bool
		first := make(chan struct{})
		p.spy.fails(func(ctx context.Context, n int, send func(context.Context) ([]job.Answer, error)) ([]job.Answer, error) {
			switch {
			case dead.Load():
				return nil, context.Canceled
			case n == 1:
				defer close(first)
				return send(ctx)
			case n > 2:
				<-ctx.Done()
				return nil, ctx.Err()
			}
			<-first // what is under way when a process is killed arrives within the pause before its destination is asked
			if arrived {
				if _, err := send(ctx); err != nil {
					return nil, err
				}
			}
			dead.Store(true)
			if err := p.state.Snapshot(context.WithoutCancel(ctx), left); err != nil {
				return nil, err
			}
			kill()
			return nil, context.Canceled
		})
		if _, err := p.run(ctx); err == nil {
			tb.Fatalf("the run was not killed")
		}
		before := p.spy.sent()[1]
		p.rows.put(few, 2)
		delete(p.rows, 3)
		p.open(left, remote.Config{})
		p.arrives()
		p.recognisable(before)
		p.settled()
	}
}

// doubt: a batch whose answer was lost arrives once.
func doubt(arrived bool) func(testkit.TB, *World) {
	return func(tb testkit.TB, w *World) {
		p := begin(tb, w, remote.Config{})
		p.rows.put(few, 1)
		p.spy.fails(second(func(ctx context.Context, _ int, send func(context.Context) ([]job.Answer, error)) ([]job.Answer, error) {
			if arrived {
				if _, err := send(ctx); err != nil {
					return nil, err
				}
			}
			return nil, lost
		}))
		_, _ = p.run(context.Background()) // it fails if the destination cannot be read back
		before := p.spy.sent()[1]
		p.spy.fails(nil)
		p.arrives()
		p.recognisable(before)
		p.settled()
	}
}

// recognisable checks that a receiver can recognise a repeated batch: it was resent under the same name, with the same
// events, unless the destination could be read back.
func (p *play) recognisable(before *job.Batch) {
	p.tb.Helper()
	if _, asked := p.spy.Destination.(job.Comparer); asked {
		return
	}
	for _, b := range p.spy.sent() {
		if b != before && b.ID == before.ID {
			for i, o := range b.Operations {
				if o.Event != before.Operations[i].Event || o.Key != before.Operations[i].Key {
					p.tb.Fatalf("the resent batch has other events: %+v, want %+v", o, before.Operations[i])
				}
			}
			return
		}
	}
	p.tb.Fatalf("the batch %s was not resent under its name", before.ID)
}

// refusal: an unacceptable row is refused alone, with the reason, until it is corrected.
func refusal(tb testkit.TB, w *World) {
	p := begin(tb, w, remote.Config{})
	p.rows.put(perBatch, 1)
	good := p.rows[4]
	p.rows[4] = w.Bad
	if w.Bad == "" {
		p.rows[4] = `{"id":4,"v":"BAD"}`
		if w.Peer != nil {
			w.Peer.Fail(refuseBad(w.Peer))
		}
	}
	r, err := p.run(context.Background())
	if !job.NeedsPerson(err) || r.Refused != 1 {
		tb.Fatalf("the run is %+v, %v", r, err)
	}
	list, err := p.state.RefusedOf(context.Background(), "contract", 0, perBatch)
	if err != nil || len(list) != 1 || list[0].Reason == "" {
		tb.Fatalf("refused are %+v, %v", list, err)
	}
	delete(p.rows, 4)
	p.equal(p.rows)
	p.rows[4] = good
	p.arrives()
	p.settled()
}

// refuseBad answers 422 to each request with a bad row that the peer itself would accept.
func refuseBad(peer Peer) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, r *http.Request, _ int) bool {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return true // the client is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !bytes.Contains(body, []byte(`"BAD"`)) && !bytes.Contains(body, []byte(`\"BAD\"`)) {
			return false
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"error":"v is no number"}`)
		return true
	}
}

// limit: a service's limit is never exceeded or, once the service has said so, respected; and no batch is larger than the
// destination allows, which the spy checks in all points.
func limit(tb testkit.TB, w *World) {
	p := begin(tb, w, remote.Config{})
	p.rows.put(120, 1)
	if w.Peer == nil {
		p.job.Legs[0].Batch = 0
		p.rows.put(cmp.Or(w.Most, p.spy.Limits().Rows+3), 1)
		p.arrives()
		return
	}
	var early atomic.Int32
	if w.Limit != nil {
		w.Limit()
		w.Peer.Fail(func(answer http.ResponseWriter, r *http.Request, _ int) bool {
			told := &status{ResponseWriter: answer}
			w.Peer.Carry(told, r)
			if told.code == http.StatusTooManyRequests {
				early.Add(1)
			}
			return true
		})
	} else {
		w.Peer.Fail(forASecond(&early))
	}
	p.job.Legs[0].Flights = 1
	p.arrives()
	if n := early.Load(); n > 0 {
		tb.Fatalf("%d requests were sent too early", n)
	}
	w.Peer.Fail(nil)
}

// forASecond answers 429 to the third write, and to all requests for the next second, which are counted.
func forASecond(early *atomic.Int32) func(http.ResponseWriter, *http.Request, int) bool {
	var n atomic.Int32
	var until atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, _ int) bool {
		now := time.Now()
		switch {
		case r.Method != http.MethodGet && n.Add(1) == 3:
			until.Store(now.Add(time.Second).UnixNano())
		case now.UnixNano() < until.Load():
			early.Add(1)
		default:
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprintf(w, `{"nextValidRequestDate":%q}`, time.Unix(0, until.Load()).UTC().Format(time.RFC3339Nano))
		return true
	}
}

// status records the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

// WriteHeader notes it.
func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// cancel: a cancelled run says so, and the next one does the rest.
func cancel(arrived bool) func(testkit.TB, *World) {
	return func(tb testkit.TB, w *World) {
		p := begin(tb, w, remote.Config{})
		p.rows.put(few, 1)
		ctx, stop := context.WithCancelCause(context.Background())
		defer stop(nil)
		first := make(chan struct{})
		p.spy.fails(func(ctx context.Context, n int, send func(context.Context) ([]job.Answer, error)) ([]job.Answer, error) {
			switch n {
			case 1:
				defer close(first)
				return send(ctx)
			case 2:
				<-first // what is under way arrives within the pause before the destination is asked; here that is too short
				defer stop(job.ErrCancelled)
				if !arrived {
					stop(job.ErrCancelled)
				}
			default:
				<-ctx.Done()
			}
			return send(ctx)
		})
		r, err := p.run(ctx)
		if r == nil || r.State != ledger.Cancelled {
			tb.Fatalf("the run is %+v, %v", r, err)
		}
		p.spy.fails(nil)
		p.arrives()
		p.settled()
	}
}

// dry: a dry run says what it would send, and sends nothing.
func dry(tb testkit.TB, w *World) {
	var told atomic.Int32
	p := begin(tb, w, remote.Config{Dry: func(s remote.Sent) {
		if strings.Contains(string(s.Body), "10007") {
			told.Add(1)
		}
	}})
	p.rows.put(few, 1)
	r, err := p.job.Run(context.Background(), job.Cause{Kind: job.Test})
	if err != nil || told.Load() != 1 {
		tb.Fatalf("it told of row 7 %d times: %+v, %v", told.Load(), r, err)
	}
	p.equal(nil)
	if w.Peer == nil {
		return
	}
	for _, r := range w.Peer.Requests() {
		if r.Method != http.MethodGet {
			tb.Fatalf("it sent %s %s", r.Method, r.Path)
		}
	}
}
