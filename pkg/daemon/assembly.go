package daemon

import "github.com/mysql-sync/mysql-sync/pkg/wire"

// assemblyMost is how many batches of a sender may be in pieces at a time. They
// come one after the other, so that a further one means that a piece was lost.
const assemblyMost = 2

// sendersMost is of how many senders batches are put together at a time. With
// acceptFrom ["*"] anybody may begin one. Promise 10.
const sendersMost = 256

// assembly puts batches that came in pieces together.
type assembly struct {
	bySender map[string][]*partial
}

type partial struct {
	session, seq uint64
	pieces       []wire.Piece
	missing      int
}

func newAssembly() *assembly { return &assembly{bySender: map[string][]*partial{}} }

// add takes a piece and returns all pieces of its batch once they are there.
func (a *assembly) add(sender string, p wire.Piece) []wire.Piece {
	if p.Of == 1 {
		return []wire.Piece{p}
	}
	list := a.bySender[sender]
	if list == nil && len(a.bySender) >= sendersMost {
		return nil // it is sent again
	}
	at := -1
	for i, b := range list {
		if b.session == p.Session && b.seq == p.Seq && len(b.pieces) == p.Of {
			at = i
		}
	}
	if at < 0 {
		if len(list) == assemblyMost {
			list = list[1:]
		}
		list = append(list, &partial{session: p.Session, seq: p.Seq, pieces: make([]wire.Piece, p.Of), missing: p.Of})
		at = len(list) - 1
	}
	b := list[at]
	if b.pieces[p.Index].Of == 0 {
		b.pieces[p.Index] = p
		b.missing--
	}
	if b.missing > 0 {
		a.bySender[sender] = list
		return nil
	}
	if a.bySender[sender] = append(list[:at:at], list[at+1:]...); len(a.bySender[sender]) == 0 {
		delete(a.bySender, sender)
	}
	return b.pieces
}
