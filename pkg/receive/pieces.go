package receive

import (
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of batches that are in pieces. They come one after the other, so that a further one of a sender means that a piece
// was lost. Promise 10.
const (
	partialMost = 2                // of a sender at a time
	sendersMost = 256              // with acceptFrom ["*"] anybody may begin one
	partialTime = 90 * time.Second // without a further piece
)

// pieces puts batches together that came in pieces. All lanes share it: what is never whole takes no more memory the more clients
// send it. It is safe for concurrent use.
type pieces struct {
	now       func() time.Time
	each, all int // the most bytes: of a sender, of all

	mu       sync.Mutex
	bytes    int
	bySender map[string][]*partial
}

// partial is a batch of which pieces are missing.
type partial struct {
	session, seq uint64
	pieces       []wire.Piece
	missing      int
	bytes        int
	last         time.Time // when the last piece came
}

func newPieces(now func() time.Time, each, all int) *pieces {
	return &pieces{now: now, each: each, all: all, bySender: map[string][]*partial{}}
}

// add takes a piece and returns all pieces of its batch once they are there. Where too much is incomplete, what has waited
// longest for a further piece gives way, of its sender or of all: it is sent again. Pieces of ours follow each other.
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

// expire forgets batches of which nothing has come for long.
func (a *pieces) expire() {
	for sender, list := range a.bySender {
		for _, b := range list {
			if a.now().Sub(b.last) > partialTime {
				a.drop(sender, b)
			}
		}
	}
}

// bytesOf is what batches take.
func bytesOf(list []*partial) (n int) {
	for _, b := range list {
		n += b.bytes
	}
	return n
}

// dropOldest forgets that of some batches which has waited longest for a piece.
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
