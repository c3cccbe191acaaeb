package simulation

import (
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// takeBatches is the most messages that are applied together.
const takeBatches = 3

// take queues a message that came.
func (n *node) take(b batch) {
	if n.w.mistake == AckBeforeCommit {
		n.answer(b, nil)
	}
	n.inbox = append(n.inbox, b)
	n.rouse(n.receiving)
}

// receive applies some messages at a time, and answers each once it is committed. Promise 6.
func (n *node) receive() {
	for p := n.w.running; !p.dead; {
		count := min(len(n.inbox), 1+n.w.r.IntN(takeBatches))
		if count == 0 {
			_ = n.nap(-1)
			continue
		}
		batches := n.inbox[:count:count]
		n.inbox = n.inbox[count:]
		failed, err := n.apply(batches)
		for err != nil && !p.dead { // nobody knows what became of it
			_ = n.step()
			failed, err = n.apply(batches)
		}
		for i, b := range batches {
			if n.step() != nil {
				return
			}
			n.answer(b, failed[i])
			if b.from.single && len(failed[i]) > 0 && n.w.r.IntN(2) == 0 {
				n.w.after(n.w.random(second), func() { // an existing peer may try by itself, and answer again
					if n.ready {
						n.take(b)
					}
				})
			}
		}
	}
}

// incoming is one change of a round, and where it came from.
type incoming struct {
	*sent
	batch, index int // of the round, of the batch
}

// apply applies messages, as apply.Apply does: the changes of each row one after the other, those of different rows in one transaction.
func (n *node) apply(batches []batch) (failed [][]wire.Reject, err error) {
	var rounds [][]incoming
	seen := make([]int, n.w.keys)
	for b := range batches {
		for i := range batches[b].changes {
			c := incoming{&batches[b].changes[i], b, i}
			if seen[c.key] == len(rounds) {
				rounds = append(rounds, nil)
			}
			rounds[seen[c.key]] = append(rounds[seen[c.key]], c)
			seen[c.key]++
		}
	}
	failed = make([][]wire.Reject, len(batches))
	for _, round := range rounds {
		if err := n.split(round, failed); err != nil {
			return nil, err
		}
	}
	return failed, nil
}

// split applies changes in one transaction or, if a row refuses, each alone.
func (n *node) split(list []incoming, failed [][]wire.Reject) error {
	if err := n.step(); err != nil {
		return err
	}
	err := n.try(list)
	if !errors.Is(err, errRefused) {
		return err
	}
	if len(list) == 1 {
		c := list[0]
		failed[c.batch] = append(failed[c.batch], wire.Reject{Index: c.index, Message: "the row is refused", Retry: n.w.r.IntN(4) > 0})
		return nil
	}
	half := len(list) / 2
	if err := n.split(list[:half], failed); err != nil {
		return err
	}
	return n.split(list[half:], failed)
}
