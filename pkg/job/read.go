package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Rows are decided about, and recorded, in chunks of at most this many rows or bytes (promise 12), and of fewer bytes if
// there is no room.
const (
	chunk      = 1000
	chunkBytes = 4 << 20 // three chunks exist at a time
)

// badShown is how many unusable rows are logged individually.
const badShown = 10

// reading is the first half of a run: from the source to the outboxes.
type reading struct {
	*Job
	log   *zap.Logger
	run   *ledger.Run
	cause Cause
	legs  []*readingLeg
	read  int
	bad   int           // unusable ones among these
	place *ledger.Place // reached, once a row is flagged as deleted: the watermark follows when the delete is in the outbox
	stage string        // in which a failure would be now
}

// readingLeg is what a reading knows of a leg.
type readingLeg struct {
	*Leg
	news    *news
	seen    *ledger.Seen // rows that the source has
	flagged *ledger.Seen // rows that it reports as deleted
	columns []string     // to compare, sorted; only for a Comparer
	twins   int          // rows with a duplicate key
	unknown bool         // the destination could not be asked what it has
}

// all reads the source to its end, and then deletes rows that are gone, if the mode says so.
func (r *reading) all(ctx context.Context) error {
	request, err := r.request(ctx)
	if err != nil {
		return err
	}
	if err := r.stream(ctx, request); err != nil {
		return err
	}
	if r.read == 0 && r.EmptyFails {
		r.stage = stageEmpty
		return fmt.Errorf("the report of %s is empty", r.cause.Date)
	}
	var failed []error
	if r.bad > 0 {
		failed = append(failed, &forPerson{fmt.Errorf("%d of %d rows are unusable; the log says why", r.bad, r.read)})
	}
	for _, l := range r.legs {
		failed = append(failed, r.end(ctx, l, request.Since == nil))
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return r.reached(ctx)
}

// reached moves the watermark that was held back, unless a leg's deletes are yet to be decided about.
func (r *reading) reached(ctx context.Context) error {
	if r.place == nil || slices.ContainsFunc(r.legs, func(l *readingLeg) bool { return l.unknown && l.flagged.Len() > 0 }) {
		return nil
	}
	f := &ledger.Fill{Run: r.run.ID, Place: r.place}
	for _, l := range r.legs {
		f.Parts = append(f.Parts, ledger.Part{Leg: l.ledger})
	}
	return r.Ledger.Fill(ctx, f)
}

// stream reads rows while it decides about the previous chunk: the source and the state file need not wait for each
// other. Rows read before the source fails count.
func (r *reading) stream(ctx context.Context, request Request) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	c := &chunks{ctx: reading, to: make(chan portion), held: held{room: r.Room}}
	defer c.held.give()
	var decided error
	over := make(chan struct{})
	go func() {
		defer close(over)
		for p := range c.to {
			if decided == nil {
				decided = r.decide(ctx, p.rows)
			}
			p.rows = nil
			p.held.give()
			if decided != nil {
				stop()
			}
		}
	}()
	err := unstalled(reading, r.From.Stall, func(ctx context.Context, s *stall) error {
		request.Room = func(ctx context.Context, n int) error {
			s.arrived()
			defer s.waits()
			return c.room(ctx, n)
		}
		return r.Source.Read(ctx, request, func(rec *record.Record) error {
			s.arrived()
			defer s.waits()
			return c.add(rec)
		})
	})
	if err == nil && len(c.rows) > 0 {
		err = c.hand()
	}
	close(c.to)
	<-over
	if decided != nil {
		return decided
	}
	return err
}

// refuse counts an unusable row, and logs the first ones.
func (r *reading) refuse(rec *record.Record) {
	if r.bad++; r.bad <= badShown {
		r.log.Warn("unusable row", zap.String("key", rec.Key), zap.String("reason", rec.Bad))
	}
}

// end ends the reading for a leg. all says that the source was read from its beginning.
func (r *reading) end(ctx context.Context, l *readingLeg, all bool) error {
	if err := r.begin(ctx, l, nil); err != nil { // for a source without rows
		return err
	}
	if l.twins > 0 {
		r.log.Warn("rows with a duplicate key skipped", zap.String("destination", l.Name), zap.Int("rows", l.twins))
	}
	if l.Mode == ModeAppend || l.unknown {
		return nil
	}
	return r.missing(ctx, l, all && l.Mode == ModeReplace)
}

// request returns what to read: everything from the position reached, minus the overlap.
func (r *reading) request(ctx context.Context) (Request, error) {
	request := Request{From: r.From, Date: r.cause.Date}
	if r.From.Watermark == "" || r.cause.all() {
		return request, nil
	}
	w, err := r.Ledger.Watermark(ctx, r.Name, ledger.Push)
	if err != nil || w.Read.Value == "" {
		return request, err
	}
	since := before(w.Read.Value, r.Overlap)
	request.Since = &since
	return request, nil
}

// before returns the watermark that lies an overlap before the given one. If that is not a time, there is no overlap.
func before(mark string, overlap time.Duration) string {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999", time.RFC3339Nano} {
		if t, err := time.Parse(layout, mark); err == nil {
			return t.Add(-overlap).Format(layout)
		}
	}
	return mark
}

// decide puts the rows of a chunk into the outboxes, along with the position reached. Promise 1.
func (r *reading) decide(ctx context.Context, rows []*record.Record) error {
	r.read += len(rows)
	rows = slices.DeleteFunc(rows, func(rec *record.Record) bool {
		if rec.Bad != "" {
			r.refuse(rec)
		}
		return rec.Bad != ""
	})
	if len(rows) == 0 {
		return nil
	}
	f := &ledger.Fill{Run: r.run.ID, Read: len(rows)}
	for i, l := range r.legs {
		own := rows
		if l.Transform != nil && i < len(r.legs)-1 { // each leg changes its own copies
			own = copies(rows)
		}
		part, unchanged, err := r.part(ctx, l, own)
		if err != nil {
			return err
		}
		f.Parts = append(f.Parts, part)
		if i == 0 {
			f.Unchanged = unchanged
		}
	}
	// The position stays before an unusable row: the next run reads it again.
	for _, rec := range slices.Backward(rows) {
		if rec.Mark != "" && r.bad == 0 { // a NULL mark says nothing
			f.Place = &ledger.Place{Value: rec.Mark, Key: rec.Key}
			break
		}
	}
	if f.Place != nil && slices.ContainsFunc(r.legs, func(l *readingLeg) bool { return l.flagged.Len() > 0 }) {
		r.place, f.Place = f.Place, nil
	}
	if err := r.Ledger.Fill(ctx, f); err != nil {
		return err
	}
	for i, l := range r.legs {
		for _, e := range f.Parts[i].Entries {
			l.seen.Mark(e.ID)
		}
		l.news.tell()
	}
	return nil
}

// part returns one leg's part of a fill with rows, and how many of these are unchanged.
func (r *reading) part(ctx context.Context, l *readingLeg, rows []*record.Record) (ledger.Part, int, error) {
	part := ledger.Part{Leg: l.ledger}
	if l.Transform != nil {
		if err := l.Transform.Transform(ctx, r.cause, rows); err != nil {
			r.stage = stageTransform
			return part, 0, err
		}
		if r.bad == 0 && slices.ContainsFunc(rows, func(rec *record.Record) bool { return rec.Bad != "" }) {
			r.stage = stageTransform
		}
	}
	if err := r.begin(ctx, l, rows[0]); err != nil {
		return part, 0, err
	}
	if l.Mode == ModeAppend {
		for _, rec := range rows {
			if rec.Bad != "" {
				r.refuse(rec)
			} else if !rec.Deleted {
				part.Entries = append(part.Entries, ledger.Entry{Hash: record.Sum(rec.Data), Data: rec.Data})
			}
		}
		return part, 0, nil
	}
	keys := make([]string, len(rows))
	for i, rec := range rows {
		keys[i] = rec.Key
	}
	known, err := l.ledger.Look(ctx, keys)
	if err != nil {
		return part, 0, err
	}
	origins, err := l.origins(ctx, keys)
	if err != nil {
		return part, 0, err
	}
	unchanged := 0
	for i, rec := range rows {
		k := &known[i]
		if k.Twin || l.seen.Has(k.ID) || l.flagged.Has(k.ID) { // the first one counts
			l.twins++
			continue
		}
		if rec.Deleted { // delete at the end, when the guard knows how many there are
			l.flagged.Mark(k.ID)
			continue
		}
		l.seen.Mark(k.ID)
		if rec.Bad != "" { // the destination keeps its row
			r.refuse(rec)
			continue
		}
		e, err := l.entry(k, rec)
		if err != nil {
			return part, 0, err
		}
		keepBack(&e, k, origins[i])
		if k.ID != 0 && k.Newest == (ledger.State{There: true, Hash: e.Hash}) && !e.Had {
			unchanged++
			continue
		}
		part.Entries = append(part.Entries, e)
	}
	return part, unchanged, nil
}

// entry returns the state that a row should have at a leg's destination.
func (l *readingLeg) entry(k *ledger.Row, rec *record.Record) (ledger.Entry, error) {
	e := ledger.Entry{Key: rec.Key, Data: rec.Data, New: k.New}
	if l.columns == nil {
		e.Hash = record.Sum(rec.Data)
		return e, nil
	}
	hash, err := l.Compare.Fingerprint(l.columns, rec.Data)
	if err != nil {
		return e, err
	}
	if l.Compare.Rule == diff.Newer && k.Newest.There && !diff.Later(hash, k.Newest.Hash) {
		hash = k.Newest.Hash // counts as unchanged
	}
	e.Hash = hash
	return e, nil
}

// begin prepares a leg when the first row has arrived, or when none will: a destination that can be read is read into the
// ledger. If that fails, nothing is sent to it in this run, and reading continues with what the ledger knows.
func (r *reading) begin(ctx context.Context, l *readingLeg, first *record.Record) error {
	if l.seen != nil {
		return nil
	}
	err := r.ask(ctx, l, first)
	l.unknown = err != nil
	l.news.begin(err)
	if l.seen, err = l.ledger.Pass(ctx); err != nil {
		return err
	}
	l.flagged, err = l.ledger.Pass(ctx)
	return err
}

// ask asks the leg's destination whether it would accept anything, and what it has.
func (r *reading) ask(ctx context.Context, l *readingLeg, first *record.Record) error {
	c, compares := l.compares()
	if compares {
		l.columns = []string{}
		if first != nil {
			var err error
			if l.columns, err = l.compared(first.Data); err != nil {
				return err
			}
		}
	}
	if k, ok := l.Destination.(Checker); ok {
		if err := k.Check(ctx); err != nil {
			return err
		}
	}
	if !compares {
		return nil
	}
	return l.adopt(ctx, r.log, c, r.From, l.columns)
}

// missing deletes rows that the source reports as deleted and, if all is set, rows that it no longer has, unless the guard
// requires a person's approval. Promise 7.
func (r *reading) missing(ctx context.Context, l *readingLeg, all bool) error {
	if l.seen.All() || !all && l.flagged.Len() == 0 { // no need to look at each row
		return nil
	}
	gone := func(yield func(ledger.Row, error) bool) {
		for row, err := range l.ledger.Unseen(ctx, l.seen) {
			if (err != nil || all || l.flagged.Has(row.ID)) && !yield(row, err) {
				return
			}
		}
	}
	missing := 0
	for _, err := range gone {
		if err != nil {
			return err
		}
		missing++
	}
	c, err := l.ledger.Counts(ctx)
	if err != nil {
		return err
	}
	guard := r.Guard
	guard.Off = guard.Off || r.cause.Approved
	if why := guard.Allows(r.read, r.bad, missing, c.Known); why != "" {
		return &forPerson{&guarded{why}}
	}
	f := &ledger.Fill{Run: r.run.ID, Parts: []ledger.Part{{Leg: l.ledger}}}
	fill := func() error {
		defer func() { f.Parts[0].Entries = f.Parts[0].Entries[:0] }()
		return r.Ledger.Fill(ctx, f)
	}
	for row, err := range gone {
		if err != nil {
			return err
		}
		f.Parts[0].Entries = append(f.Parts[0].Entries, ledger.Entry{Key: row.Key, Deleted: true})
		if len(f.Parts[0].Entries) == chunk {
			if err := fill(); err != nil {
				return err
			}
		}
	}
	if len(f.Parts[0].Entries) == 0 {
		return nil
	}
	return fill()
}

// compared returns the names of a row's columns to compare, sorted.
func (l *Leg) compared(data []byte) ([]string, error) {
	names, err := columnsOf(data)
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(l.Uncompared, name) }), err
}

// columnsOf returns the names of a row's columns, sorted.
func columnsOf(data []byte) ([]string, error) {
	members, err := record.Members(data)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.Name
	}
	slices.Sort(names)
	return names, nil
}

// copies returns copies of rows that may be changed.
func copies(rows []*record.Record) []*record.Record {
	list := make([]*record.Record, len(rows))
	for i, rec := range rows {
		c := *rec
		list[i] = &c
	}
	return list
}
