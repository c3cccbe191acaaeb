package apply

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// How set-aside changes are retried. Nothing signals that a lock is free, so they are simply retried, at intervals that
// grow while none of the table's changes go through; attempts that the server makes wait take only a small share of the
// time. Promise 5.
const (
	asideFirst = 50 * time.Millisecond
	asideMost  = time.Second
	asideShare = 4                // pauses are at least this many times as long as the last attempt
	asideTold  = 3 * time.Second  // after this, it is reported
	hotAfter   = 10 * time.Second // after this, wait for the first row's lock
	hotFirst   = 10 * time.Second // between two such waits in a table, doubled each time
)

// aside has the changes set aside for one table.
type aside struct {
	rows  []change.Row // in the room, in the order of attempts
	since time.Time
	why   string
	told  bool
	whole bool // new changes for the table are set aside untried
	next  time.Time
	pause time.Duration
	turn  int       // how many rows to try at a time
	hot   time.Time // when to wait for a row's lock next, at the earliest
	heat  time.Duration
}

// Stuck is a table with rows that cannot be written now, through no fault of theirs.
type Stuck struct {
	Table string
	Rows  int // remembered rows that wait
	Since time.Time
	Why   string
}

// Stuck returns the tables that have been stuck for some seconds, ordered by name. It may be called from any goroutine.
func (a *Applier) Stuck() []Stuck {
	a.room.mu.Lock()
	defer a.room.mu.Unlock()
	var list []Stuck
	for table, x := range a.room.asides {
		if a.now().Sub(x.since) >= asideTold {
			list = append(list, Stuck{Table: table, Rows: len(x.rows), Since: x.since, Why: x.why})
		}
	}
	slices.SortFunc(list, func(x, y Stuck) int { return change.Row{Table: x.Table}.Compare(change.Row{Table: y.Table}) })
	return list
}

// Due returns when to retry waiting and set-aside changes, or false if there are none. Calling Apply then, even without
// changes, retries them. It may be called from any goroutine.
func (a *Applier) Due() (time.Time, bool) {
	a.room.mu.Lock()
	defer a.room.mu.Unlock()
	var first time.Time
	if len(a.room.woken)+len(a.room.settled)+len(a.room.fresh) > 0 {
		return first, true
	}
	for _, x := range a.room.asides {
		if first.IsZero() || x.next.Before(first) {
			first = x.next
		}
	}
	return first, !first.IsZero()
}

// aside returns a table's aside, and creates it if need be.
func (r *room) aside(now time.Time, table string) *aside {
	x := r.asides[table]
	if x == nil {
		x = &aside{since: now, next: now.Add(asideFirst), pause: asideFirst, turn: turnRows}
		if r.asides == nil {
			r.asides = map[string]*aside{}
		}
		r.asides[table] = x
	}
	return x
}

// stop sets all changes for a table aside untried, until one goes through.
func (r *room) stop(now time.Time, table, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.aside(now, table)
	x.whole, x.why = true, why
}

// pass removes the tasks that need not be tried because their row or table is set aside, and returns the others.
func (r *room) pass(now time.Time, tasks []*task) []*task {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.asides) == 0 {
		return tasks
	}
	return slices.DeleteFunc(slices.Clone(tasks), func(t *task) bool {
		x := r.asides[t.in.Table]
		if x == nil {
			return false
		}
		old := r.rows[t.in.Identity()]
		if !x.whole && (old == nil || !old.wait.stuck || t.in.Dated) {
			return false
		}
		w := &Wait{text: x.why, stuck: true}
		*t.res = Result{Err: w, Retry: true}
		if !t.in.Dated {
			r.put(now, t, w)
		}
		return true
	})
}

// waryTime is how long someone's lock met in a table is remembered.
const waryTime = 10 * time.Minute

// beWary remembers that someone's lock was met in a table, if the server may wait for locks.
func (a *Applier) beWary(table string) {
	if !a.db.Locks().Waits {
		return
	}
	r := &a.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wary == nil {
		r.wary = map[string]time.Time{}
	}
	r.wary[table] = a.now()
}

// meets reports whether someone's lock was met recently in one of the tasks' tables: more of their rows may be locked.
func (r *room) meets(now time.Time, tasks []*task) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return (len(r.asides) > 0 || len(r.wary) > 0) && slices.ContainsFunc(tasks, func(t *task) bool {
		met, ok := r.wary[t.in.Table]
		return r.asides[t.in.Table] != nil || ok && now.Sub(met) < waryTime
	})
}

// try is one attempt at a table's set-aside changes.
type try struct {
	table string
	tasks []*task
	hot   bool // a single row: wait for its lock
}

// due takes one table's due changes out of the room; if tasks is empty, there are none.
func (r *room) due(now time.Time) try {
	r.mu.Lock()
	defer r.mu.Unlock()
	for table, x := range r.asides {
		if now.Before(x.next) {
			continue
		}
		t := try{table: table, hot: now.Sub(x.since) >= hotAfter && now.After(x.hot) && !x.whole}
		most := x.turn
		if t.hot {
			most, x.heat = 1, max(2*x.heat, hotFirst)
			x.hot = now.Add(x.heat)
		}
		for len(x.rows) > 0 && len(t.tasks) < most {
			row := x.rows[0]
			x.rows = x.rows[1:]
			if w := r.rows[row]; w != nil && w.wait.stuck {
				t.tasks = append(t.tasks, r.take(w))
			}
		}
		if len(t.tasks) == 0 { // none of its changes are remembered
			delete(r.asides, table)
			continue
		}
		return t
	}
	return try{}
}

// tried records the outcome of an attempt that began at begun, and whether the server made it wait. It returns what to
// report about the table.
func (r *room) tried(begun, now time.Time, t try, waited bool) (told *Stuck, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.asides[t.table]
	if x == nil {
		return nil, false // someone else has looked meanwhile, and nothing was left
	}
	went := slices.ContainsFunc(t.tasks, func(t *task) bool { return !IsStuck(t.res.Err) })
	switch {
	case went:
		x.whole, x.pause, x.turn = x.whole && waited, asideFirst, min(2*x.turn, turnRows)
	case !t.hot:
		x.pause, x.turn = min(2*x.pause, asideMost), max(x.turn/2, 1)
	}
	switch {
	case went && !waited && len(x.rows) > 0:
		x.next = now // more may go through
	case t.hot:
		x.next = now.Add(x.pause)
	default:
		x.next = now.Add(max(x.pause, asideShare*now.Sub(begun)))
	}
	s := &Stuck{Table: t.table, Rows: len(x.rows), Since: x.since, Why: x.why}
	if len(x.rows) == 0 {
		delete(r.asides, t.table)
		return s, x.told
	}
	if !x.told && now.Sub(x.since) >= asideTold {
		x.told = true
		return s, false
	}
	return nil, false
}

// tell logs that a table cannot be written, or can be written again.
func (a *Applier) tell(s *Stuck, ended bool) {
	switch {
	case ended:
		a.log.Info("a table can be written again", zap.String("table", s.Table), zap.Duration("after", a.now().Sub(s.Since).Round(time.Millisecond)))
	case s != nil && s.Rows > 0:
		a.log.Warn("rows cannot be written now; they are set aside and retried", zap.String("table", s.Table), zap.Int("rows", s.Rows), zap.String("error", s.Why))
	}
}
