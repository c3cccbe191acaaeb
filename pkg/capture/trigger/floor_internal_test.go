package trigger

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestTheFloorStaysBelowLateCommits(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	later := func(seconds int) time.Time { return at.Add(time.Duration(seconds) * time.Second) }
	f := newFloor()
	steps := []struct {
		what            string
		counter, lowest uint64
		from            uint64
	}{
		{"the first mark is only a proposal", 100, 0, 0},
		{"a second later nothing appeared below it", 200, 0, 100},
		{"somebody keeps a transaction open", 300, 150, 150},
		{"it is still open, whatever was captured above", 400, 150, 150},
		{"it has ended", 500, 0, 150},
		{"a second later", 600, 0, 500},
		{"a change with an ID from before the last mark appeared below it", 700, 550, 550},
	}
	for i, s := range steps {
		if f.mark(s.counter, s.lowest, later(i)); f.from != s.from {
			t.Errorf("%s: floor %d, want %d", s.what, f.from, s.from)
		}
	}

	f = floor{from: 500, next: 600, marked: at}
	if f.wants(later(2)) {
		t.Error("a floor that cannot rise is marked")
	}
	f.looked(0, 700, at, later(1)) // for a second
	if !f.wants(later(2)) || f.wants(at.Add(markAfter-1)) {
		t.Error("it is not marked once, a second after a change")
	}
	if got := f.start(later(100)); got != 500 {
		t.Errorf("soon after a long look from the beginning, the next begins at %d", got)
	}
	if got := f.start(later(102)); got != 0 {
		t.Errorf("after a hundred times that long, it begins at %d", got)
	}
	if f.looked(0, 7, at, at); f.from != 0 || f.next != 0 {
		t.Error("a change below the floor does not move it")
	}
}

func TestIDsFromBeforeTheClockWasSetBackAreOutOfOrder(t *testing.T) {
	t.Parallel()
	id := func(server, start, n uint64) uint64 { return server<<serverBits | start<<startBits | n }
	f := newFloor()
	if f.outOfOrder(id(1, 2000, 0)) {
		t.Error("an ID is out of order though nothing is known about the server")
	}
	f.mark(id(1, 1000, 50), 0, time.Unix(1000, 0))
	for of, want := range map[uint64]bool{
		id(1, 1000, 40): false, id(1, 1000, 60): false, // since this start
		id(1, 999, 900): false, // an earlier start
		id(1, 1001, 1):  true,  // an earlier start, with a clock that was ahead
		id(2, 1001, 1):  false, // another server
	} {
		if got := f.outOfOrder(of); got != want {
			t.Errorf("%x after the counter %x: out of order %v, want %v", of, f.counter, got, want)
		}
	}
}

// TestTheFloorMissesNoLateCommit makes looks begin only at the floor, while somebody holds a
// snapshot from before anything was recorded.
func TestTheFloorMissesNoLateCommit(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, `CREATE TABLE t (id INT PRIMARY KEY)`)
	user := testkit.Shared(t).Open(t, db.Name)
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	all := func(string) bool { return true }
	s := New(zap.NewNop(), db, Config{Syncs: all})
	c := capture.New(zap.NewNop(), db, s, stream, capture.Config{Origin: "node-a", Syncs: all})
	raise := func() {
		t.Helper()
		s.floor.marked, s.floor.due = time.Time{}, time.Now().Add(time.Hour)
		if err := s.raise(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	captured := func(want ...string) {
		t.Helper()
		s.floor.marked = time.Now() // no marks but the test's
		if err := c.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := db.SelectContext(t.Context(), &got, `SELECT row_id FROM sync_versions ORDER BY row_id`); err != nil || !slices.Equal(got, want) {
			t.Fatalf("captured %q (%v), want %q", got, err, want)
		}
	}
	change := func(key int) string {
		return fmt.Sprintf(`INSERT INTO table_changes (table_name, primary_key, date, gone) VALUES ('t', '%d', UTC_TIMESTAMP(6), 0)`, key)
	}
	reader, err := user.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Rollback() }()
	var n int
	if err := reader.QueryRow(`SELECT COUNT(*) FROM table_changes`).Scan(&n); err != nil || n > 0 {
		t.Fatal(n, err)
	}
	late, err := user.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = late.Rollback() }()
	testkit.Exec(t, user, change(1))
	captured("1")
	if _, err := late.Exec(change(2)); err != nil {
		t.Fatal(err)
	}
	for key := range 3 {
		testkit.Exec(t, user, change(3+key))
		raise()
	}
	var id uint64
	if err := late.QueryRow(`SELECT id FROM table_changes WHERE primary_key = '2'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	captured("1", "3", "4", "5")
	if raise(); s.floor.from != id {
		t.Errorf("the floor is %d, but a change with ID %d is open", s.floor.from, id)
	}
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	captured("1", "2", "3", "4", "5")
	raise()
	raise()
	if s.floor.from <= id || s.floor.settle > 0 {
		t.Errorf("the floor is %d, but could be above %d", s.floor.from, id)
	}

	// An ID lower than all before, as from another server.
	testkit.Exec(t, user, `INSERT INTO table_changes (id, table_name, primary_key, date, gone) VALUES (7, 't', '6', UTC_TIMESTAMP(6), 0)`)
	captured("1", "2", "3", "4", "5")
	s.floor.due = time.Now()
	captured("1", "2", "3", "4", "5", "6")
	if s.floor.from != 0 {
		t.Errorf("the floor is %d though IDs do not ascend", s.floor.from)
	}
}
