package apply

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Bounds of what is remembered of waiting changes. Anything beyond is forgotten here: its sender still has it, and sends
// it again. Promise 10.
const (
	roomRows  = 50_000
	roomBytes = 24 << 20 // as they are kept
	rowBytes  = 600      // of a row, besides its key and values
	needBytes = 300      // of a needed row, besides its key, in every place that names it
	turnRows  = MostRows // tried at a time, of those that no longer have to wait
	ringRows  = 20_000   // tried together, of those that wait for each other
)

// room remembers the changes that wait for others, by what they wait for, in order to apply them as soon as possible,
// together with what they need. Their senders have all of them too, and know that they wait. It is safe for concurrent
// use.
type room struct {
	mu      sync.Mutex
	rows    map[change.Row]*waiter
	tables  map[string]int               // number of each
	needed  map[change.Row]*few[*waiter] // by what they need
	bytes   int
	woken   []change.Row // whose needs were written
	fresh   []change.Row // arrived since the last search for rings
	settled []change.Row // to be decided
	asides  map[string]*aside
	wary    map[string]time.Time // when someone's lock was last met in a table
}

// waiter is a waiting change.
type waiter struct {
	in    Incoming
	wait  *Wait
	needs few[change.Row] // the wait's needs that have not been written since
	since time.Time
	bytes int
}

// note remembers the waiting tasks, and wakes the changes that waited for the others.
func (r *room) note(now time.Time, tasks []*task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range tasks {
		var w *Wait
		switch {
		case errors.As(t.res.Err, &w) && !t.in.Dated: // version-1 changes are held where they arrived
			if r.put(now, t, w) {
				r.fresh = append(r.fresh, t.in.Identity())
			}
		case t.res.Err == nil:
			r.leave(t.in)
			if t.res.Wrote {
				r.wake(t.in.Identity())
			}
		}
	}
}

// put remembers a change, replacing an older one of its row, and reports whether it is now known to need more than
// before. It still needs whatever it needed when it was taken out of the room to be tried together with that.
func (r *room) put(now time.Time, t *task, w *Wait) (more bool) {
	in := t.in
	queued := false
	if old := r.rows[in.Identity()]; old != nil {
		queued = old.wait.stuck
		if old.in.Version.Compare(in.Version) > 0 {
			return false
		}
		if old.in.Version == in.Version {
			now = old.since
			if in.Strangers == nil {
				in.Strangers = old.in.Strangers // the change was sent again
			}
		}
		r.drop(old)
	}
	if !t.since.IsZero() {
		now = t.since
	}
	x := &waiter{in: *in, wait: w, since: now}
	x.in.verdict = undecided
	x.in.Values = make([][]byte, len(in.Values)) // copied: they are part of the message
	x.bytes = rowBytes + len(in.Key)
	for i, v := range in.Values {
		x.in.Values[i] = slices.Clone(v)
		x.bytes += len(v) + 32
	}
	for _, list := range [][]change.Row{w.needs, w.refer, t.needed} {
		for _, n := range list {
			x.bytes += len(n.Key) + needBytes
		}
	}
	if len(r.rows) >= roomRows || r.bytes+x.bytes > roomBytes {
		return false
	}
	if r.rows == nil {
		r.rows, r.needed, r.tables = map[change.Row]*waiter{}, map[change.Row]*few[*waiter]{}, map[string]int{}
	}
	r.rows[in.Identity()] = x
	r.tables[in.Table]++
	if w.stuck {
		a := r.aside(now, in.Table)
		if a.why = w.text; !queued {
			a.rows = append(a.rows, in.Identity())
		}
	}
	r.bytes += x.bytes
	for _, n := range slices.Concat(w.needs, t.needed) {
		n = n.Identity()
		if r.needed[n] == nil {
			r.needed[n] = &few[*waiter]{}
		}
		r.needed[n].add(x)
		x.needs.add(n)
	}
	return x.needs.size() > len(t.needed)
}

// leave forgets an applied change, and older changes to its row.
func (r *room) leave(in *Incoming) {
	if x := r.rows[in.Identity()]; x != nil && x.in.Version.Compare(in.Version) <= 0 {
		r.drop(x)
	}
}

func (r *room) drop(x *waiter) {
	delete(r.rows, x.in.Identity())
	r.tables[x.in.Table]--
	r.bytes -= x.bytes
	for n := range x.needs.all() {
		r.meet(x, n)
	}
}

// meet removes a need that was met.
func (r *room) meet(x *waiter, n change.Row) {
	x.needs.remove(n)
	if who := r.needed[n]; who != nil {
		if who.remove(x); who.size() == 0 {
			delete(r.needed, n)
		}
	}
}

// wake marks changes for a retry that waited for a row, or for any of its table, once everything they need was written.
func (r *room) wake(row change.Row) {
	for _, n := range []change.Row{row, {Table: row.Table}} {
		for x := range r.needed[n].all() {
			if r.meet(x, n); x.needs.size() == 0 {
				r.woken = append(r.woken, x.in.Identity())
			}
		}
	}
}

// settle stops a change from waiting for rows for which nothing will come.
func (r *room) settle(x *waiter, strangers []change.Row) {
	for _, s := range strangers {
		r.meet(x, s.Identity())
	}
	if x.wait.more {
		r.meet(x, change.Row{Table: strangers[0].Table})
	}
	r.settled = append(r.settled, x.in.Identity())
}

// next takes changes out of the room: those that no longer have to wait, or else a ring of changes that wait only for
// each other.
func (r *room) next() (tasks []*task, ring bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.woken) > 0 && len(tasks) < turnRows {
		row := r.woken[0]
		r.woken = r.woken[1:]
		if x := r.rows[row]; x != nil {
			tasks = append(tasks, r.take(x))
		}
	}
	if len(tasks) > 0 {
		return tasks, false
	}
	for len(r.settled) > 0 {
		row := r.settled[0]
		r.settled = r.settled[1:]
		if x := r.rows[row]; x != nil {
			if list := r.around(x); len(list) > 0 {
				return r.takeAll(list), true
			}
		}
	}
	lacking := map[*waiter]bool{}
	for len(r.fresh) > 0 {
		row := r.fresh[0]
		r.fresh = r.fresh[1:]
		if x := r.rows[row]; x != nil {
			list := r.ring(x, lacking)
			if len(list) > 1 {
				return r.takeAll(list), true
			}
			lacking[x] = list == nil
		}
	}
	return nil, false
}

func (r *room) takeAll(list []*waiter) []*task {
	tasks := make([]*task, len(list))
	for i, x := range list {
		tasks[i] = r.take(x)
	}
	return tasks
}

// around returns a ring, or a single change that needs nothing, with the changes that wait for it and for nothing that is
// missing here: the decision depends on what replaces the row.
func (r *room) around(x *waiter) []*waiter {
	in := map[*waiter]bool{}
	list := r.rest(x, in, nil)
	if list == nil {
		return nil
	}
	lacking := map[*waiter]bool{}
	for y := range r.needed[x.in.Identity()].all() {
		if in[y] {
			continue // with all that it needs
		}
		more := r.rest(y, in, lacking)
		lacking[y] = more == nil
		list = append(list, more...)
	}
	return list
}

func (r *room) take(x *waiter) *task {
	needed := slices.Collect(x.needs.all())
	r.drop(x)
	return &task{in: &x.in, res: &Result{}, needed: needed, since: x.since}
}

// ring returns a change with everything that it needs, and everything that those need, or nil if some of that is not here.
// A change that needs any row of a table needs all waiting ones of that table. lacking has changes already known to lack
// something: without it, each change of a long chain would be followed to its end.
func (r *room) ring(x *waiter, lacking map[*waiter]bool) []*waiter {
	return r.rest(x, map[*waiter]bool{}, lacking)
}

// rest is ring without the changes that are already in, together with all they need. It adds those that it returns to in.
func (r *room) rest(x *waiter, in, lacking map[*waiter]bool) (list []*waiter) {
	if x.wait.stuck {
		return nil
	}
	list = []*waiter{x}
	in[x] = true
	whole := false
	defer func() {
		if !whole {
			for _, y := range list {
				delete(in, y)
			}
			list = nil
		}
	}()
	for i := 0; i < len(list); i++ {
		for n := range list[i].needs.all() {
			found := []*waiter{r.rows[n]}
			if n.Key == "" {
				found = r.of(n.Table)
			}
			if len(found) == 0 || found[0] == nil {
				return list
			}
			for _, y := range found {
				if in[y] {
					continue
				}
				if y.wait.stuck || lacking[y] {
					return list
				}
				in[y] = true
				list = append(list, y)
			}
		}
		if len(list) > ringRows {
			return list
		}
	}
	whole = true
	return list
}

// of returns the waiting changes of a table.
func (r *room) of(table string) []*waiter {
	if r.tables[table] == 0 {
		return nil
	}
	var list []*waiter
	for row, x := range r.rows {
		if row.Table == table {
			list = append(list, x)
		}
	}
	return list
}

// back puts back changes that were taken out and could not be tried.
func (r *room) back(now time.Time, tasks []*task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range tasks {
		r.put(now, t, &Wait{text: "waits for the database", needs: []change.Row{{Table: t.in.Table}}})
		r.woken = append(r.woken, t.in.Identity())
	}
}
