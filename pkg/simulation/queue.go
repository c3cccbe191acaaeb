package simulation

import "container/heap"

// event is something that happens at a time, in µs.
type event struct {
	at  int64
	seq uint64 // events of the same time happen in the order in which they were planned
	do  func()
}

// queue holds the events still to come.
type queue struct {
	heap eventHeap
	seq  uint64
}

func (q *queue) add(at int64, do func()) {
	q.seq++
	heap.Push(&q.heap, event{at, q.seq, do})
}

func (q *queue) next() event { return heap.Pop(&q.heap).(event) }

type eventHeap []event

func (h eventHeap) Len() int      { return len(h) }
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h *eventHeap) Push(e any) { *h = append(*h, e.(event)) }
func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = event{}
	*h = (*h)[:last]
	return e
}
