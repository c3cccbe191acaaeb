package log

import (
	"cmp"
	"slices"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
)

// place names a row by its spelling.
type place struct{ table, key string }

// item is a write that was read and is not recorded.
type item struct {
	capture.Entry
	note uint64 // the entry of table_changes that tells of it; 0: the log itself does
	nth  uint32 // of its table's writes in the transaction: see name
	xa   bool   // it was prepared: see Source.visible
	old  bool   // of a log that is no longer read
	from *binlog.Transaction
	of   *logged // which may end what from has prepared
}

// logged is a transaction that was read, or a piece of one. Those without writes that count are added to the one before.
type logged struct {
	at    *binlog.Transaction // without its changes
	gtids []binlog.GTID       // which P has when all up to here is recorded
	left  int                 // how many of its items are pending, and 1 if it is prepared
	ends  *logged             // the prepared transaction that it commits
	bytes int
}

// pending is what was read and is not recorded, by row and in order. It is safe for concurrent use. Its zero value is not
// ready: see newPending.
type pending struct {
	mu       sync.Mutex
	last     uint64 // the latest id given
	byPlace  map[place][]*item
	items    []*item // in order, those done included until they are at the front
	done     map[uint64]bool
	order    []*logged
	prepared map[string]*prepared // by xid
	recorded binlog.Position      // P
	before   map[name]bool        // done by an earlier process, though P does not pass it
	others   others
	bytes    int
}

// prepared is a transaction that waits for XA COMMIT or ROLLBACK. Rule 5: P does not pass it.
type prepared struct {
	of    *logged
	items []*item
}

func newPending(at binlog.Position) *pending {
	return &pending{byPlace: map[place][]*item{}, done: map[uint64]bool{}, prepared: map[string]*prepared{}, others: others{}, recorded: at.Clone()}
}

// begin has P be a position of another log. What is pending is recorded all the same.
func (p *pending) begin(at binlog.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recorded, p.before = at.Clone(), nil
	for _, l := range p.order {
		l.gtids = nil
	}
	for _, i := range p.items {
		i.old = true
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

// add adds a transaction that was read, with the writes in it that count.
func (p *pending) add(t *binlog.Transaction, items []*item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	head := *t
	head.Changes = nil
	l := &logged{at: &head}
	if t.Last {
		l.gtids = []binlog.GTID{t.GTID}
	}
	for _, i := range items {
		i.from = l.at
	}
	for _, i := range items { // also those done before: else each start would read further than the one before, and keep more names
		l.bytes += 256 + len(i.Row.Key)
	}
	if p.before != nil {
		items = slices.DeleteFunc(items, func(i *item) bool { return p.before[i.name()] })
	}
	before := p.prepared[t.XA.ID]
	switch t.XA.Phase {
	case binlog.Prepared:
		if before == nil && len(items) == 0 {
			p.others.begin(t.XA.ID) // another schema's: nobody waits for its end
			break
		}
		delete(p.others, t.XA.ID)
		p.bytes += l.bytes
		if before == nil {
			before = &prepared{of: l}
			l.left = 1
		}
		before.items = append(before.items, items...)
		p.prepared[t.XA.ID] = before
		p.order = append(p.order, l)
		p.pop()
		return
	case binlog.XACommit:
		p.others.end(t)
		if before != nil {
			items, l.ends = before.items, before.of
			for _, i := range items {
				i.xa = true
			}
			delete(p.prepared, t.XA.ID)
		}
	case binlog.XARollback:
		p.others.end(t)
		if before != nil {
			before.of.left--
			delete(p.prepared, t.XA.ID)
		}
	}
	if len(items) == 0 && l.ends == nil && len(p.order) > 0 {
		end := p.order[len(p.order)-1]
		end.gtids = append(end.gtids, l.gtids...)
		end.bytes += l.bytes
		p.bytes += l.bytes
		p.pop()
		return
	}
	p.bytes += l.bytes
	for _, i := range items {
		p.last++
		i.ID, i.of = p.last, l
		l.left++
		p.items = append(p.items, i)
		at := place{i.Row.Table, i.Row.Key}
		p.byPlace[at] = append(p.byPlace[at], i)
	}
	p.order = append(p.order, l)
	if l.left == 0 && l.ends != nil {
		l.ends.left--
		l.ends = nil
	}
	p.pop()
}

// pop removes transactions from the front of which nothing is pending, and their items.
func (p *pending) pop() {
	n := 0
	for ; n < len(p.items) && p.done[p.items[n].ID]; n++ {
		delete(p.done, p.items[n].ID)
	}
	p.items = slices.Delete(p.items, 0, n)
	n = 0
	for ; n < len(p.order) && p.order[n].left == 0; n++ {
		l := p.order[n]
		for _, g := range l.gtids {
			p.recorded.Add(g)
		}
		p.bytes -= l.bytes
	}
	p.order = slices.Delete(p.order, 0, n)
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
		for _, i := range p.byPlace[place{table, key}] {
			list = append(list, i.Entry)
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
	for _, i := range p.items {
		if p.done[i.ID] {
			continue
		}
		if len(list) == limit || i.of != last && !i.old && !seen(i.of.at) {
			break
		}
		last = i.of
		list = append(list, i)
	}
	return list
}

// has reports whether all of the ids are pending.
func (p *pending) has(items []*item) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(items, func(i *item) bool { return !p.pending(i.Row.Table, i.Row.Key, i.ID) })
}

func (p *pending) pending(table, key string, id uint64) bool {
	return slices.ContainsFunc(p.byPlace[place{table, key}], func(o *item) bool { return o.ID == id })
}

// notes returns the entries of table_changes that told of some writes.
func (p *pending) notes(entries []capture.Entry) []capture.Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []capture.Entry
	for _, e := range entries {
		for _, i := range p.byPlace[place{e.Row.Table, e.Row.Key}] {
			if i.ID == e.ID && i.note != 0 {
				list = append(list, capture.Entry{ID: i.note, Row: i.Row})
			}
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
		for _, g := range l.gtids {
			at.Add(g)
		}
	}
	return at
}

// settle removes writes that were recorded.
func (p *pending) settle(entries []capture.Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.find(entries) {
		p.end(i)
	}
	p.pop()
}

// those returns the given entries' items that are pending.
func (p *pending) those(entries []capture.Entry) []*item {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.find(entries)
}

func (p *pending) find(entries []capture.Entry) (items []*item) {
	for _, e := range entries {
		list := p.byPlace[place{e.Row.Table, e.Row.Key}]
		if n := slices.IndexFunc(list, func(o *item) bool { return o.ID == e.ID }); n >= 0 {
			items = append(items, list[n])
		}
	}
	return items
}

// end notes that an item is no longer pending.
func (p *pending) end(i *item) {
	at := place{i.Row.Table, i.Row.Key}
	list := p.byPlace[at]
	n := slices.Index(list, i)
	switch {
	case len(list) == 1:
		delete(p.byPlace, at)
	case n == 0: // as always but where apply was first: thousands may wait of one row
		list[0] = nil
		p.byPlace[at] = list[1:]
	default:
		p.byPlace[at] = slices.Delete(list, n, n+1)
	}
	p.done[i.ID] = true
	i.of.less()
}

// drop removes the writes of a table.
func (p *pending) drop(table string) {
	p.mu.Lock()
	var list []capture.Entry
	for at, items := range p.byPlace {
		if at.table == table {
			for _, i := range items {
				list = append(list, i.Entry)
			}
		}
	}
	p.mu.Unlock()
	p.settle(list)
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
	return len(p.items) - len(p.done)
}

// full reports whether no more may be read for now. Promise 10.
func (p *pending) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes > pendingMost
}

// pendingMost is about how many bytes of keys wait in memory.
const pendingMost = 64 << 20
