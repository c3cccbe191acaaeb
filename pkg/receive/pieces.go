package receive

import (
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of batches in pieces. Batches arrive one after another, so a sender that begins another batch has lost a
// piece. Promise 10.
const (
	partialMost = 2                // of one sender at a time
	sendersMost = 256              // with acceptFrom ["*"] anyone may begin one
	partialTime = 90 * time.Second // without a further piece
)

// pieces reassembles batches. All lanes share it, so that incomplete batches take no more memory with more clients. It
// is safe for concurrent use.
type pieces struct {
	now       func() time.Time
	each, all int // byte limits: of one sender, of all

	mu       sync.Mutex
	bytes    int
	bySender map[string][]*partial
}

// partial is a batch with missing pieces.
type partial struct {
	session, seq uint64
	pieces       []wire.Piece
	missing      int
	bytes        int
	last         time.Time // when the last piece arrived
}

func newPieces(now func() time.Time, each, all int) *pieces {
	return &pieces{now: now, each: each, all: all, bySender: map[string][]*partial{}}
}

// add adds a piece, and returns all pieces once the batch is complete. If too much is incomplete, the batch that has
// waited longest for a piece, of this sender or of all, is dropped: it is sent again. Our senders send a batch's pieces
// back to back.
func (a *pieces) add(sender string, p wire.Piece) []wire.Piece {
	if p.Of == 1 {
		return []wire.Piece{p}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expire()
	size := wire.Packed([]wire.Piece{p}) + frame
	b := a.find(sender, p)
	if b == nil {
		list := a.bySender[sender]
		if list == nil && len(a.bySender) >= sendersMost {
			a.dropOldest(a.bySender)
		}
		if len(list) == partialMost {
			a.drop(sender, list[0])
		}
		b = &partial{session: p.Session, seq: p.Seq, pieces: make([]wire.Piece, p.Of), missing: p.Of, bytes: frame * p.Of}
		a.bytes += b.bytes
		a.bySender[sender] = append(a.bySender[sender], b)
	}
	b.last = a.now()
	if b.pieces[p.Index].Of != 0 {
		return nil
	}
	b.pieces[p.Index] = p
	b.missing--
	b.bytes += size
	a.bytes += size
	if b.missing == 0 {
		a.drop(sender, b)
		return b.pieces
	}
	for own := a.bySender[sender]; bytesOf(own) > a.each; own = a.bySender[sender] {
		a.dropOldest(map[string][]*partial{sender: own})
	}
	for a.bytes > a.all {
		a.dropOldest(a.bySender)
	}
	return nil
}

func (a *pieces) find(sender string, p wire.Piece) *partial {
	for _, b := range a.bySender[sender] {
		if b.session == p.Session && b.seq == p.Seq && len(b.pieces) == p.Of {
			return b
		}
	}
	return nil
}

// drop forgets a batch.
func (a *pieces) drop(sender string, b *partial) {
	var rest []*partial
	for _, x := range a.bySender[sender] {
		if x != b {
			rest = append(rest, x)
		}
	}
	a.bytes -= b.bytes
	if a.bySender[sender] = rest; len(rest) == 0 {
		delete(a.bySender, sender)
	}
}

// expire forgets batches that got no piece for a long time.
func (a *pieces) expire() {
	for sender, list := range a.bySender {
		for _, b := range list {
			if a.now().Sub(b.last) > partialTime {
				a.drop(sender, b)
			}
		}
	}
}

// bytesOf returns the size of batches.
func bytesOf(list []*partial) (n int) {
	for _, b := range list {
		n += b.bytes
	}
	return n
}

// dropOldest forgets the batch that has waited longest for a piece.
func (a *pieces) dropOldest(among map[string][]*partial) {
	var oldest *partial
	var of string
	for sender, list := range among {
		for _, b := range list {
			if oldest == nil || b.last.Before(oldest.last) {
				oldest, of = b, sender
			}
		}
	}
	if oldest != nil {
		a.drop(of, oldest)
	}
}
