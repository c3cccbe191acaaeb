package simulation

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// lacking is all rows, for a remote that may lack some: a row of sync_snapshots. Up to next it has acked them.
type lacking struct {
	open bool
	next int
}

// begin gives some nodes rows that nobody has written since versions are kept. All remotes are sent what they lack.
func (w *world) begin() {
	for key := range w.keys {
		if n := w.nodes[w.r.IntN(len(w.nodes))]; key != w.private && w.r.IntN(3) > 0 {
			w.history = append(w.history, write{node: n.id, key: key, begun: true})
			n.db.rows[key] = row{exists: true, write: len(w.history) - 1, values: stored(w.rows[key].Key, len(w.history)-1, nil, nil)}
		}
	}
	for _, n := range w.nodes {
		for i := range n.db.remotes {
			n.db.remotes[i].lacking.open = true
		}
	}
}

// transfer is a link's deliver.Transfer: it reads rows by their keys, one piece at a time.
type transfer struct {
	l     *link
	next  int // to be read
	ended bool
	read  []lacking // what is to be recorded of each piece once it is acked
}

func (l *link) transfer(context.Context, string, map[string]bool) (deliver.Transfer, error) {
	if err := l.n.step(); err != nil {
		return nil, err
	}
	if at := l.box().lacking; at.open {
		return &transfer{l: l, next: at.next}, nil
	}
	return nil, nil
}

func (t *transfer) Look(context.Context) error { return nil }

// Next reads some rows. There is a piece without rows at the end, if it was not known before.
func (t *transfer) Next(_ context.Context, limit int) ([]snapshot.Piece, error) {
	if t.ended {
		return nil, nil
	}
	if err := t.l.n.step(); err != nil {
		return nil, err
	}
	var rows []change.Row
	for ; t.next < t.l.n.w.keys && len(rows) < limit; t.next++ {
		if t.l.n.db.rows[t.next].exists {
			rows = append(rows, t.l.n.row(t.next))
		}
	}
	t.ended = t.next == t.l.n.w.keys
	t.read = append(t.read, lacking{!t.ended, t.next})
	if t.l.n.w.mistake == AckReading {
		t.l.box().lacking = lacking{!t.ended, t.next}
	}
	return []snapshot.Piece{snapshot.PieceOf(rows)}, nil
}

// Cut has all but the first rows of the last piece be read again.
func (t *transfer) Cut(pieces []snapshot.Piece, rows int) []snapshot.Piece {
	all := pieces[0].Rows()
	if rows >= len(all) {
		return pieces
	}
	t.next, t.ended = t.l.n.w.keyOf(all[rows]), false
	t.read = t.read[:len(t.read)-1]
	if rows == 0 {
		return nil
	}
	t.read = append(t.read, lacking{true, t.next})
	return []snapshot.Piece{snapshot.PieceOf(all[:rows])}
}

func (t *transfer) Apart() (string, map[string]bool) { return "", nil }

// Acked records how far the remote has the rows.
func (t *transfer) Acked(_ context.Context, pieces []snapshot.Piece) error {
	at := t.read[len(pieces)-1]
	t.read = t.read[len(pieces):]
	return remembers{t.l}.write(func(b *box) { b.lacking = at })
}
