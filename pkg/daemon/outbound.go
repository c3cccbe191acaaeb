package daemon

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of what is on its way to one remote.
const (
	batchRows     = 500
	batchWindow   = 4       // batches without an ack
	batchBytes    = 8 << 20 // of them, packed, beyond which no other follows: a receiver keeps a bounded number of bytes of each sender
	singleWindow  = 500     // changes of version 1 without an ack
	readBytes     = 4 << 20 // of rows read at a time
	answerTime    = 20 * time.Second
	longestAnswer = 5 * time.Minute
	doubtAfter    = 3 // batches without an answer, until a kept announcement is doubted
)

// answer is what a remote said of what it was sent.
type answer struct {
	info  wire.Info // version 1
	batch *wire.Ack // extension
	size  int       // bytes of the message
}

// answersMost is how many bytes of answers wait to be booked; each takes a few times that.
const answersMost = 2 << 20

// sender moves rows to one remote: read, transform, publish, and book the answers.
// All of its state but what mu guards belongs to run.
type sender struct {
	beat receive.Beat

	n      *Node
	remote string
	log    *zap.Logger
	kick   chan struct{}

	mu       sync.Mutex
	answers  []answer
	unbooked int      // bytes of answers
	anew     bool     // the remote has connected: what is on its way may not have reached it
	again    bool     // a table's definition has changed: what was refused may be taken now
	marked   bool     // rows were marked for the remote
	readable []string // tables that may be read again

	begun    int64              // the stream's end when this run began
	road     road               // where it is in the stream
	marks    marks              // where it is in the rows marked for the remote
	tables   tables             // where it is in the tables that it sends as a whole
	turn     int                // whether marked rows come next
	inFlight map[change.Row]int // flights of each row
	batches  map[uint64]*flight // by sequence number
	singles  map[single]*flight
	refused  int // of singles: they do not count for the window
	seq      uint64
	date     int64         // of the last change of version 1; never goes back
	patience time.Duration // until an answer is given up; grows while none comes
	silent   int           // batches in a row that were given up
	mute     atomic.Int64  // since when they are too many (µs since 1970); 0: they are not
	online   bool          // as last seen
	meeting  meeting
	flying   atomic.Int64 // rows of inFlight, for those who look at the node
	unmet    time.Time    // since when it is there and cannot be sent anything sealed
	told     bool
	probes   map[string]*probe // of tables of which rows wait
	probed   time.Time         // when probes were last looked at
	refusals receive.RowNews   // what was told of refused rows
	kept     map[string]int64  // tables of which rows are kept back, and the position after which they begin
	freed    freed             // rows that wait here and that the remote has by now
	silenced []silenced        // rows of answers that are being booked

	unnoted map[string]noting // tables with a transformer whose rows are not all noted yet
}

// flight is what was sent and not answered.
type flight struct {
	sent     []outbox.Sent
	bytes    int      // of a batch, packed
	stretch  *stretch // of the stream, from which all of it was read; nil: marked rows
	date     int64    // version 1
	deadline time.Time
	refused  bool // version 1: an error came; an existing peer may send data_received after it
}

// single names a change of version 1 as its answer does.
type single struct{ table, id string }

func newSender(n *Node, remote string) *sender {
	return &sender{
		n: n, remote: remote, log: n.log.Named("outbound").With(zap.String("remote", remote)), kick: make(chan struct{}, 1),
		marks: marks{due: true, any: true}, inFlight: map[change.Row]int{}, batches: map[uint64]*flight{}, singles: map[single]*flight{}, patience: answerTime,
		probes: map[string]*probe{},
	}
}

// wake makes run look for work. It never blocks.
func (s *sender) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// answered queues an answer. What is queued is bounded by what was sent: answers
// to nothing are dropped.
func (s *sender) answered(a answer) {
	s.mu.Lock()
	if len(s.answers) < 4*singleWindow && s.unbooked < answersMost {
		s.answers = append(s.answers, a)
		s.unbooked += a.size
	}
	s.mu.Unlock()
	s.wake()
}

// connected says that the remote has connected to the broker. What was published
// before it had subscribed is sent again at once: nobody will answer it.
func (s *sender) connected() {
	s.mu.Lock()
	s.anew = true
	s.mu.Unlock()
	s.wake()
}

// retry has the rows that were refused tried again at once.
func (s *sender) retry() {
	s.mu.Lock()
	s.again = true
	s.mu.Unlock()
	s.wake()
}

// read says that a table may be read again, of which rows may wait for that.
func (s *sender) read(table string) {
	s.mu.Lock()
	s.readable = append(s.readable, table)
	s.mu.Unlock()
	s.wake()
}

// mark says that rows were marked for the remote.
func (s *sender) mark() {
	s.mu.Lock()
	s.marked = true
	s.mu.Unlock()
	s.wake()
}

// run sends until ctx ends. Errors of the database are logged and tried again:
// what is not booked is still due. Promise 1.
func (s *sender) run(ctx context.Context) error {
	pause := time.Second
	for ctx.Err() == nil {
		s.beat.Begin(s.n.now())
		err := s.step(ctx)
		s.beat.End()
		if err != nil && ctx.Err() == nil {
			s.log.Warn("rows could not be sent; trying again", zap.Duration("next", pause), zap.Error(err))
			s.drop()
		}
		wait := time.Second
		if err != nil {
			wait, pause = pause, min(2*pause, 15*time.Second)
		} else {
			pause = time.Second
		}
		select {
		case <-ctx.Done():
		case <-s.kick:
		case <-time.After(wait):
		}
	}
	return nil
}

// step books what was answered and sends what there is room for.
func (s *sender) step(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.book(ctx); err != nil {
		return err
	}
	if !s.reachable() {
		s.drop()
		return s.show(ctx)
	}
	s.mu.Lock()
	anew, again, marked, readable := s.anew, s.again, s.marked, s.readable
	s.anew, s.again, s.marked, s.readable = false, false, false, nil
	s.mu.Unlock()
	if anew {
		s.drop()
	}
	if marked {
		s.marks.found()
		s.tables.looked = time.Time{}
	}
	if err := s.expire(ctx); err != nil {
		return err
	}
	for _, table := range readable {
		if p := s.probes[table]; p != nil {
			p.hopeful(s.n.now())
		}
		s.tables.looked = time.Time{}
	}
	if err := s.makeReady(ctx, again); err != nil {
		return err
	}
	if err := s.giveBack(ctx); err != nil {
		return err
	}
	for more := true; more && s.room() > 0; {
		var err error
		if more, err = s.sendNext(ctx); err != nil {
			return err
		}
	}
	return s.show(ctx)
}

// makeReady has some of the rows that wait tried again where it is time to, or where
// something has changed that they may have waited for.
func (s *sender) makeReady(ctx context.Context, hopeful bool) error {
	now := s.n.now()
	if s.clockSetBack(now) {
		if err := s.recallProbes(ctx, now); err != nil {
			return err
		}
	} else if hopeful {
		for _, p := range s.probes {
			p.hopeful(now)
		}
	}
	s.probed = now
	if err := s.tryFreed(ctx); err != nil {
		return err
	}
	tables, err := s.probesInTurn(ctx, now)
	if err != nil {
		return err
	}
	for _, table := range tables {
		p := s.probes[table]
		rows, all := p.next(now)
		due := now
		if all {
			due = time.UnixMilli(math.MaxInt64)
		}
		found, err := s.n.outbox.Retry(ctx, s.remote, table, due, rows)
		if err != nil {
			return err
		}
		next, more, err := s.n.outbox.NextRetry(ctx, s.remote, table)
		if err != nil {
			return err
		}
		if p.tried(found, next, more, now); found > 0 {
			s.marks.found()
		}
	}
	return s.lookForMarks(ctx, now)
}

// probesInTurn returns the tables of which rows are to be tried now, parents first.
func (s *sender) probesInTurn(ctx context.Context, now time.Time) ([]string, error) {
	var tables []string
	due := 0
	for table, p := range s.probes {
		rows, _ := p.next(now)
		if s.n.peers.declines(s.remote, table) || rows == 0 && !p.busy(now) {
			continue
		}
		if tables = append(tables, table); rows > 0 {
			due++
		}
	}
	if due == 0 || len(tables) == 1 {
		return tables[:due], nil
	}
	slices.Sort(tables)
	groups, err := s.n.tables.ParentsFirst(ctx, tables)
	if err != nil {
		return nil, err
	}
	parents := func(table string) (names []string) {
		if t, err := s.n.tables.Table(ctx, table); err == nil { // of one that is not there nothing is known
			for _, f := range t.ForeignKeys {
				names = append(names, f.RefTable)
			}
		}
		return names
	}
	return inTurn(groups, parents, s.probes, now), nil
}

// lookForMarks finds out, seldom, whether there are still marks.
func (s *sender) lookForMarks(ctx context.Context, now time.Time) (err error) {
	if !s.marks.any || s.marks.due || now.Sub(s.marks.asked).Abs() < marksLook {
		return nil
	}
	s.marks.asked = now
	s.marks.any, err = s.n.outbox.Holds(ctx, s.remote)
	return err
}

// recallProbes begins with the rows that wait by the own tables. None is due later than
// it would be by the clock as it is now.
func (s *sender) recallProbes(ctx context.Context, now time.Time) error {
	tables, err := s.n.outbox.WaitingTables(ctx, s.remote)
	if err != nil {
		return err
	}
	s.probes = map[string]*probe{}
	for _, t := range tables {
		if err := s.n.outbox.RetryBy(ctx, s.remote, t, now.Add(lateLongest)); err != nil {
			return err
		}
		s.probes[t] = &probe{}
		s.probes[t].hopeful(now)
	}
	return nil
}

// probe returns the probe of a table.
func (s *sender) probe(table string) *probe {
	p := s.probes[table]
	if p == nil {
		p = &probe{}
		s.probes[table] = p
	}
	return p
}

// clockSetBack reports whether the time at which waiting rows are due may lie too
// far ahead: the clock was set back since the last look, or nobody knows whether
// it was, because there was none.
func (s *sender) clockSetBack(now time.Time) bool {
	if s.probed.IsZero() {
		return true
	}
	// Round strips the reading of the clock that nobody sets.
	return now.Round(0).Sub(s.probed.Round(0)) < now.Sub(s.probed)-time.Second
}

// reachable reports whether the remote is online and so are we, and it is known what it speaks.
func (s *sender) reachable() bool {
	online := s.n.transport.Online() && s.n.presence.Online(s.remote)
	if !online {
		s.meeting.left()
	} else if s.meeting.waits(s.n.now(), s.n.peers.announced(s.remote) || s.n.peers.isVersion1(s.remote)) {
		online = false
	}
	if online && !s.n.mayReach(s.remote) {
		s.waitForKey()
		online = false
	} else if online {
		s.unmet, s.told = time.Time{}, false
	}
	if online != s.online {
		s.online = online
		s.heard()
	}
	return online
}

// heard says that the remote has answered, or that nobody can say whether it would.
func (s *sender) heard() {
	s.patience, s.silent = answerTime, 0
	s.mute.Store(0)
}

// keyTime is how long the announcement of a remote that is online may take to come.
const keyTime = 10 * time.Second

// waitForKey tells, once, that nothing is sent to a remote that is there because
// it must be sent sealed messages and cannot be.
func (s *sender) waitForKey() {
	now := s.n.now()
	if s.unmet.IsZero() {
		s.unmet = now
	}
	if !s.told && now.Sub(s.unmet) > keyTime {
		s.told = true
		s.log.Warn("nothing is sent to the remote: encryption.required has it, and it has not announced itself with a key that this node has")
	}
}

// drop forgets what is on its way; it is still due and will be read anew.
func (s *sender) drop() {
	clear(s.inFlight)
	clear(s.batches)
	clear(s.singles)
	s.refused = 0
	s.flying.Store(0)
	s.road.back()
	s.marks.found()
	s.tables = tables{apart: s.tables.apart, told: s.tables.told}
}

// expire gives up what was not answered in time. It is marked, to be sent again:
// a remote that never answers for some rows does not hold up the others.
func (s *sender) expire(ctx context.Context) error {
	now := s.n.now()
	var gone []*flight
	for _, seq := range slices.Sorted(maps.Keys(s.batches)) { // they are sent again in the order in which they were
		if f := s.batches[seq]; now.After(f.deadline) {
			gone = append(gone, f)
			delete(s.batches, seq)
			s.land(f)
		}
	}
	batches := len(gone)
	for k, f := range s.singles {
		if f.refused && (now.After(f.deadline) || s.refused > 2*singleWindow) {
			s.landSingle(k, f)
		} else if now.After(f.deadline) {
			gone = append(gone, f)
			s.landSingle(k, f)
		}
	}
	slices.SortStableFunc(gone[batches:], func(a, b *flight) int { return cmp.Compare(a.sent[0].Position, b.sent[0].Position) })
	if len(gone) == 0 {
		return nil
	}
	s.n.traffic.link(s.remote).unanswered.Add(int64(len(gone)))
	s.log.Warn("no answer came; sending again", zap.Int("messages", len(gone)), zap.Duration("after", s.patience))
	s.patience = min(2*s.patience, longestAnswer)
	s.silent += batches
	if s.silent >= doubtAfter && !s.n.sealing.ring.Required(s.remote) && s.n.peers.doubt(s.remote) {
		s.log.Warn("the remote does not answer batches; speaking version 1 to it until it announces itself")
		s.silent, s.patience = 0, answerTime
	} else if s.silent >= doubtAfter && s.n.peers.isNode(s.remote) && s.mute.CompareAndSwap(0, now.UnixMicro()) {
		s.log.Warn("the remote answers no batch, though it was met as a node; version 1 is not spoken to it unless version1Clients has it")
	}
	for _, f := range gone {
		if err := s.later(ctx, f.sent, f.stretch); err != nil {
			return err
		}
	}
	return nil
}

// later marks rows that are to be sent once more, so that their stretch is free of
// them.
func (s *sender) later(ctx context.Context, sent []outbox.Sent, from *stretch) error {
	if from != nil {
		if err := s.n.outbox.Later(ctx, s.remote, sent); err != nil {
			return err
		}
		from.close(len(sent))
	}
	s.marks.found()
	return nil
}

// land takes a flight's rows out of the air.
func (s *sender) land(f *flight) {
	s.flying.Add(-int64(len(f.sent)))
	for _, x := range f.sent {
		if n := s.inFlight[x.Identity()]; n > 1 {
			s.inFlight[x.Identity()] = n - 1
		} else {
			delete(s.inFlight, x.Identity())
		}
	}
}

func (s *sender) landSingle(k single, f *flight) {
	delete(s.singles, k)
	if f.refused {
		s.refused-- // its rows landed when it was refused
		return
	}
	s.land(f)
}

// room returns how many rows may be sent now. It waits for some room before it
// offers any: rows are read in batches.
func (s *sender) room() int {
	if s.n.peers.speaksBatches(s.remote) {
		bytes := 0
		for _, f := range s.batches {
			bytes += f.bytes
		}
		if len(s.batches) < batchWindow && bytes < batchBytes {
			return batchRows
		}
		return 0
	}
	if free := singleWindow - len(s.singles) + s.refused; free >= singleWindow/4 {
		return min(free, batchRows)
	}
	return 0
}

// sendNext sends some rows of the stream, of those marked for the remote, or of
// tables that are sent as a whole: in turns, so that none waits for the end of
// another. It returns false if there are none.
func (s *sender) sendNext(ctx context.Context) (bool, error) {
	for range 3 {
		var items []outbox.Item
		var from *stretch
		var err error
		switch s.turn++; s.turn % 3 {
		case 0:
			var l *load
			if l, err = s.nextLoad(ctx); l != nil {
				return true, s.sendLoad(ctx, l)
			}
			if err == nil {
				items, from, err = s.nextStreamed(ctx)
			}
		case 1:
			items, err = s.nextMarked(ctx)
		case 2:
			items, from, err = s.nextOfTables(ctx)
		}
		if err != nil {
			return false, err
		}
		if len(items) > 0 {
			return true, s.send(ctx, items, from)
		}
	}
	return false, nil
}
