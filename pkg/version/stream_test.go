package version_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/latch"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func openStream(t *testing.T, db *mysqldb.DB) *version.Stream {
	t.Helper()
	s, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// waiting returns the keys of all readable entries, in order.
func waiting(t *testing.T, s *version.Stream) []string {
	t.Helper()
	end, err := s.Visible(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Read(t.Context(), 0, end, 100)
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	for _, w := range list {
		keys = append(keys, w.Key)
	}
	return keys
}

// at returns an entry for a transaction to write.
func at(w *version.Writing, key string) version.Entry {
	return version.Entry{Row: change.Row{Table: "t", Key: key}, State: state(5, "node-a"), Position: w.Positions(1)}
}

func begin(t *testing.T, s *version.Stream) *version.Writing {
	t.Helper()
	w, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func write(t *testing.T, s *version.Stream, db *mysqldb.DB, keys ...string) {
	t.Helper()
	w := begin(t, s)
	for _, k := range keys {
		if err := version.Write(t.Context(), db, []version.Entry{at(w, k)}); err != nil {
			t.Fatal(err)
		}
	}
	w.End(nil)
}

// writeOpen writes an entry in its own transaction and returns a function that commits it.
func writeOpen(t *testing.T, db *mysqldb.DB, e version.Entry) (commit func()) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err == nil {
		err = version.Write(t.Context(), tx, []version.Entry{e})
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

func expect(t *testing.T, s *version.Stream, want ...string) {
	t.Helper()
	if got := waiting(t, s); !slices.Equal(got, want) {
		t.Errorf("readable: %q, want %q", got, want)
	}
}

// TestNobodyReadsPastAnOpenTransaction commits a later transaction first: its writes are read only
// once the earlier one has ended. Promise 1.
func TestNobodyReadsPastAnOpenTransaction(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	s := openStream(t, db)
	early := begin(t, s)
	commit := writeOpen(t, db, at(early, "early"))
	write(t, s, db, "late")
	expect(t, s)
	commit()
	early.End(nil)
	expect(t, s, "early", "late")
}

// TestNobodyReadsPastAnUnansweredCommit: the server may still commit.
func TestNobodyReadsPastAnUnansweredCommit(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	s := openStream(t, db)
	w := begin(t, s)
	commit := writeOpen(t, db, at(w, "in doubt"))
	late := begin(t, s)
	w.End(errors.New("the connection is lost"))
	if err := version.Write(t.Context(), db, []version.Entry{at(late, "late")}); err != nil {
		t.Fatal(err)
	}
	late.End(nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if end, err := s.Visible(ctx); err == nil {
		t.Errorf("everything is readable up to %d", end)
	}
	commit()
	expect(t, s, "in doubt", "late")
}

// TestNobodyDecidesBeforeAnUnansweredCommitIsSettled: a transaction without positions counts too,
// since it writes the versions that others base decisions on.
func TestNobodyDecidesBeforeAnUnansweredCommitIsSettled(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	s := openStream(t, db)
	w := begin(t, s)
	commit := writeOpen(t, db, version.Entry{Row: change.Row{Table: "t", Key: "in doubt"}, State: state(5, "node-b"), Fate: version.Deleted})
	w.End(errors.New("the connection is lost"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := s.Begin(ctx); err == nil {
		t.Error("a transaction began before")
	}
	commit()
	begin(t, s).End(nil)
}

// TestAStreamBeginsAfterTheLastProcessTransactions: once they have ended, however late.
func TestAStreamBeginsAfterTheLastProcessTransactions(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	last := openStream(t, db)
	w := begin(t, last)
	commit := writeOpen(t, db, at(w, "of the last process"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := version.OpenStream(ctx, db); err == nil {
		t.Error("it began before")
	}
	commit()
	expect(t, openStream(t, db), "of the last process")
}

func TestTheStreamIsOrderedByLastChange(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	s := openStream(t, db)
	long := strings.Repeat("k", 3000) + "\xff\x00"
	write(t, s, db, "a", "b", long)
	write(t, s, db, "a")
	expect(t, s, "b", long, "a")
	entry := version.Entry{Row: change.Row{Table: "t", Key: "b"}, State: state(7, "node-c"), From: "node-c"}
	if err := version.Write(t.Context(), db, []version.Entry{entry}); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "b", long, "a")
	end, _ := s.Visible(t.Context())
	list, err := s.Read(t.Context(), 0, end, 1)
	if err != nil || len(list) != 1 || list[0].Version.Time != 7 || list[0].From != "" {
		t.Errorf("first entry %+v, %v: its position and origin must be kept", list, err)
	}
	entry.Key = "not in it"
	if err := version.Write(t.Context(), db, []version.Entry{entry}); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "b", long, "a")
	// Another process continues after the last position.
	write(t, openStream(t, db), db, "c")
	expect(t, openStream(t, db), "b", long, "a", "c")
}

// TestManySendersSettleADoubtTogether: each asks what is readable, and one fence is enough for all.
func TestManySendersSettleADoubtTogether(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	s := openStream(t, db)
	for range 20 {
		w := begin(t, s)
		w.Positions(1)
		w.End(errors.New("the connection is lost"))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := s.Visible(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	write(t, s, db, "a")
	expect(t, s, "a")
}

// TestAReaderDoesNotHoldUpTheStream, such as a dump, or a person who left a transaction open.
func TestAReaderDoesNotHoldUpTheStream(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	write(t, openStream(t, db), db, "a")
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	var n int
	if err := tx.QueryRow(`SELECT COUNT(*) FROM sync_versions`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := version.OpenStream(ctx, db); err != nil {
		t.Errorf("it waits for a reader: %v", err)
	}
}

// TestNoNumberIsHandedOutAgain has processes start one after another while the clock is set back.
func TestNoNumberIsHandedOutAgain(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	var marked int64
	first := openStream(t, db).Token(1)
	if err := db.GetContext(t.Context(), &marked, `SELECT value FROM sync_node WHERE name = 'position'`); err != nil || marked >= first {
		t.Errorf("the database is marked with %d, and %d is handed out; %v", marked, first, err)
	}
	none := func(context.Context) error { return nil }
	now := time.Now()
	last := int64(0)
	for range 3 {
		s, err := version.Open(t.Context(), func(context.Context) (version.Given, error) { return version.Given{Marked: marked}, nil },
			func(_ context.Context, position int64) error { marked = position; return nil }, func() time.Time { return now }, &latch.Rows{}, none)
		if err != nil {
			t.Fatal(err)
		}
		if s.Token(0) <= last {
			t.Errorf("a process hands out %d, and the one before had handed out %d", s.Token(0), last)
		}
		last = s.Token(1000) + 999 // without a trace
		now = now.Add(-time.Hour)
	}
}

// TestNobodyTakesTheStreamToBeCompleteBeforeAHeldTransactionEnds: it has no position, but may record something all the same.
func TestNobodyTakesTheStreamToBeCompleteBeforeAHeldTransactionEnds(t *testing.T) {
	t.Parallel()
	s := version.New(0, time.Now(), &latch.Rows{}, func(context.Context) error { return nil })
	w := begin(t, s)
	w.Hold()
	since := s.Token(1)
	if upTo, err := s.Visible(t.Context()); err != nil || upTo >= since {
		t.Errorf("visible up to %d, want less than %d; %v", upTo, since, err)
	}
	w.End(nil)
	if upTo, err := s.Visible(t.Context()); err != nil || upTo < since {
		t.Errorf("visible up to %d, want %d; %v", upTo, since, err)
	}
}
