package receive

import (
	"context"
	"slices"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of one client's waiting questions. Further ones are dropped, and asked again. Promise 10.
const (
	questionsMost  = 16
	questionsBytes = wire.MostQuestion // of their messages; one question may always wait
)

// Question is one that a client has asked.
type Question struct {
	From string
	Key  string // the ID of the key that it was sealed with; "": it came in the clear
	wire.Question
	bytes int
}

// Questions holds questions until they are answered. Each client has its own budget, and one turn at a time. It is safe
// for concurrent use.
type Questions struct {
	named []string // clients with their own budget; all others share one

	mu    sync.Mutex
	turns []string // clients with waiting questions and none being answered, next turn first
	of    map[string]*asker
	kick  chan struct{}
}

// asker is a client with questions waiting or being answered.
type asker struct {
	waiting   []Question
	bytes     int
	answering *Question
}

// NewQuestions returns Questions for the named clients and any others.
func NewQuestions(named []string) *Questions {
	return &Questions{named: named, of: map[string]*asker{}, kick: make(chan struct{}, 1)}
}

// Put queues a question, and reports whether it did: too many may wait already. A question that is repeated while it
// waits is answered once. key is the ID of the key that it was sealed with.
func (q *Questions) Put(from, key string, question wire.Question, bytes int) bool {
	name := budget(q.named, from)
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.of[name]
	if a == nil {
		a = &asker{}
		q.of[name] = a
	}
	same := func(o Question) bool { return o.From == from && o.ID == question.ID }
	switch {
	case a.answering != nil && same(*a.answering) || slices.ContainsFunc(a.waiting, same):
		return true
	case len(a.waiting) > 0 && (len(a.waiting) >= questionsMost || a.bytes+bytes > questionsBytes):
		return false
	}
	if len(a.waiting) == 0 && a.answering == nil {
		q.turns = append(q.turns, name)
	}
	a.waiting, a.bytes = append(a.waiting, Question{from, key, question, bytes}), a.bytes+bytes
	q.wake()
	return true
}

// Next waits for the next question in turn; ok is false once ctx has ended. The caller calls done when the question is
// answered: its client gets no other turn before that, and no other client waits for it.
func (q *Questions) Next(ctx context.Context) (question Question, done func(), ok bool) {
	for {
		if question, done, ok = q.take(); ok {
			return question, done, true
		}
		select {
		case <-ctx.Done():
			return question, nil, false
		case <-q.kick:
		}
	}
}

func (q *Questions) take() (Question, func(), bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.turns) == 0 {
		return Question{}, nil, false
	}
	name := q.turns[0]
	q.turns = q.turns[1:]
	a := q.of[name]
	next := a.waiting[0]
	a.waiting, a.bytes, a.answering = a.waiting[1:], a.bytes-next.bytes, &next
	if len(q.turns) > 0 {
		q.wake() // for others waiting in Next
	}
	return next, func() { q.done(name) }, true
}

func (q *Questions) done(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.of[name]
	if a.answering = nil; len(a.waiting) == 0 {
		delete(q.of, name)
		return
	}
	q.turns = append(q.turns, name)
	q.wake()
}

func (q *Questions) wake() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// budget returns the name of a client's budget.
func budget(named []string, client string) string {
	if slices.Contains(named, client) {
		return client
	}
	return config.Anyone
}
