package apply

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// TestAWaitingChainIsWalkedOnce: each of many rows waits for the one before, and the first is missing. Following the chain
// from each row to its end would allocate many times what this test allows. It does not run in parallel, since that counts.
func TestAWaitingChainIsWalkedOnce(t *testing.T) {
	const rows = ringRows - 1
	var r room
	row := func(i int) change.Row { return change.Row{Table: "events", Key: strconv.Itoa(i)} }
	for i := range rows {
		in := &Incoming{}
		in.Row = row(i + 1)
		r.note(time.Now(), []*task{{in: in, res: &Result{Err: &Wait{text: "waits", needs: []change.Row{row(i)}}}}})
	}
	if len(r.fresh) != rows {
		t.Fatalf("%d rows are remembered", len(r.fresh))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if tasks, _ := r.next(); len(tasks) > 0 {
		t.Errorf("%d rows are tried without the first", len(tasks))
	}
	runtime.ReadMemStats(&after)
	if took := (after.TotalAlloc - before.TotalAlloc) / rows; took > 5000 {
		t.Errorf("it took %d bytes for each row", took)
	}
	// With the last piece of a ring, all are tried.
	in := &Incoming{}
	in.Row = row(0)
	r.note(time.Now(), []*task{{in: in, res: &Result{Err: &Wait{text: "waits", needs: []change.Row{row(rows)}}}}})
	if tasks, ring := r.next(); len(tasks) != rows+1 || !ring {
		t.Errorf("%d rows are tried together", len(tasks))
	}
}

// TestTheRoomCountsWhatItTakes: its bound holds for the memory that waiting rows really take. It does not run in parallel, since that
// counts.
func TestTheRoomCountsWhatItTakes(t *testing.T) {
	const rows = 10_000
	var r room
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range rows {
		in := &Incoming{}
		in.Row, in.Columns = change.Row{Table: "parts", Key: strconv.Itoa(i)}, []string{"id", "name", "part"}
		in.Values = [][]byte{[]byte(in.Key), []byte("x"), []byte(in.Key)}
		w := &Wait{text: fmt.Sprintf("waits for the row of parts that it refers to (part %d, foreign key parts_ibfk_1)", i)}
		w.needs = []change.Row{{Table: "parts", Key: strconv.Itoa(rows + i)}}
		r.note(time.Now(), []*task{{in: in, res: &Result{Err: w, Retry: true}}})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if took := int(after.HeapAlloc) - int(before.HeapAlloc); took > r.bytes*5/4 {
		t.Errorf("%d bytes a row, and %d are counted", took/rows, r.bytes/rows)
	}
	runtime.KeepAlive(&r)
}

// Many rows wait for one, and each also for the one before. BenchmarkRowsWaiting shows the cost.
func TestWaitingRowsAreTriedTogether(t *testing.T) {
	t.Parallel()
	const rows = ringRows - 1
	for name, whole := range map[string]bool{"all rows are here": true, "the last row is missing": false} {
		r, first := chained(rows, whole)
		want := 1
		if whole {
			want = rows
		}
		if list := r.around(r.rows[first]); len(list) != want {
			t.Errorf("%s: %d rows are tried together, want %d", name, len(list), want)
		}
	}
}

// BenchmarkRowsWaiting shows that the time is linear in the rows: ns/op grows as the sizes do.
func BenchmarkRowsWaiting(b *testing.B) {
	for _, rows := range []int{ringRows / 8, ringRows / 4, ringRows / 2, ringRows - 1} {
		b.Run(strconv.Itoa(rows), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				r, first := chained(rows, false)
				b.StartTimer()
				r.around(r.rows[first])
			}
		})
	}
}

// chained returns rows that each wait for the first and for the one before; unless whole, the
// second also waits for a missing one.
func chained(rows int, whole bool) (r *room, first change.Row) {
	r = &room{}
	row := func(i int) change.Row { return change.Row{Table: "events", Key: strconv.Itoa(i)} }
	note := func(i int, needs ...change.Row) {
		in := &Incoming{}
		in.Row = row(i)
		r.note(time.Now(), []*task{{in: in, res: &Result{Err: &Wait{text: "waits", needs: needs}}}})
	}
	note(0, row(0))
	note(1, row(0))
	if !whole {
		note(1, row(0), row(-1))
	}
	for i := 2; i < rows; i++ {
		note(i, row(0), row(i-1))
	}
	return r, row(0)
}

// TestAnUnwritableRingIsReportedOnce, however often its rows are resent.
func TestAnUnwritableRingIsReportedOnce(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{}, `CREATE TABLE a (id INT PRIMARY KEY, b INT NOT NULL)`, `CREATE TABLE b (id INT PRIMARY KEY, a INT NOT NULL, FOREIGN KEY (a) REFERENCES a (id))`,
		`ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id)`,
		`CREATE TRIGGER one AFTER INSERT ON a FOR EACH ROW IF EXISTS (SELECT * FROM b) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'; END IF`,
		`CREATE TRIGGER two AFTER INSERT ON b FOR EACH ROW IF EXISTS (SELECT * FROM a) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'; END IF`)
	core, logs := observer.New(zap.WarnLevel)
	r.log = zap.New(core)
	for range 3 {
		r.apply(r.row("a", 1, 1))
		r.apply(r.row("b", 1, 1))
	}
	told := logs.FilterMessage("rows that wait for each other cannot be written together; they are sent again").All()
	if len(told) != 1 || told[0].ContextMap()["rows"] != int64(2) || !strings.Contains(fmt.Sprint(told[0].ContextMap()["error"]), "not today") {
		t.Errorf("logged: %v", logs.All())
	}
}
