package receive

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// many returns a Receiver that accepts rows from 30 clients, an attacker and their friends, and from node-b.
func many(t *testing.T) (*Receiver, []string) {
	t.Helper()
	var bad []string
	for i := range 30 {
		bad = append(bad, fmt.Sprintf("bad-%d", i))
	}
	codec, err := wire.NewCodec(6<<20 + wire.BatchRoom)
	if err != nil {
		t.Fatal(err)
	}
	named := append([]string{"node-b"}, bad...)
	s := &stand{}
	return New(Config{
		Log: zap.NewNop(), Gate: &Gate{Self: "node-a", Sends: is(), Accepts: is(named...), MaxRow: 6 << 20}, Named: named, Codec: codec,
		Refused: mesh.NewRefusals(zap.NewNop(), &config.Config{ClientName: "node-a"}, time.Now), Clients: s, Answers: s, Counters: s, Meter: s, Now: time.Now,
	}), bad
}

// most is how many bytes of one kind may wait, however many clients send.
const most = 40 << 20

// TestQueuesOfManyClientsAreBounded, however large the first message of each is.
func TestQueuesOfManyClientsAreBounded(t *testing.T) {
	t.Parallel()
	r, bad := many(t)
	change := func(sender string, text string) bool {
		return deliver(r, wire.Topic{Kind: wire.ChangeTo, Client: "node-a"}, fmt.Sprintf(`{"sender":%q,"table":%q}`, sender, text))
	}
	large, small := long(5<<20), long(100<<10)
	for _, c := range bad {
		change(c, large)
	}
	for _, c := range bad {
		for range 10_000 {
			if !change(c, small) {
				break
			}
		}
	}
	if n := r.queued.bytes.Load(); n > most {
		t.Errorf("%d MiB wait", n>>20)
	}
	if !deliver(r, wire.Topic{Kind: wire.BatchTo, Client: "node-a", Sender: "node-b"}, long(wire.MessageBytes)) {
		t.Error("another client has no room")
	}
}

// TestPiecesOfManyClientsAreBounded, and a batch whose pieces all arrive is still completed.
func TestPiecesOfManyClientsAreBounded(t *testing.T) {
	t.Parallel()
	r, bad := many(t)
	pieces := func(of, size int) (list []wire.Piece) {
		for _, m := range wire.Messages(1, 1, make([]byte, of*size), size+100) {
			p, err := wire.ParsePiece(m)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, p)
		}
		return list
	}
	never, good := pieces(40, 256<<10), pieces(40, 100<<10)
	add := func(sender string, p wire.Piece) []wire.Piece { return r.lane(sender).pieces.add(sender, p) }
	for i := range 20 {
		for _, c := range bad {
			add(c, never[i])
		}
	}
	if n := r.pieces.bytes; n > most {
		t.Errorf("%d MiB wait", n>>20)
	}
	var whole []wire.Piece
	for i := range good {
		add(bad[i%30], never[20+i%15])
		if whole = add("node-b", good[i]); whole != nil {
			break
		}
	}
	if whole == nil {
		t.Error("another client's batch is never complete")
	}
}

// TestHeldChangesOfManyClientsAreBounded: changes of version 1 that wait for their parents.
func TestHeldChangesOfManyClientsAreBounded(t *testing.T) {
	t.Parallel()
	r, bad := many(t)
	hold := func(sender string, size int) bool {
		w := &work{message: message{sender: sender, ack: func() {}}, change: &wire.Change{}, packed: size + frame}
		w.reject(wire.Reject{Retry: true}, errors.New("its parent has not come"))
		return r.lane(sender).hold(w)
	}
	rows, bytes := 0, 0
	for _, size := range []int{60 << 10, 100} {
		for _, c := range bad {
			for range 2000 {
				if !hold(c, size) {
					break
				}
				rows, bytes = rows+1, bytes+size+frame
			}
		}
	}
	if bytes > most/4 || rows > 3000 {
		t.Errorf("%d rows of %d MiB are held", rows, bytes>>20)
	}
	if !hold("node-b", 50<<10) {
		t.Error("nothing is held for another client")
	}
	for _, c := range append(bad, "node-b") {
		l := r.lane(c)
		l.since = time.Time{}
		l.due()
	}
	if n := r.held.bytes.Load() + r.held.rows.Load(); n != 0 {
		t.Errorf("nothing is held, but %d are counted", n)
	}
}
