package receive

import (
	"context"
	"slices"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// What the questions of one client that wait may be. What is beyond is dropped, and asked again. Promise 10.
const (
	questionsMost  = 16
	questionsBytes = wire.MostQuestion // of their messages; one may always wait
)

// Question is one that a client has asked.
type Question struct {
	From string
	wire.Question
	bytes int
}

// Questions holds those waiting for an answer. Each asking client has its own budget, and one turn at a time. It is safe
// for concurrent use.
type Questions struct {
	named []string // clients with a budget of their own; all others share one

	mu    sync.Mutex
	turns []string // who asks and is not being answered, whose turn is first
	of    map[string]*asker
	kick  chan struct{}
}

// asker is a client with questions that wait, or one that is being answered.
type asker struct {
	waiting   []Question
	bytes     int
	answering *Question
}

// NewQuestions returns Questions of clients that are named, and of any others.
func NewQuestions(named []string) *Questions {
	return &Questions{named: named, of: map[string]*asker{}, kick: make(chan struct{}, 1)}
}

// Put has a question wait for an answer, and reports whether it did: there may be too many already. One that is asked again while
// it waits is answered once.
func (q *Questions) Put(from string, question wire.Question, bytes int) bool {
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
	a.waiting, a.bytes = append(a.waiting, Question{from, question, bytes}), a.bytes+bytes
	q.wake()
	return true
}

// Next waits for the question whose turn it is; ok is false when ctx has ended. Nobody else's question waits for done, which is to
// be called once it is answered: only then has its client another turn.
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
		q.wake() // for who else waits for one
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

// budget names who shares a budget with a client.
func budget(named []string, client string) string {
	if slices.Contains(named, client) {
		return client
	}
	return config.Anyone
}
