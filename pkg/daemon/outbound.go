package daemon

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
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
	flying   atomic.Int64  // rows of inFlight, for those who look at the node
	unmet    time.Time     // since when it is there and cannot be sent anything sealed
	told     bool
	probes   map[string]*probe // of tables of which rows wait
	probed   time.Time         // when probes were last looked at
	refusals receive.RowNews   // what was told of refused rows
	kept     map[string]int64  // tables of which rows are kept back, and the position after which they begin
	freed    freed             // rows that wait here and that the remote has by now
	silenced []silenced        // rows of answers that are being booked
	spoken   struct {          // what was written again since a time; see speakAgain
		since time.Time
		rows  int
	}

	unnoted map[string]noting // tables with a transformer whose rows are not all noted yet
}

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
	reach := s.n.mesh.Reach(s.remote)
	online := reach == mesh.Ready
	if reach == mesh.Unmet {
		s.waitForKey()
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
