package ledger_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// push delivers states of the form key=data, or key for a deleted row.
func push(t *testing.T, l *ledger.Ledger, b *ledger.Inbox, states ...string) {
	t.Helper()
	p := ledger.Delivery{Inbox: b}
	for _, s := range states {
		key, _, _ := strings.Cut(s, "=")
		p.Keys = append(p.Keys, key)
	}
	p.Decide = func(known []ledger.Pushed) ([]ledger.Pushed, error) {
		for i := range known {
			_, data, there := strings.Cut(states[i], "=")
			known[i].Deleted, known[i].Data = !there, []byte(data)
		}
		return known, nil
	}
	if err := l.Deliver(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

// heldBy returns what an inbox has after a number.
func heldBy(t *testing.T, b *ledger.Inbox, after int64) (states []string) {
	t.Helper()
	for p, err := range b.Rows(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		s := fmt.Sprintf("%d %s=%s", p.Number, p.Key, p.Data)
		if p.Deleted {
			s = fmt.Sprintf("%d %s", p.Number, p.Key)
		}
		states = append(states, s)
	}
	return states
}

func TestAnInboxHasTheNewestStateOfEachRow(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	l := open(t, file)
	b := must(l.Inbox(t.Context(), "mesh", "prices"))(t)
	other := must(l.Inbox(t.Context(), "mesh", "orders"))(t)
	push(t, l, b, "=empty", "a\x00\xff=1", "b=1")
	push(t, l, other, "b=9")
	push(t, l, b, "b=2", "c=1")
	push(t, l, b, "c", "a\x00\xff=2")
	want := "[1 =empty 4 b=2 6 c 7 a\x00\xff=2]"
	if got := fmt.Sprint(heldBy(t, b, 0)); got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if got := fmt.Sprint(heldBy(t, b, 6)); got != "[7 a\x00\xff=2]" {
		t.Errorf("after 6: %q", got)
	}
	if got := fmt.Sprint(heldBy(t, other, 0)); got != "[1 b=9]" {
		t.Errorf("the other one: %q", got)
	}
	// A failure stores nothing in any inbox.
	wrong := errors.New("wrong")
	if err := l.Deliver(t.Context(),
		ledger.Delivery{Inbox: other, Keys: []string{"x"}, Decide: func(k []ledger.Pushed) ([]ledger.Pushed, error) { k[0].Data = []byte{1}; return k, nil }},
		ledger.Delivery{Inbox: b, Keys: []string{"x"}, Decide: func([]ledger.Pushed) ([]ledger.Pushed, error) { return nil, wrong }},
	); !errors.Is(err, wrong) {
		t.Errorf("%v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, file)
	b, other = must(l.Inbox(t.Context(), "mesh", "prices"))(t), must(l.Inbox(t.Context(), "mesh", "orders"))(t)
	push(t, l, other, "c=1")
	if got := fmt.Sprint(heldBy(t, b, 0), heldBy(t, other, 0)); got != want+" [1 b=9 2 c=1]" {
		t.Errorf("after a restart: %q", got)
	}
	for upTo, left := range []int{5: 4, 6: 3} {
		if left == 0 {
			continue
		}
		if err := b.Purge(t.Context(), int64(upTo), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n := len(heldBy(t, b, 0)); n != left {
			t.Errorf("%d left up to %d, want %d", n, upTo, left)
		}
	}
}

// Rows pushed while an inbox is being read come in the next read: nothing is missed and nothing comes twice.
func TestAnInboxIsReadWhileOthersPush(t *testing.T) {
	t.Parallel()
	l := open(t, filepath.Join(t.TempDir(), "connector.db"))
	b := must(l.Inbox(t.Context(), "mesh", "prices"))(t)
	var states []string
	for i := range 1000 {
		states = append(states, fmt.Sprintf("%04d=old", i))
	}
	push(t, l, b, states...)
	seen, last := map[string]int{}, int64(0)
	for p, err := range b.Rows(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[p.Key]++; string(p.Data) != "old" {
			t.Fatalf("%s is %s", p.Key, p.Data)
		}
		if last = p.Number; last == 1 {
			push(t, l, b, "0500=new", "0000=new", "x=new")
		}
	}
	if len(seen) != 1000 || last != 1000 {
		t.Errorf("%d rows, the last is %d", len(seen), last)
	}
	if got := fmt.Sprint(heldBy(t, b, last)); got != "[1001 0500=new 1002 0000=new 1003 x=new]" {
		t.Errorf("then %s", got)
	}
}

// B09: rows pushed after the copy was made are lost, so everything has to be pushed again.
func TestARestoredStateHasAnEmptyInbox(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	l := open(t, file)
	b := must(l.Inbox(t.Context(), "mesh", "prices"))(t)
	push(t, l, b, "a=1", "b=2")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Revive(t.Context(), file, ledger.Revival{Now: time.UnixMilli(1_000)}); err != nil {
		t.Fatal(err)
	}
	l = open(t, file)
	b = must(l.Inbox(t.Context(), "mesh", "prices"))(t)
	if got := heldBy(t, b, 0); got != nil {
		t.Errorf("%q", got)
	}
	push(t, l, b, "a=3") // jobs that had read up to 2 read this
	if got := fmt.Sprint(heldBy(t, b, 2)); got != "[3 a=3]" {
		t.Errorf("%q", got)
	}
}

// However many of the incoming rows an inbox already has, and however large they are, few are in memory.
func TestLargeRowsAreComparedAFewAtATime(t *testing.T) {
	t.Parallel()
	l := open(t, filepath.Join(t.TempDir(), "connector.db"))
	b := must(l.Inbox(t.Context(), "mesh", "prices"))(t)
	const rows, each = 80, 100_000 // twice as much as may be held
	large := strings.Repeat("x", each)
	d := ledger.Delivery{Inbox: b}
	for i := range rows {
		d.Keys = append(d.Keys, fmt.Sprint(i))
	}
	var most, seen int
	var order []string
	d.Decide = func(known []ledger.Pushed) ([]ledger.Pushed, error) {
		held := 0
		for i := range known {
			held += len(known[i].Data)
			order = append(order, known[i].Key)
			known[i].Data = []byte(large)
		}
		most, seen = max(most, held), seen+len(known)
		return known, nil
	}
	for round := range 2 {
		most, seen, order = 0, 0, nil
		if err := l.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if seen != rows || fmt.Sprint(order) != fmt.Sprint(d.Keys) || round == 1 && (most == 0 || most > 4<<20) {
			t.Errorf("round %d: %d rows, at most %d bytes at a time", round, seen, most)
		}
	}
	last := int64(0)
	for p, err := range b.Rows(t.Context(), rows) {
		if last++; err != nil || p.Number != rows+last || p.Size != each {
			t.Fatalf("%+v, %v", p.Number, err)
		}
	}
	if last != rows {
		t.Errorf("%d rows", last)
	}
}
