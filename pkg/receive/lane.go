package receive

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// prepareTime bounds checking and transforming the rows of one message. The rest is refused for now, so that the sender
// is answered in time and sends it again.
const prepareTime = 12 * time.Second

// Why unprocessed rows of a message must be sent again.
var errRoom = errors.New("the transformer turns the message's rows into large ones; the rest is retried")

var errLong = errors.New("the message's rows took too long to transform; the rest is retried")

// work is one message on its way into the database: its changes are part of its load's list, starting at first.
type work struct {
	message
	change  *wire.Change // version 1
	batch   *wire.Batch  // extension
	index   []int        // each change's place in the batch
	rejects []wire.Reject
	reasons []string // of rejects, in full
	held    []wire.Held
	first   int
	count   int
	packed  int       // version 1: bytes of the message
	bytes   int64     // taken from the room for unpacked messages
	broken  bool      // it caused a panic
	until   time.Time // version 1: when waiting for a parent ends; zero: it has not waited
	stuck   bool      // apply set one of them aside
}

// load is what a lane hands over at once.
type load struct {
	lane    *lane
	changes []apply.Incoming
	works   []*work
	rows    int            // of all messages, including those refused at once
	bytes   int            // of the values of all changes
	took    time.Duration  // to check and transform them
	results []apply.Result // of all changes, once the first turn begins
	open    int            // how many results are missing
	over    bool           // its messages are answered
}

// loadTime bounds checking and transforming a load's messages, except that the one in progress is finished: none of
// them is answered before that.
const loadTime = 200 * time.Millisecond

// full reports whether the load accepts no further message.
func (x *load) full() bool { return x.rows >= roundRows || x.bytes >= roundBytes || x.took >= loadTime }

// lane carries one sender's messages to the rounds.
type lane struct {
	r       *Receiver
	name    string
	queue   *queue
	pieces  *pieces
	beat    Beat
	left    *message // taken from the queue, not opened yet
	pace    pace
	unacked atomic.Int64        // batches not yet acked to the broker
	share   *semaphore.Weighted // of the room, so that some is always left for others

	mu    sync.Mutex
	held  []*work
	bytes int // of held
	since time.Time
}

func newLane(r *Receiver, name string) *lane {
	return &lane{r: r, name: name, queue: newQueue(&r.queued), share: semaphore.NewWeighted(r.share), pieces: r.pieces}
}

// run takes messages apart until ctx ends: decode, check, transform.
func (l *lane) run(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if l.holding() {
			again = time.After(holdRetry)
		}
		if l.left == nil {
			select {
			case <-ctx.Done():
				return nil
			case <-l.queue.kick:
			case <-again:
			}
		}
		for ctx.Err() == nil {
			x := l.gather(ctx)
			if len(x.works) == 0 {
				break
			}
			l.hand(ctx, x)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// hand gives a load to the rounds, one turn at a time: however large it is, others get their turns in between. Messages
// that arrive while it waits for its first turn join it if they fit.
func (l *lane) hand(ctx context.Context, x *load) {
	for t := (turn{load: x}); ; {
		t.to = min(t.from+l.pace.rows(), len(x.changes))
		var more <-chan struct{}
		if t.from == 0 && !x.full() && l.left == nil {
			more = l.queue.kick
		}
		select {
		case l.r.ready <- t:
			if t.last() {
				return
			}
			t.from = t.to
		case <-more:
			l.fill(ctx, x)
		case <-ctx.Done():
			return
		}
	}
}

// gather makes a load of waiting messages: first of held ones that are due.
func (l *lane) gather(ctx context.Context) *load {
	x := &load{lane: l}
	for _, w := range l.due() {
		l.prepare(ctx, x, w)
	}
	l.fill(ctx, x)
	return x
}

// fill adds queued messages to a load until it is full or there is no room to unpack more.
func (l *lane) fill(ctx context.Context, x *load) {
	for !x.full() {
		m := l.left
		l.left = nil
		if m == nil {
			next, ok := l.queue.next()
			if !ok {
				break
			}
			m = &next
		}
		l.beat.Begin(l.r.Now())
		w, wait := l.open(ctx, *m, len(x.works) > 0)
		if wait {
			break
		}
		if w != nil {
			l.prepare(ctx, x, w)
		}
		l.beat.End()
	}
	l.beat.End()
}

// open decodes a message. It returns nil if there is nothing to apply: the message is already answered, or is a piece
// of an incomplete batch. wait means that there is no room to unpack it besides what the load has.
func (l *lane) open(ctx context.Context, m message, more bool) (w *work, wait bool) {
	err := l.r.guard("open", m.sender, func() {
		if m.topic.Kind == wire.BatchTo {
			w, wait = l.openBatch(ctx, m, more)
		} else {
			w, wait = l.openChange(ctx, m, more)
		}
	})
	if err != nil {
		m.ack()
		return nil, false
	}
	return w, wait
}

// take reserves room to unpack a message; ok is false if there is none besides what the load has, or the node is
// stopping.
func (l *lane) take(ctx context.Context, m message, size int64, more bool) (ok, wait bool) {
	if more {
		if !l.share.TryAcquire(size) {
			l.left = &m
			return false, true
		}
		if !l.r.room.TryAcquire(size) {
			l.share.Release(size)
			l.left = &m
			return false, true
		}
		return true, false
	}
	return l.share.Acquire(ctx, size) == nil && l.r.room.Acquire(ctx, size) == nil, false
}

// give releases room.
func (l *lane) give(size int64) {
	l.r.room.Release(size)
	l.share.Release(size)
}

func (l *lane) openChange(ctx context.Context, m message, more bool) (w *work, wait bool) {
	size := min(2*int64(len(m.payload)), l.r.share) // the message and its content
	if ok, wait := l.take(ctx, m, size, more); !ok {
		return nil, wait
	}
	defer func() {
		if w == nil {
			l.give(size)
		}
	}()
	c, err := wire.ParseChange(m.payload)
	if err == nil && c.Sender != m.sender {
		err = errNoSender
	}
	if err != nil {
		l.refuse(m, c, err)
		return nil, false
	}
	l.r.Counters.Came(c.Sender, time.Time{})
	w = &work{message: m, change: &c, packed: m.size(), bytes: size}
	w.payload = nil
	return w, false
}

// refuse answers a change that is not applied. Promises 8 and 9.
func (l *lane) refuse(m message, c wire.Change, err error) {
	l.r.Refused.Broken("change refused", m.sender, zap.String("table", wire.Shorten(c.Table, 64)), zap.Error(err))
	if c.Sender == m.sender && c.Table != "" && c.ID != "" {
		l.r.Answers.Answer(c, Told(err))
	}
	m.ack()
}

func (l *lane) openBatch(ctx context.Context, m message, more bool) (w *work, wait bool) {
	broken := func(err error) {
		l.r.Refused.Broken("batch refused", m.sender, zap.Error(err))
		m.ack()
	}
	if m.whole == nil {
		payload, ok := l.r.Clients.Unseal(m.topic, m.payload)
		if !ok {
			m.ack()
			return nil, false
		}
		p, err := wire.ParsePiece(payload)
		if err != nil {
			broken(err)
			return nil, false
		}
		if p.Of > 1 {
			// A broker limits unacknowledged messages; the batch has an ack of its own.
			m.ack()
			m.ack = func() {}
		}
		if m.whole = l.pieces.add(m.sender, p); m.whole == nil {
			return nil, false
		}
	}
	size := min(int64(l.r.Codec.Unpacked(m.whole)), l.r.share)
	if ok, wait := l.take(ctx, m, size, more); !ok {
		return nil, wait
	}
	defer func() {
		if w == nil {
			l.give(size)
		}
	}()
	b, err := l.r.Codec.Unpack(m.whole)
	m.whole, m.payload = nil, nil
	if err != nil {
		broken(err)
		return nil, false
	}
	l.r.Clients.Met(m.sender)
	l.r.Counters.Came(m.sender, time.UnixMilli(b.Sent))
	return &work{message: m, batch: b, bytes: size}, false
}

// prepare checks and transforms the changes of a message and adds them to a load.
func (l *lane) prepare(ctx context.Context, x *load, w *work) {
	w.first, w.count, w.index, w.rejects, w.reasons, w.held, w.stuck = len(x.changes), 0, nil, nil, nil, nil, false
	x.works = append(x.works, w)
	rows, bytes, begun := x.rows, x.bytes, time.Now()
	err := l.r.guard("prepare", w.sender, func() { l.changes(ctx, x, w) })
	x.took += time.Since(begun)
	if err == nil {
		return
	}
	x.changes, x.rows, x.bytes = x.changes[:w.first], rows, bytes
	w.refuse(err)
	x.rows += w.rows()
}

// rows returns how many changes a message has.
func (w *work) rows() int {
	if w.batch != nil {
		return len(w.batch.Changes)
	}
	return 1
}

// table returns the table of a message's change.
func (w *work) table(i int) string {
	if w.batch != nil {
		return w.batch.Changes[i].Table
	}
	return w.change.Table
}

// refuse rejects all changes of a message.
func (w *work) refuse(err error) {
	w.count, w.index, w.rejects, w.reasons = 0, nil, nil, nil
	for i := range w.rows() {
		w.reject(wire.Reject{Index: i}, err)
	}
}

// reject refuses a change of a message. The sender is told only what it may know.
func (w *work) reject(r wire.Reject, err error) { w.rejectAs(r, err, Told(err)) }

func (w *work) rejectAs(r wire.Reject, err error, told string) {
	r.Message = told
	w.rejects, w.reasons = append(w.rejects, r), append(w.reasons, err.Error())
}

func (l *lane) changes(ctx context.Context, x *load, w *work) {
	d := l.r.decoder
	if w.change != nil {
		in, err := d.dated(ctx, *w.change, w.kept)
		x.add(w, 0, in, err)
		return
	}
	all := w.batch.Changes
	x.changes = slices.Grow(x.changes, len(all))
	w.index = make([]int, 0, len(all))
	limited, cancel := context.WithTimeout(ctx, prepareTime)
	defer cancel()
	list := make([]decoded, len(all))
	for i := range all {
		list[i].in = apply.Incoming{Change: all[i], From: w.sender}
		if i > 0 && sameSection(&all[i], &all[i-1]) {
			list[i].table, list[i].err = list[i-1].table, list[i-1].err
		} else {
			list[i].table, list[i].err = d.receivable(ctx, w.sender, all[i].Table, all[i].Columns, nil)
		}
	}
	d.versioned(limited, list)
	for i := range list {
		if limited.Err() != nil && errors.Is(list[i].err, context.DeadlineExceeded) {
			w.reject(wire.Reject{Index: i, Retry: true}, errLong)
			continue
		}
		x.add(w, i, list[i].in, list[i].err)
	}
}

// sameSection reports whether two consecutive changes came in one section of a batch, and so share their columns.
func sameSection(a, b *change.Change) bool {
	return a.Table == b.Table && len(a.Columns) == len(b.Columns) && (len(a.Columns) == 0 || &a.Columns[0] == &b.Columns[0])
}

func (x *load) add(w *work, i int, in apply.Incoming, err error) {
	x.rows++
	switch {
	case errors.Is(err, transform.ErrDropped): // not for this node: nothing to do but ack
	case err != nil:
		w.reject(wire.Reject{Index: i, Retry: mysqldb.Transient(err) || transform.Transient(err) || errors.Is(err, errRoom) || errors.Is(err, ErrLater)}, err)
	default:
		x.changes = append(x.changes, in)
		x.bytes += in.Size()
		w.index = append(w.index, i)
		w.count++
	}
}

// holding reports whether something is held.
func (l *lane) holding() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held) > 0
}

// due takes held changes that are due for a retry.
func (l *lane) due() []*work {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) == 0 || l.r.Now().Sub(l.since).Abs() < holdRetry {
		return nil
	}
	list := l.held
	l.r.held.add(-len(list), -l.bytes)
	l.held, l.bytes = nil, 0
	return list
}

// hold holds a version 1 change for a later retry, and reports whether it did. The rounds call it.
func (l *lane) hold(w *work) bool {
	if len(w.rejects) == 0 || !w.rejects[0].Retry {
		return false
	}
	now := l.r.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if rows, bytes := l.r.held.most(); len(l.held) >= rows || len(l.held) > 0 && l.bytes+w.packed > bytes {
		return false
	}
	if w.until.IsZero() {
		w.until = now.Add(holdTime)
		// The broker limits unacknowledged messages: the row that this one waits for must not wait behind it.
		w.ack()
		w.ack = func() {}
		l.give(w.bytes) // held has its own bounds
		w.bytes = 0
	}
	if !w.stuck && !now.Before(w.until) {
		return false
	}
	if len(l.held) == 0 {
		l.since = now
	}
	l.held = append(l.held, w)
	l.bytes += w.packed
	l.r.held.add(1, w.packed)
	l.queue.wake()
	return true
}
