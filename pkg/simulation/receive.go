package simulation

import "github.com/mysql-sync/mysql-sync/pkg/apply"

// takeBatches is the most messages that are applied together.
const takeBatches = 3

// receive queues a batch that came.
func (n *node) receive(b batch) {
	if n.w.mistake == AckBeforeCommit {
		n.answer(b, nil)
	}
	n.inbox = append(n.inbox, b)
	if !n.receiving {
		n.receiving = true
		n.step(n.round)
	}
}

// incoming is one change of a round, and where it came from.
type incoming struct {
	*sent
	batch, index int // of the round, of the batch
}

// round applies some messages: the changes of each row one after the other, those
// of different rows in one transaction.
func (n *node) round() {
	count := min(len(n.inbox), 1+n.w.r.IntN(takeBatches))
	if count == 0 {
		n.receiving = false
		return
	}
	batches := n.inbox[:count:count]
	n.inbox = n.inbox[count:]
	n.apply(batches)
}

// apply applies messages, as apply.Apply does; if it is not known what became of
// them, once more.
func (n *node) apply(batches []batch) {
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
	failed := make([][]int, len(batches))
	again := func() { n.apply(batches) }
	var next func()
	next = func() {
		if len(rounds) == 0 {
			n.answers(batches, failed)
			return
		}
		now := rounds[0]
		rounds = rounds[1:]
		n.split(now, failed, next, again)
	}
	next()
}

// answers acks the batches, each in a step of its own. Promise 6: they are
// committed.
func (n *node) answers(batches []batch, failed [][]int) {
	if len(batches) == 0 {
		n.step(n.round)
		return
	}
	n.step(func() {
		n.answer(batches[0], failed[0])
		n.answers(batches[1:], failed[1:])
	})
}

func (n *node) answer(b batch, failed []int) {
	a := ack{b.session, b.seq, failed}
	n.w.send(n, b.from.n, func() { b.from.answered(a) })
}

// split applies changes in one transaction or, if a row refuses, each alone.
func (n *node) split(list []incoming, failed [][]int, next, again func()) {
	t := &transaction{n: n, list: list, found: make([]row, len(list)), locals: make([]apply.Local, len(list)), stands: make([]int, len(list)), again: again}
	t.done = func(ok bool) {
		switch {
		case ok:
			next()
		case len(list) > 1:
			half := len(list) / 2
			n.split(list[:half], failed, func() { n.split(list[half:], failed, next, again) }, again)
		default:
			failed[list[0].batch] = append(failed[list[0].batch], list[0].index)
			next()
		}
	}
	for _, c := range list {
		t.keys = append(t.keys, c.key)
	}
	n.step(func() {
		n.latch(t.keys, t.begin)
	})
}
