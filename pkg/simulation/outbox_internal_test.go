package simulation

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/latch"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// TestTheOutboxMatchesTheServers does the same to a box and to the real outbox on a server, in a random order, and compares
// their answers.
func TestTheOutboxMatchesTheServers(t *testing.T) {
	t.Parallel()
	const remote = "b"
	db := testkit.OwnSchema(t)
	stream := func() *version.Stream {
		return version.New(0, time.UnixMicro(2*version.Untraced), &latch.Rows{}, func(context.Context) error { return nil })
	}
	w := &world{data: data{at: map[change.Row]int{}}}
	for key := range 6 {
		row := change.Row{Table: []string{"t", "u"}[key%2], Key: fmt.Sprint("row", key)}
		w.rows, w.at[row] = append(w.rows, row), key
	}
	played := newDatabase(len(w.rows), 1)
	mine, theirs := stream(), stream()
	b := &box{&played.remotes[0], w.keyOf, w.rows, mine.Token}
	real := outbox.New(db, tables{}, theirs)
	if err := real.Register(t.Context(), []string{remote}); err != nil {
		t.Fatal(err)
	}
	b.place.Acked, b.place.Shown = 2*version.Untraced-1, 2*version.Untraced-1
	r := rand.New(rand.NewPCG(1, 2))
	now := time.UnixMilli(1_000_000)
	seen := []outbox.Item{} // including those that are out of date by now
	var trail []string
	same := func(what string, got, want any, err error) {
		t.Helper()
		if trail = append(trail, what); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v:\nplayed %v\n  real %v, %v", trail[max(0, len(trail)-8):], got, want, err)
		}
	}
	draw := func() (list []outbox.Sent) {
		taken := map[change.Row]bool{}
		for range 1 + r.IntN(3) {
			var i outbox.Item
			switch n := r.IntN(4); {
			case n < 2 && len(seen) > 0:
				i = seen[len(seen)-1-r.IntN(min(len(seen), 8))]
			case n == 2:
				i = outbox.Item{Row: w.rows[r.IntN(len(w.rows))], OnlyMissing: true}
			default:
				i = outbox.Item{Row: w.rows[r.IntN(len(w.rows))], Position: mine.Token(1), Token: theirs.Token(1)}
				seen = append(seen, i)
			}
			if !taken[i.Row] {
				taken[i.Row] = true
				list = append(list, outbox.Sent{Item: i})
			}
		}
		return list
	}
	for range 400 {
		now = now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
		table := []string{"t", "u"}[r.IntN(2)]
		list := draw()
		switch r.IntN(10) {
		case 0, 1:
			streamed := slices.DeleteFunc(list, func(s outbox.Sent) bool { return s.Marked })
			b.later(streamed)
			same("later", 0, 0, real.Later(t.Context(), remote, streamed))
		case 2, 3:
			var failed []outbox.Failure
			for _, s := range list {
				failed = append(failed, outbox.Failure{Item: s.Item, Message: "no", RetryAt: now.Add(time.Duration(r.IntN(5000)) * time.Millisecond)})
			}
			b.fail(failed)
			same("fail", 0, 0, real.Fail(t.Context(), remote, failed))
		case 4, 5:
			at := &outbox.Place{Acked: int64(r.IntN(1000)), Shown: int64(r.IntN(1000))}
			holds := r.IntN(4) > 0
			left, err := real.Done(t.Context(), remote, list, at, holds)
			same(fmt.Sprint("done ", list, holds), b.done(list, at, holds), left, err)
		case 6:
			limit := 1 + r.IntN(3)
			ready, err := real.Retry(t.Context(), remote, table, now, limit)
			same("retry", b.retry(table, now, limit), ready, err)
		case 7:
			at := now.Add(time.Second)
			for _, key := range b.waitingKeys(table) {
				b.marks[key].retryAt = min(b.marks[key].retryAt, at.UnixMilli())
			}
			same("retry by", 0, 0, real.RetryBy(t.Context(), remote, table, at))
		case 8:
			rows := []change.Row{w.rows[r.IntN(len(w.rows))]}
			upTo, end := int64(r.IntN(1000)), r.IntN(2) == 0
			if _, there := b.kept[rows[0].Table]; !there {
				b.kept[rows[0].Table] = upTo
			}
			same("keep back", 0, 0, real.KeepBack(t.Context(), remote, rows[0].Table, upTo))
			b.giveBack(rows[0].Table, rows, upTo, end)
			same("give back", 0, 0, real.GiveBack(t.Context(), remote, rows[0].Table, rows, upTo, end))
		case 9:
			row := w.rows[r.IntN(len(w.rows))]
			b.mark(b.key(row), b.token(1), true)
			same("lost", 0, 0, mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error { return real.MarkLost(t.Context(), tx, []change.Row{row}, remote) }))
		}
		items, err := real.Next(t.Context(), remote, -1, 100, nil)
		same("next", b.next(-1, 100), items, err)
		seen = append(seen, items...)
		without := w.rows[r.IntN(len(w.rows))].Table
		others, err := real.Next(t.Context(), remote, -1, 100, []string{without})
		same("next without a table", b.next(-1, 100, without), others, err)
		at, err := real.PlaceOf(t.Context(), remote)
		same("place", b.place, at, err)
		kept, err := real.Kept(t.Context(), remote)
		same("kept", b.kept, kept, err)
		holds, err := real.Holds(t.Context(), remote)
		same("holds", b.holds(), holds, err)
		var waiting []string
		err = db.SelectContext(t.Context(), &waiting, `SELECT CONCAT_WS(' ', row_id, position, token, attempts, retry_at, only_missing) FROM sync_outbox WHERE state = 'waiting'`)
		var played []string
		for _, key := range b.waitingKeys("") {
			m := b.marks[key]
			played = append(played, fmt.Sprint(w.rows[key].Key, " ", m.position, " ", m.token, " ", m.attempts, " ", m.retryAt, " ", map[bool]int{true: 1}[m.onlyMissing]))
		}
		var lost, playedLost []string
		if err == nil {
			err = db.SelectContext(t.Context(), &lost, `SELECT row_id FROM sync_outbox WHERE lost = 1 ORDER BY row_id`)
		}
		for key, m := range b.marks {
			if m.lost {
				playedLost = append(playedLost, w.rows[key].Key)
			}
		}
		same("lost ones", playedLost, lost, err)
		slices.SortFunc(waiting, cmp.Compare)
		slices.SortFunc(played, cmp.Compare)
		same("waiting", played, waiting, err)
	}
	if len(seen) < 100 {
		t.Errorf("only %d marks were seen", len(seen))
	}
}
