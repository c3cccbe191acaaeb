package transform

import (
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// A row with which a process has ended is not tried again at once when it comes again: it has the
// error of before, during a pause that doubles each time. One whose values have changed is
// another row.
const (
	killerFirst = time.Second
	killerMost  = 10 * time.Minute
	killersMost = 1000 // rows that are remembered of a file
)

// Where one client's rows end a process again and again, each another row, the file rests for that
// client a while, whose rows are to come again.
const (
	endsFree  = 10 // of a client, until a minute goes by without one
	endsForgo = time.Minute
	restFirst = time.Second
	restMost  = 5 * time.Second
)

// killers remembers what has ended the process of a file, so that nobody has a process started for
// each message. It is safe for concurrent use; its zero value is ready. Promise 10.
type killers struct {
	mu      sync.Mutex
	seed    maphash.Seed
	rows    map[uint64]*killer
	clients map[string]*ends
	told    time.Time
	untold  int // ends since
}

// killer is a row.
type killer struct {
	err   error
	times int
	until time.Time
}

// ends are those of a client's rows.
type ends struct {
	times       int
	last, until time.Time
}

// errRests says that a client's rows have ended the process too often.
var errRests = errors.New("its process was ended by rows of this client again and again; it is restarted for this client's other rows a little later")

// rests returns an error while the file rests for who a task comes from.
func (k *killers) rests(now time.Time, t *task) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.clients[t.Source]; e != nil && now.Before(e.until) {
		return startError{errRests}
	}
	return nil
}

// refuse returns the error of a task that is not to be tried now, or nil.
func (k *killers) refuse(now time.Time, t *task) error {
	if err := k.rests(now, t); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.rows) == 0 {
		return nil
	}
	if x := k.rows[k.sum(t)]; x != nil && now.Before(x.until) {
		return x.err
	}
	return nil
}

// ended notes that the process has ended with a task, and tells how often that was, by this task,
// and how many ends are to be told now: none within a minute of the last time.
func (k *killers) ended(now time.Time, t *task, err error) (times, tell int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rows == nil {
		k.seed, k.rows, k.clients = maphash.MakeSeed(), map[uint64]*killer{}, map[string]*ends{}
	}
	sum := k.sum(t)
	x := k.rows[sum]
	if x == nil {
		if len(k.rows) >= killersMost {
			k.forget()
		}
		x = &killer{}
		k.rows[sum] = x
	}
	x.err, x.until = err, now.Add(doubled(killerFirst, killerMost, x.times))
	x.times++
	for client, e := range k.clients {
		if now.Sub(e.last) >= endsForgo {
			delete(k.clients, client)
		}
	}
	e := k.clients[t.Source]
	if e == nil {
		e = &ends{}
		k.clients[t.Source] = e
	}
	if e.last, e.times = now, e.times+1; e.times > endsFree {
		e.until = now.Add(doubled(restFirst, restMost, e.times-endsFree-1))
	}
	if k.untold++; now.Sub(k.told) >= time.Minute {
		k.told, tell, k.untold = now, k.untold, 0
	}
	return x.times, tell
}

// forget makes room for one more row: the one whose pause ends first goes.
func (k *killers) forget() {
	var first uint64
	var until time.Time
	for sum, x := range k.rows {
		if until.IsZero() || x.until.Before(until) {
			first, until = sum, x.until
		}
	}
	delete(k.rows, first)
}

// sum returns what tells a task from others.
func (k *killers) sum(t *task) uint64 {
	b, err := appendTask(nil, t)
	if err != nil {
		b = fmt.Appendf(b, "%s %s", t.Table, t.ID)
	}
	return maphash.Bytes(k.seed, b)
}

// doubled returns a pause that was doubled some times.
func doubled(first, most time.Duration, times int) time.Duration {
	return min(first<<min(times, 20), most)
}
