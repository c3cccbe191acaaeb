package log

import (
	"cmp"
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// line is the items of a row, or of several with the same hash, in order.
type line struct{ first, last *item }

// pending is what was read and is not recorded, by row and in order. It is safe for concurrent use. Its zero value is not
// ready: see newPending.
type pending struct {
	mu       sync.Mutex
	last     uint64 // the latest id given
	hash     func(place) uint64
	lines    map[uint64]line
	most     int     // how many items there were at once since lines was made
	items    []*item // in order, those done included until they are at the front
	left     int     // how many are not done
	order    []*logged
	prepared map[string]*prepared        // by xid
	doubtful map[string]map[string]error // what is in doubt by what is prepared, by xid
	recorded binlog.Position             // P
	before   map[name]bool               // done by an earlier process, though P does not pass it
	others   others
	room     int // of memory, that recording frees: what is prepared does not count, as reading must go on for its end to come
	bytes    int // of the names of what P has not passed, done or not: a start may have to know them all
}

// prepared is a transaction that waits for XA COMMIT or ROLLBACK. Rule 5: P does not pass it.
type prepared struct {
	of    *logged
	items []*item
}

func newPending(at binlog.Position) *pending {
	seed := maphash.MakeSeed()
	hash := func(p place) uint64 { return maphash.Comparable(seed, p) }
	return &pending{hash: hash, lines: map[uint64]line{}, prepared: map[string]*prepared{}, doubtful: map[string]map[string]error{}, others: others{}, recorded: at.Clone()}
}

// begin has P be a position of another log. What is pending is recorded all the same.
func (p *pending) begin(at binlog.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recorded, p.before = at.Clone(), nil
	clear(p.doubtful)
	for _, l := range p.order {
		l.last, l.more, l.old = false, nil, true
	}
	for id, x := range p.prepared {
		x.of.left--
		delete(p.prepared, id)
	}
	p.pop()
}

// knows reports false of a transaction that commits one that was prepared before the log was read.
func (p *pending) knows(t *binlog.Transaction) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return t.XA.Phase != binlog.XACommit || p.prepared[t.XA.ID] != nil || p.others.has(t.XA.ID)
}

// doubts returns which tables are in doubt once a transaction is read: those of one that is prepared are not before it commits, as nobody
// sees them until then.
func (p *pending) doubts(t *binlog.Transaction, tables map[string]error) map[string]error {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.doubtful[t.XA.ID]
	if t.XA.Phase == binlog.Prepared {
		if len(tables) > 0 {
			if before == nil {
				before = map[string]error{}
				p.doubtful[t.XA.ID] = before
			}
			maps.Copy(before, tables)
		}
		return map[string]error{}
	}
	delete(p.doubtful, t.XA.ID)
	if t.XA.Phase == binlog.XARollback || before == nil {
		return tables
	}
	maps.Copy(before, tables)
	return before
}

// add adds a transaction that was read, with the writes in it that count, and when these were written.
func (p *pending) add(t *binlog.Transaction, items []*item, at int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &logged{gtid: t.GTID, end: t.End, written: at, last: t.Last}
	if n := len(p.order); n > 0 && p.order[n-1].gtid.Source == l.gtid.Source {
		l.gtid.Source = p.order[n-1].gtid.Source // one text for all
	}
	for _, i := range items { // also those done before: else each start would read further than the one before, and keep more names
		l.bytes += 256 + len(i.key)
		i.of = l
	}
	if p.before != nil {
		items = slices.DeleteFunc(items, func(i *item) bool { return p.before[i.name()] })
	}
	before := p.prepared[t.XA.ID]
	switch t.XA.Phase {
	case binlog.Prepared:
		if before == nil && len(items) == 0 && p.doubtful[t.XA.ID] == nil {
			p.others.begin(t.XA.ID) // another schema's: nobody waits for its end
			break
		}
		delete(p.others, t.XA.ID)
		if before == nil {
			before = &prepared{of: l}
			l.left = 1
		}
		before.items = append(before.items, items...)
		p.prepared[t.XA.ID] = before
		p.push(l)
		return
	case binlog.XACommit:
		p.others.end(t)
		if before != nil {
			items, l.from, l.ends = before.items, before.of, before.of
			delete(p.prepared, t.XA.ID)
		}
	case binlog.Ordinary: // committed at once: the last of its pieces
		if before != nil {
			items, l.ends = slices.Concat(before.items, items), before.of
			delete(p.prepared, t.XA.ID)
		}
		delete(p.others, t.XA.ID)
	case binlog.XARollback:
		p.others.end(t)
		if before != nil {
			before.of.left--
			delete(p.prepared, t.XA.ID)
		}
	}
	for _, i := range items {
		p.last++
		i.id, i.of = p.last, l
		l.left++
		p.items = append(p.items, i)
		p.room += i.room()
		p.queue(i)
	}
	p.left += len(items)
	p.most = max(p.most, len(p.items))
	if l.left == 0 && l.ends != nil {
		l.ends.left--
		l.ends = nil
	}
	p.push(l)
}

// push adds a transaction to the order.
func (p *pending) push(l *logged) {
	p.bytes += l.bytes
	p.room += loggedRoom
	p.order = append(p.order, l)
	p.pop()
}

// join has those done at the end be part of the one before.
func (p *pending) join() {
	for n := len(p.order) - 1; n > 0 && p.order[n].left == 0; n-- {
		p.order[n-1].join(p.order[n])
		p.order[n] = nil
		p.order = p.order[:n]
		p.room -= loggedRoom
	}
}

// queue adds an item to its line.
func (p *pending) queue(i *item) {
	h := p.hash(i.place())
	q := p.lines[h]
	if q.last == nil {
		q.first = i
	} else {
		q.last.next = i
	}
	q.last = i
	p.lines[h] = q
}

// row yields the items of a row.
func (p *pending) row(at place) iter.Seq[*item] {
	return func(yield func(*item) bool) {
		for i := p.lines[p.hash(at)].first; i != nil; i = i.next {
			if i.place() == at && !yield(i) {
				return
			}
		}
	}
}

// pop removes transactions from the front of which nothing is pending, and items that are done from both ends.
func (p *pending) pop() {
	p.join()
	n := len(p.items)
	for ; n > 0 && p.items[n-1].done; n-- {
		p.room -= p.items[n-1].room()
		p.items[n-1] = nil
	}
	p.items = p.items[:n]
	n = 0
	for ; n < len(p.items) && p.items[n].done; n++ {
		p.room -= p.items[n].room()
	}
	p.items = slices.Delete(p.items, 0, n)
	n = 0
	for ; n < len(p.order) && p.order[n].left == 0; n++ {
		l := p.order[n]
		l.moves(&p.recorded)
		p.bytes -= l.bytes
		p.room -= loggedRoom
	}
	p.order = slices.Delete(p.order, 0, n)
	if len(p.items) == 0 && p.most > 10*batchSize { // maps and slices do not shrink
		p.lines, p.items, p.most = map[uint64]line{}, nil, 0
		p.order = slices.Clone(p.order)
	}
}

// less notes that one write less is pending of a transaction.
func (l *logged) less() {
	l.left--
	if l.left == 0 && l.ends != nil {
		l.ends.left--
		l.ends = nil
	}
}

// of returns what is pending of some rows, in order.
func (p *pending) of(table string, keys []string) []capture.Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []capture.Entry
	for _, key := range keys {
		for i := range p.row(place{table, key}) {
			list = append(list, i.entry())
		}
	}
	slices.SortFunc(list, func(a, b capture.Entry) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// front returns at most limit of the oldest items whose transactions can be seen. Those of a log that is no longer read do not wait
// for it: another log's names tell nothing of them, and mend has their tables sent as a whole.
func (p *pending) front(limit int, seen func(*binlog.Transaction) bool) []*item {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*item
	var last *logged
	var t binlog.Transaction
	for _, i := range p.items {
		if i.done {
			continue
		}
		if len(list) == limit {
			break
		}
		if i.of != last && !i.of.old {
			if t.GTID, t.End = i.of.gtid, i.of.end; !seen(&t) {
				break
			}
		}
		last = i.of
		list = append(list, i)
	}
	return list
}

// has reports whether all of the items are pending.
func (p *pending) has(items []*item) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(items, func(i *item) bool { return i.done })
}

// noted returns the entries of table_changes that told of some writes.
func noted(items []*item) []capture.Entry {
	var list []capture.Entry
	for _, i := range items {
		if n := i.note(); n != 0 {
			list = append(list, capture.Entry{ID: n, Row: change.Row{Table: *i.table, Key: i.key}})
		}
	}
	return list
}

// after returns P as it is once some writes are recorded.
func (p *pending) after(items []*item) binlog.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.recorded.Clone()
	less := map[*logged]int{}
	for _, i := range items {
		less[i.of]++
		if l := i.of; l.ends != nil && less[l] == l.left {
			less[l.ends]++
		}
	}
	for _, l := range p.order {
		if l.left-less[l] > 0 {
			break
		}
		l.moves(&at)
	}
	return at
}

// settle removes writes that were recorded.
func (p *pending) settle(items []*item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range items {
		p.end(i)
	}
	p.pop()
}

// those returns the given entries' items that are pending.
func (p *pending) those(entries []capture.Entry) (items []*item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range entries {
		for i := range p.row(place{e.Row.Table, e.Row.Key}) {
			if i.id == e.ID {
				items = append(items, i)
				break
			}
		}
	}
	return items
}

// end notes that an item is no longer pending.
func (p *pending) end(i *item) {
	if i.done {
		return
	}
	h := p.hash(i.place())
	q := p.lines[h]
	var before *item
	for o := q.first; o != i; o = o.next { // it is the first, but where apply was: thousands may wait of one row
		before = o
	}
	switch {
	case before == nil:
		q.first = i.next
	default:
		before.next = i.next
	}
	if q.last == i {
		q.last = before
	}
	if p.lines[h] = q; q.first == nil {
		delete(p.lines, h)
	}
	i.next, i.done = nil, true
	p.left--
	i.of.less()
}

// drop removes the writes of a table.
func (p *pending) drop(table string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.items {
		if *i.table == table {
			p.end(i)
		}
	}
	p.pop()
}

// beyond reports whether something was read that a position does not have.
func (p *pending) beyond(at binlog.Position) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.order) > 0 || !at.Contains(p.recorded)
}

// count returns how many writes are pending.
func (p *pending) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left
}

// full reports whether no more may be read for now. Promise 10.
func (p *pending) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room > roomMost || p.bytes > bytesMost
}

// The most that waits, about: of memory, and of what a start may have to know while something prepared holds P.
const (
	roomMost  = 4 << 20
	bytesMost = 64 << 20
)
