package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// world simulates a source, a destination and everything between them at random, and knows what the ledger must answer.
type world struct {
	t    *testing.T
	r    *rand.Rand
	file string
	l    *ledger.Ledger
	g    *ledger.Leg

	want      map[string]ledger.State // the newest state that was filled
	filled    map[string]int          // the fill that brought it
	has       map[string]ledger.State // what the destination has
	ids       map[string]string       // under which ids
	refused   map[string]bool         // its newest state was refused
	dismissed map[string]bool         // and a person accepted that
	flying    []*ledger.Batch         // whose answers are not known
	delivered map[string]int          // the newest version the destination has been sent
	version   map[ledger.Hash]int
	fills     int
	next      int                 // remote id
	keyless   map[ledger.Hash]int // how often each one without a key arrived
	all       []ledger.Hash       // of those
	looked    map[string]int64    // whether a look-up, perhaps of long ago, found no row of a key
}

func open(t *testing.T, file string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), file, ledger.Config{Piece: 32})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func leg(t *testing.T, l *ledger.Ledger) *ledger.Leg {
	t.Helper()
	g, err := l.Leg(t.Context(), "orders", ledger.Push, "crm/Orders")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestEverythingArrivesWhateverHappens plays many random histories.
func TestEverythingArrivesWhateverHappens(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), file: filepath.Join(t.TempDir(), "connector.db"),
				want: map[string]ledger.State{}, filled: map[string]int{}, has: map[string]ledger.State{}, ids: map[string]string{}, refused: map[string]bool{}, dismissed: map[string]bool{},
				delivered: map[string]int{}, version: map[ledger.Hash]int{}, keyless: map[ledger.Hash]int{}, looked: map[string]int64{}}
			w.l = open(t, w.file)
			w.g = leg(t, w.l)
			for range 150 {
				w.step()
				if t.Failed() {
					return
				}
			}
			w.end()
		})
	}
}

// keys are few, so that much happens to each; some are odd.
var keys = []string{"0", "1", "2", "10", "a,b", "ä", "", "x\x00y", "'", "𝄞", "A", "a", "a ", "1e3", "-0", "k1", "k2", "k3", "k4", "k5"}

func (w *world) step() {
	switch n := w.r.IntN(20); {
	case n < 7:
		w.fill()
	case n < 12:
		w.take()
	case n < 16:
		w.answer()
	case n == 16:
		w.halve()
	case n == 17:
		w.restart()
	case n == 18 && w.r.IntN(3) == 0:
		w.adopt()
	default:
		w.person()
	}
	w.check()
}

// dataOf returns the data of a state of a key: some are stored in pieces.
func dataOf(key string, h ledger.Hash) string {
	return fmt.Sprintf(`{"%x":%q}`, h[:8], strings.Repeat(key, 1+4*int(h[0]%4)))
}

func (w *world) fill() {
	w.fills++
	if w.r.IntN(2) == 0 {
		for i, r := range must(w.g.Look(w.t.Context(), keys))(w.t) {
			w.looked[keys[i]] = r.New
		}
	}
	var entries []ledger.Entry
	for range 1 + w.r.IntN(8) {
		k := keys[w.r.IntN(len(keys))]
		h := ledger.Hash{byte(w.r.IntN(4)), 7, byte(len(k))} // states recur
		if k == "" {
			h = ledger.Hash{byte(w.fills), byte(w.fills >> 8), byte(len(entries)), 9}
			w.all = append(w.all, h)
		}
		e := ledger.Entry{Key: k, Hash: h, Data: []byte(dataOf(k, h))}
		if k != "" && w.r.IntN(4) == 0 {
			e = ledger.Entry{Key: k, Deleted: true}
		}
		e.New = w.looked[k] // perhaps of long ago
		entries = append(entries, e)
	}
	if err := w.l.Fill(w.t.Context(), &ledger.Fill{Parts: []ledger.Part{{Leg: w.g, Entries: entries}}, Place: &ledger.Place{Value: strconv.Itoa(w.fills)}}); err != nil {
		w.t.Fatal(err)
	}
	last := map[string]ledger.Entry{}
	for _, e := range entries {
		last[e.Key] = e
	}
	for k, e := range last {
		to := ledger.State{There: !e.Deleted, Hash: e.Hash}
		if k == "" || w.newest(k) == to {
			continue
		}
		w.want[k], w.filled[k] = to, w.fills
		delete(w.refused, k)
		delete(w.dismissed, k)
	}
}

// newest is the state of a key last given to the ledger.
func (w *world) newest(k string) ledger.State {
	if s, ok := w.want[k]; ok {
		return s
	}
	return w.has[k]
}

func (w *world) take() {
	rows, bytes := 1+w.r.IntN(6), 1+w.r.IntN(200)
	if w.r.IntN(2) == 0 {
		w.takes(must(w.g.NextOf(w.t.Context(), w.r.IntN(5), rows, bytes))(w.t), rows, bytes)
		return
	}
	w.takes(must(w.g.Next(w.t.Context(), rows, bytes))(w.t), rows, bytes)
}

// takes records that a batch is in flight; nil means none.
func (w *world) takes(b *ledger.Batch, rows, bytes int) {
	if b == nil {
		return
	}
	if err := w.g.Load(w.t.Context(), b.Operations); err != nil {
		w.t.Error(err)
	}
	size := 0
	for i, o := range b.Operations {
		size += len(o.Data)
		if i >= rows || i > 0 && size > bytes {
			w.t.Errorf("a batch of %d operations and %d bytes", len(b.Operations), size)
		}
		if want := dataOf(o.Key, o.Hash); o.Size != len(o.Data) || o.Kind != ledger.Delete && string(o.Data) != want {
			w.t.Errorf("%q has the data %s, want %s", o.Key, o.Data, want)
		}
		for _, other := range append(w.flying, &ledger.Batch{Operations: b.Operations[:i]}) {
			if o.Key != "" && slices.ContainsFunc(other.Operations, func(p ledger.Operation) bool { return p.Key == o.Key }) {
				w.t.Errorf("key %q is in flight twice", o.Key)
			}
		}
		_, has := w.has[o.Key]
		if o.Key != "" && (o.Kind != ledger.Insert) != has || o.RemoteID != w.ids[o.Key] {
			w.t.Errorf("operation %d of %q with id %q, but the destination has %v, %q", o.Kind, o.Key, o.RemoteID, has, w.ids[o.Key])
		}
	}
	w.flying = append(w.flying, b)
}

// deliver lets the destination take an operation.
func (w *world) deliver(o ledger.Operation) string {
	switch {
	case o.Key == "":
		w.keyless[o.Hash]++
		return ""
	case o.Kind == ledger.Delete:
		delete(w.has, o.Key)
		delete(w.ids, o.Key)
		return ""
	case o.Kind == ledger.Insert && w.ids[o.Key] == "":
		w.next++
		w.ids[o.Key] = "rec" + strconv.Itoa(w.next)
	}
	w.has[o.Key] = ledger.State{There: true, Hash: o.Hash}
	return w.ids[o.Key]
}

func (w *world) answer() {
	if len(w.flying) == 0 {
		return
	}
	i := w.r.IntN(len(w.flying))
	b := w.flying[i]
	w.flying = slices.Delete(w.flying, i, i+1)
	answers := make([]ledger.Answer, len(b.Operations))
	mood := w.r.IntN(3)
	for i, o := range b.Operations {
		switch n := w.r.IntN(6); {
		case mood == 0 || n < 3:
			answers[i].RemoteID = w.deliver(o)
		case n < 5:
			answers[i].Refused = "not on a Friday"
		default:
			answers[i].Later, answers[i].Unsent = true, w.r.IntN(2) == 0
		}
	}
	w.book(b, answers)
}

func (w *world) book(b *ledger.Batch, answers []ledger.Answer) {
	if w.r.IntN(2) == 0 {
		rows, bytes := 1+w.r.IntN(6), 1+w.r.IntN(200)
		defer func(next *ledger.Batch) { w.takes(next, rows, bytes) }(must(w.g.BookNext(w.t.Context(), b, answers, w.r.IntN(5), rows, bytes))(w.t))
	} else if err := w.g.Book(w.t.Context(), b, answers); err != nil {
		w.t.Fatal(err)
	}
	if err := w.g.Book(w.t.Context(), b, answers); !errors.Is(err, ledger.ErrNotOnItsWay) {
		w.t.Errorf("booked twice: %v", err)
	}
	for i, a := range answers {
		o := b.Operations[i]
		s := ledger.State{There: o.Kind != ledger.Delete, Hash: o.Hash}
		if o.Key != "" && a.Refused != "" && w.want[o.Key] == s && w.has[o.Key] != s {
			if !slices.ContainsFunc(must(w.g.Look(w.t.Context(), []string{o.Key}))(w.t), func(r ledger.Row) bool { return r.Waits }) {
				w.refused[o.Key] = true // unless the same state was filled again while the refused one was in flight
			}
		}
	}
}

func (w *world) halve() {
	if len(w.flying) == 0 {
		return
	}
	i := w.r.IntN(len(w.flying))
	b := w.flying[i]
	if len(b.Operations) < 2 {
		return
	}
	first, second, err := w.g.Halve(w.t.Context(), b)
	if err != nil {
		w.t.Fatal(err)
	}
	w.flying = append(slices.Delete(w.flying, i, i+1), first, second)
}

// restart ends the process while batches are in flight: the destination has taken parts of some.
func (w *world) restart() {
	if err := w.l.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.l = open(w.t, w.file)
	w.g = leg(w.t, w.l)
	doubts := must(w.g.Doubts(w.t.Context()))(w.t)
	for _, b := range doubts {
		if err := w.g.Load(w.t.Context(), b.Operations); err != nil {
			w.t.Error(err)
		}
	}
	ids := func(b *ledger.Batch) string {
		operations := must(json.Marshal(b.Operations))(w.t)
		return fmt.Sprint(b.ID, b.Halved, string(operations))
	}
	var before, after []string
	for _, b := range w.flying {
		before = append(before, ids(b))
	}
	for _, b := range doubts {
		after = append(after, ids(b))
	}
	slices.Sort(before)
	slices.Sort(after)
	if !slices.Equal(before, after) {
		w.t.Errorf("in doubt\n%q, want\n%q", after, before)
	}
	w.flying = nil
	for _, b := range doubts {
		switch w.r.IntN(3) {
		case 0: // not resolved yet
			w.flying = append(w.flying, b)
		case 1: // resent under the same ID, by key: harmless
			answers := make([]ledger.Answer, len(b.Operations))
			for i, o := range b.Operations {
				answers[i].RemoteID = w.deliver(o)
			}
			w.book(b, answers)
		default: // the destination took some, and is looked up
			for _, o := range b.Operations {
				if o.Key != "" && w.r.IntN(2) == 0 {
					w.deliver(o)
				}
			}
			w.lookUp(b)
		}
	}
}

func (w *world) lookUp(b *ledger.Batch) {
	var found []ledger.Found
	var absent []string
	for _, o := range b.Operations {
		if s, ok := w.has[o.Key]; ok {
			found = append(found, ledger.Found{Key: o.Key, RemoteID: w.ids[o.Key], Hash: s.Hash})
		} else if o.Key != "" {
			absent = append(absent, o.Key)
		}
	}
	if err := errors.Join(w.g.Found(w.t.Context(), found), w.g.Absent(w.t.Context(), absent)); err != nil {
		w.t.Fatal(err)
	}
	w.book(b, must(w.g.Judge(w.t.Context(), b))(w.t))
	w.quiet()
}

// quiet forgets that a state was refused or dismissed if it exists after all.
func (w *world) quiet() {
	for k, s := range w.want {
		if w.has[k] == s {
			delete(w.refused, k)
			delete(w.dismissed, k)
		}
	}
}

// adopt edits the destination behind the ledger's back and reads it whole.
func (w *world) adopt() {
	if len(w.flying) > 0 {
		return
	}
	for range 3 {
		k := keys[w.r.IntN(len(keys))]
		switch w.r.IntN(3) {
		case 0:
			delete(w.has, k)
			delete(w.ids, k)
		default:
			if k != "" {
				w.next++
				w.has[k], w.ids[k] = ledger.State{There: true, Hash: ledger.Hash{byte(w.r.IntN(4)), 7, byte(len(k))}}, "rec"+strconv.Itoa(w.next)
			}
		}
	}
	a := must(w.g.Adopt(w.t.Context()))(w.t)
	for _, k := range slices.Sorted(maps.Keys(w.has)) {
		f := ledger.Found{Key: k, RemoteID: w.ids[k], Hash: w.has[k].Hash}
		if twice := must(a.Add(w.t.Context(), []ledger.Found{f, f}))(w.t); len(twice) != 1 {
			w.t.Errorf("key %q twice: %v", k, twice)
		}
		if twice := must(a.Add(w.t.Context(), []ledger.Found{f}))(w.t); len(twice) != 1 {
			w.t.Errorf("key %q again: %v", k, twice)
		}
	}
	if err := a.Done(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for k := range w.want {
		row := must(w.g.Look(w.t.Context(), []string{k}))(w.t)[0]
		if !row.Waits && !w.refused[k] && !w.dismissed[k] { // people's edits count as acked
			w.want[k] = w.has[k]
		}
	}
	w.quiet()
}

// person retries or dismisses refused rows.
func (w *world) person() {
	all := must(w.g.Refusals(w.t.Context(), 0, 100))(w.t)
	if len(all) == 0 {
		return
	}
	r := all[w.r.IntN(len(all))]
	if r.Reason != "not on a Friday" || r.Tries < 1 {
		w.t.Errorf("refused: %+v", r)
	}
	var err error
	if r.Key == "" || w.r.IntN(2) == 0 {
		err = w.g.Retry(w.t.Context(), r.ID)
		w.filled[r.Key] = 0 // the watermark does not wait for it
	} else {
		err = w.g.Dismiss(w.t.Context(), r.ID)
		w.dismissed[r.Key] = true
	}
	delete(w.refused, r.Key)
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) check() {
	ctx := w.t.Context()
	asked := append(slices.Clone(keys), "nobody", "1")
	rows := must(w.g.Look(ctx, asked))(w.t)
	known := 0
	settled, _ := strconv.Atoi(must(w.l.Watermark(ctx, "orders", ledger.Push))(w.t).Settled.Value)
	for i, k := range asked {
		r := rows[i]
		if r.Twin != (i == len(asked)-1) {
			w.t.Errorf("%q is a twin: %v", k, r.Twin)
		}
		if k == "" {
			if r.ID != 0 {
				w.t.Errorf("a row without a key: %+v", r)
			}
			continue
		}
		if r.ID != 0 && !r.Twin {
			known++
		}
		flies := slices.ContainsFunc(w.flying, func(b *ledger.Batch) bool {
			return slices.ContainsFunc(b.Operations, func(o ledger.Operation) bool { return o.Key == k })
		})
		if r.Acked != w.has[k] || r.RemoteID != w.ids[k] {
			w.t.Errorf("%q is %v %q at the destination, but the ledger says %v %q", k, w.has[k], w.ids[k], r.Acked, r.RemoteID)
		}
		if r.Newest != w.newest(k) || r.Refused != w.refused[k] {
			w.t.Errorf("%q is to be %v (refused: %v), but the ledger says %v (%v)", k, w.newest(k), w.refused[k], r.Newest, r.Refused)
		}
		open := !w.refused[k] && !w.dismissed[k] && w.newest(k) != w.has[k]
		if (open || flies) != r.Waits {
			w.t.Errorf("%q waits: %v, open %v, flies %v", k, r.Waits, open, flies)
		}
		if open && settled >= w.filled[k] && w.filled[k] > 0 {
			w.t.Errorf("all up to %d is settled, but not %q of fill %d", settled, k, w.filled[k])
		}
	}
	inPieces(w.t, w.file)
	if c := must(w.g.Counts(ctx))(w.t); c.Known != known {
		w.t.Errorf("%d rows known, want %d", c.Known, known)
	}
}

// end lets everything arrive.
func (w *world) end() {
	flying := w.flying
	w.flying = nil
	for _, b := range flying {
		w.lookUp(b)
	}
	for {
		if len(w.flying) == 0 {
			w.takes(must(w.g.Next(w.t.Context(), 7, 500))(w.t), 7, 500)
		}
		if len(w.flying) == 0 {
			break
		}
		b := w.flying[0]
		w.flying = w.flying[1:]
		answers := make([]ledger.Answer, len(b.Operations))
		for i, o := range b.Operations {
			answers[i].RemoteID = w.deliver(o)
		}
		w.book(b, answers)
	}
	w.check()
	for k, s := range w.want {
		if !w.refused[k] && !w.dismissed[k] && w.has[k] != s {
			w.t.Errorf("%q: got %v, want %v", k, w.has[k], s)
		}
	}
	refusals := must(w.g.Refusals(w.t.Context(), 0, 1000))(w.t)
	c := must(w.g.Counts(w.t.Context()))(w.t)
	if c.Waiting != 0 || c.Refused != len(refusals) {
		w.t.Errorf("%+v at the end, with %d refused", c, len(refusals))
	}
	missing := 0
	for _, h := range w.all {
		if w.keyless[h] == 0 {
			missing++
		}
	}
	for _, r := range refusals {
		if r.Key == "" {
			missing--
		}
	}
	if missing != 0 {
		w.t.Errorf("%d without a key are missing", missing)
	}
	if mark := must(w.l.Watermark(w.t.Context(), "orders", ledger.Push))(w.t); mark.Read != mark.Settled || mark.Read.Value != strconv.Itoa(w.fills) {
		w.t.Errorf("%+v after %d fills", mark, w.fills)
	}
	if err := w.l.Close(); err != nil {
		w.t.Fatal(err)
	}
	if err := ledger.Check(context.Background(), w.file); err != nil {
		w.t.Error(err)
	}
}
