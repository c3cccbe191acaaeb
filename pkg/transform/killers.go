package transform

import (
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// A row that ended a process is not retried at once when it comes again: it gets the same error during a pause that
// doubles each time. If its values have changed it counts as another row.
const (
	killerFirst = time.Second
	killerMost  = 10 * time.Minute
	killersMost = 1000 // rows remembered for a file
)

// If one client's rows keep ending a process, each time a different row, the file pauses for that client, whose rows
// must be sent again.
const (
	endsFree  = 10 // of one client, until a minute passes without one
	endsForgo = time.Minute
	restFirst = time.Second
	restMost  = 5 * time.Second
)

// killers remembers what ended a file's process, so that no one can have a process started for each message. It is safe
// for concurrent use; its zero value is ready. Promise 10.
type killers struct {
	mu      sync.Mutex
	seed    maphash.Seed
	rows    map[uint64]*killer
	clients map[string]*ends
	told    time.Time
	untold  int // ends since then
}

// killer is a row that ended a process.
type killer struct {
	err   error
	times int
	until time.Time
}

// ends counts the process ends that a client's rows caused.
type ends struct {
	times       int
	last, until time.Time
}

// errRests means that a client's rows have ended the process too often.
var errRests = errors.New("its process was ended by rows of this client again and again; it is restarted for this client's other rows a little later")

// rests returns an error while the file pauses for a task's sender.
func (k *killers) rests(now time.Time, t *task) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.clients[t.Source]; e != nil && now.Before(e.until) {
		return startError{errRests}
	}
	return nil
}

// refuse returns the error of a task that must not be tried now, or nil.
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

// ended notes that a task ended the process, and returns how often this task has done so, and how many ends to report
// now: none within a minute of the last report.
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

// forget makes room for one more row by dropping the one whose pause ends first.
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

// sum returns a hash that identifies a task.
func (k *killers) sum(t *task) uint64 {
	b, err := appendTask(nil, t)
	if err != nil {
		b = fmt.Appendf(b, "%s %s", t.Table, t.ID)
	}
	return maphash.Bytes(k.seed, b)
}

// doubled returns a pause after a number of doublings.
func doubled(first, most time.Duration, times int) time.Duration {
	return min(first<<min(times, 20), most)
}
