package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// askTime is how long a question waits for its answer.
const askTime = 30 * time.Second

// asking holds the questions waiting for an answer. It is safe for concurrent use.
type asking struct {
	mu      sync.Mutex
	last    uint64
	waiting map[asked]chan wire.Answer
}

// asked identifies a question: only the remote that was asked may answer it. Promise 8.
type asked struct {
	remote string
	id     uint64
}

// expects reports whether a remote still has something to answer.
func (a *asking) expects(remote string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for q := range a.waiting {
		if q.remote == remote {
			return true
		}
	}
	return false
}

// answered hands an answer to whoever waits for it. If no one does, it came too late or unasked.
func (a *asking) answered(remote string, answer wire.Answer) {
	a.mu.Lock()
	waiting := a.waiting[asked{remote, answer.ID}]
	a.mu.Unlock()
	select {
	case waiting <- answer:
	default:
	}
}

// errAnswered is a remote's reason for not answering a question.
type errAnswered struct{ remote, reason string }

func (e errAnswered) Error() string { return e.remote + ": " + e.reason }

// Denies tells it from an answer that did not come; see lead.Follower.
func (e errAnswered) Denies() bool { return true }

// ask asks a remote and waits for its answer.
func (vf *Verifier) ask(ctx context.Context, remote string, q wire.Question) (wire.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	vf.asking.mu.Lock()
	vf.asking.last++
	q.ID = vf.Session ^ vf.asking.last
	q.Parts = true
	answer := make(chan wire.Answer, 1)
	vf.asking.waiting[asked{remote, q.ID}] = answer
	vf.asking.mu.Unlock()
	defer func() {
		vf.asking.mu.Lock()
		delete(vf.asking.waiting, asked{remote, q.ID})
		vf.asking.mu.Unlock()
	}()
	payload, err := q.Encode()
	if err != nil {
		return wire.Answer{}, err
	}
	for {
		sealed, err := vf.Mesh.Seal(seal.Verify, remote, payload) // a new one each time: a message is accepted only once
		if err != nil {
			return wire.Answer{}, fmt.Errorf("ask %s: %w", remote, err)
		}
		m := transport.Message{Topic: vf.Topics.VerifyOf(remote, vf.Node.ClientName), Payload: sealed, QoS: 1}
		if err := vf.Transport.Publish(ctx, m); err != nil && !errors.Is(err, transport.ErrOffline) {
			return wire.Answer{}, unsent(ctx, remote, err)
		}
		select {
		case a := <-answer:
			if a.Error != "" {
				return a, errAnswered{remote, wire.Shorten(a.Error, 255)}
			}
			return a, nil
		case <-time.After(askTime / 3):
		case <-ctx.Done():
			return wire.Answer{}, unsent(ctx, remote, ctx.Err())
		}
	}
}

// unsent is the error of a question that could not be sent, or sent again. If its time is over, there was no answer, whatever it
// waited for then.
func unsent(ctx context.Context, remote string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %s", errNoAnswer, remote)
	}
	return err
}

var errNoAnswer = errors.New("the remote does not answer")

// askValues asks a remote for the rows with some keys, as many times as it takes to get all answers, and hands each
// answer to take, so that only one at a time is in memory. Promise 10.
func (vf *Verifier) askValues(ctx context.Context, remote string, q wire.Question, take func(wire.Answer)) error {
	q.Ask = wire.AskValues
	known, sums := q.Known, q.Sums
	for rest := q.Keys; len(rest) > 0; {
		q.Keys = rest[:wire.Within(len(rest), wire.VerifyRows, func(i int) int { return len(rest[i]) })]
		if known != nil {
			q.Known = known[len(known)-len(rest):][:len(q.Keys)]
		}
		if sums != nil {
			q.Sums = sums[len(sums)-len(rest):][:len(q.Keys)]
		}
		a, err := vf.ask(ctx, remote, q)
		if err == nil {
			err = answers(q, a)
		}
		if err != nil {
			return err
		}
		take(a)
		rest = rest[len(a.Values):]
	}
	return nil
}

// answers checks that an answer's values are what was asked for: a value for each key, in order, or for the first of
// them; and no larger than allowed. Whatever a remote makes up costs only the comparison, never unbounded memory or
// time. Promise 10.
func answers(q wire.Question, a wire.Answer) error {
	if len(a.Values) != len(q.Keys) && (!a.Part || len(a.Values) == 0 || len(a.Values) > len(q.Keys)) {
		return errUnasked
	}
	brief := a.Form >= wire.FormLarge && q.Form >= wire.FormLarge && len(q.Types) == len(q.Columns)
	for i := range a.Values {
		v := &a.Values[i]
		if !bytes.Equal(v.Key, q.Keys[i]) || len(v.Values) > 0 && len(v.Values) != len(q.Columns) {
			return errUnasked
		}
		for _, value := range v.Values {
			if brief && len(value) > snapshot.LongValue {
				return errUnasked
			}
		}
	}
	return nil
}

var errUnasked = errors.New("the remote sent an answer that was not asked for")
