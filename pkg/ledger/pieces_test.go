package ledger_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// inPieces returns how many rows are stored in pieces. Each must have its own, and no piece may be left over.
func inPieces(t *testing.T, file string) (rows int) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const numbers = `SELECT data FROM (SELECT data FROM outbox UNION ALL SELECT data FROM refused UNION ALL SELECT data FROM inbox) WHERE typeof(data) = 'integer'`
	var different, stored, left int
	if err := db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM (`+numbers+`)), (SELECT count(DISTINCT data) FROM (`+numbers+`)),
		(SELECT count(DISTINCT id >> 16) FROM pieces), (SELECT count(*) FROM pieces WHERE id >> 16 NOT IN (`+numbers+`))`).Scan(&rows, &different, &stored, &left); err != nil {
		t.Fatal(err)
	}
	if rows != different || rows != stored || left != 0 {
		t.Errorf("%d rows refer to %d sets of pieces; %d are stored, and %d pieces are left over", rows, different, stored, left)
	}
	return rows
}

// largeRow is a row of more than two pieces.
var largeRow = bytes.Repeat([]byte("0123456789"), 60_000)

func fillLarge(t *testing.T, l *ledger.Ledger, g *ledger.Leg, key string, version byte) {
	t.Helper()
	e := ledger.Entry{Key: key, Hash: ledger.Hash{version}, Data: append(bytes.Clone(largeRow), version)}
	if err := l.Fill(t.Context(), &ledger.Fill{Parts: []ledger.Part{{Leg: g, Entries: []ledger.Entry{e}}}}); err != nil {
		t.Fatal(err)
	}
}

// next takes the next operation, whose data must be those of a version.
func next(t *testing.T, g *ledger.Leg, version byte) *ledger.Batch {
	t.Helper()
	b := must(g.Next(t.Context(), 1, 1))(t)
	if b == nil {
		t.Fatal("nothing waits")
	}
	o := &b.Operations[0]
	if o.Data != nil || o.Size != len(largeRow)+1 {
		t.Errorf("%d bytes of %d are loaded", len(o.Data), o.Size)
	}
	if err := g.Load(t.Context(), b.Operations); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(o.Data, append(bytes.Clone(largeRow), version)) {
		t.Errorf("the data are others: %d bytes, ending in %q", len(o.Data), o.Data[max(0, len(o.Data)-1):])
	}
	return b
}

// Whatever becomes of a row in the outbox, its pieces go with it, and are deleted with it.
func TestPiecesOfTheOutbox(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	l := must(ledger.Open(t.Context(), file, ledger.Config{}))(t)
	g := leg(t, l)
	has := func(what string, want int) {
		t.Helper()
		if n := inPieces(t, file); n != want {
			t.Errorf("%s: %d rows are in pieces, want %d", what, n, want)
		}
	}
	book := func(b *ledger.Batch, a ledger.Answer) {
		t.Helper()
		if err := g.Book(t.Context(), b, []ledger.Answer{a}); err != nil {
			t.Fatal(err)
		}
	}
	fillLarge(t, l, g, "a", 1)
	fillLarge(t, l, g, "a", 2) // replaces a state that waits
	has("replaced", 1)
	b := next(t, g, 2)
	fillLarge(t, l, g, "a", 3)
	has("one in flight, a newer one waits", 2)
	book(b, ledger.Answer{Later: true}) // the newer one takes its place
	has("the older one is not sent", 1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, file) // with other pieces: each has the size that it was stored with
	g = leg(t, l)
	book(next(t, g, 3), ledger.Answer{Refused: "no"})
	has("refused", 1)
	refused := must(l.RefusedOf(t.Context(), "orders", 0, 10))(t)
	if len(refused) != 1 || refused[0].Data != nil || refused[0].Delete {
		t.Errorf("refused are %d, with data %.20q", len(refused), refused[0].Data)
	}
	if err := g.Retry(t.Context(), refused[0].ID); err != nil {
		t.Fatal(err)
	}
	has("retried", 1)
	book(next(t, g, 3), ledger.Answer{Refused: "no"})
	fillLarge(t, l, g, "a", 4) // the refused one is forgotten
	has("a newer one than the refused one", 1)
	book(next(t, g, 4), ledger.Answer{Refused: "no"})
	refused = must(l.RefusedOf(t.Context(), "orders", 0, 10))(t)
	if err := g.Dismiss(t.Context(), refused[0].ID); err != nil {
		t.Fatal(err)
	}
	has("dismissed", 0)
	fillLarge(t, l, g, "a", 5)
	book(next(t, g, 5), ledger.Answer{})
	has("accepted", 0)
	fillLarge(t, l, g, "a", 6)
	fillLarge(t, l, g, "b", 7)
	book(next(t, g, 6), ledger.Answer{Refused: "no"})
	has("one refused, one waits", 2)
	if err := l.Forget(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	has("the job is forgotten", 0)
}

// The same holds for rows of an inbox.
func TestPiecesOfAnInbox(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	l := open(t, file)
	b := must(l.Inbox(t.Context(), "mesh", "prices"))(t)
	has := func(want int) {
		t.Helper()
		if n := inPieces(t, file); n != want {
			t.Errorf("%d rows are in pieces, want %d", n, want)
		}
	}
	large := strings.Repeat("x", 1000)
	push(t, l, b, "a="+large+"1", "b=small", "c="+large+"3")
	has(2)
	known := func(key, data string) {
		t.Helper()
		if err := l.Deliver(t.Context(), ledger.Delivery{Inbox: b, Keys: []string{key}, Decide: func(known []ledger.Pushed) ([]ledger.Pushed, error) {
			if string(known[0].Data) != data {
				return nil, fmt.Errorf("%d bytes are known", len(known[0].Data))
			}
			return nil, nil
		}}); err != nil {
			t.Error(err)
		}
	}
	known("a", large+"1")
	known("b", "small")
	loaded := func(after int64) (ends string) {
		t.Helper()
		for p, err := range b.Rows(t.Context(), after) {
			if err != nil {
				t.Fatal(err)
			}
			if p.Deleted {
				continue
			}
			if p.Data == nil {
				if there, err := b.Load(t.Context(), &p); err != nil || !there || len(p.Data) != p.Size {
					t.Errorf("%d bytes of %d, %v, %v", len(p.Data), p.Size, there, err)
				}
			}
			ends += string(p.Data[len(p.Data)-1:])
		}
		return ends
	}
	if got := loaded(0); got != "1l3" {
		t.Errorf("%q", got)
	}
	wrong := errors.New("wrong")
	if err := l.Deliver(t.Context(), ledger.Delivery{Inbox: b, Keys: []string{"d"}, Decide: func(k []ledger.Pushed) ([]ledger.Pushed, error) { k[0].Data = []byte(large); return k, nil }},
		ledger.Delivery{Inbox: b, Keys: []string{"e"}, Decide: func([]ledger.Pushed) ([]ledger.Pushed, error) { return nil, wrong }}); !errors.Is(err, wrong) {
		t.Errorf("%v", err)
	}
	has(2)
	push(t, l, b, "a="+large+"4", "c")
	has(1)
	if got := loaded(3); got != "4" {
		t.Errorf("%q", got)
	}
	if err := b.Forget(t.Context(), 100, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	has(0)
	push(t, l, b, "a="+large+"5")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Revive(t.Context(), file, ledger.Revival{Now: time.UnixMilli(1_000)}); err != nil {
		t.Fatal(err)
	}
	has(0)
}
