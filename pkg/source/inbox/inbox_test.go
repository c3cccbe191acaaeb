package inbox_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/source/inbox"
)

func TestAJobReadsNewRowsOfAnInbox(t *testing.T) {
	t.Parallel()
	state, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "connector.db"), ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	s := inbox.New(func() *ledger.Ledger { return state }, "mesh", "prices")
	woken := 0
	s.Follow(func() { woken++ })
	push := func(key, data string, deleted bool) {
		t.Helper()
		b, err := s.Inbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := state.Deliver(t.Context(), ledger.Delivery{Inbox: b, Keys: []string{key}, Decide: func([]ledger.Pushed) ([]ledger.Pushed, error) {
			return []ledger.Pushed{{Key: key, Data: []byte(data), Deleted: deleted}}, nil
		}}); err != nil {
			t.Fatal(err)
		}
		s.Came()
	}
	read := func(since *string) (list []string) {
		t.Helper()
		r := job.Request{From: job.From{Key: []string{"sku"}, Watermark: inbox.Watermark}, Since: since}
		if err := s.Read(t.Context(), r, func(rec *record.Record) error {
			list = append(list, fmt.Sprint(rec.Key, " ", rec.Deleted, " ", rec.Mark, " ", rec.Bad))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return list
	}
	push("1", `{"id":1,"sku":"a"}`, false)
	push("2", `{"id":2}`, false)
	push("3", `{"id":3}`, true) // its key is not the job's
	push("1", `{"id":1,"sku":"a"}`, true)
	push("4", `{"id":4,"sku":"d"}`, false)
	if got := fmt.Sprintf("%q", read(nil)); got != `[" false 1/2 sku: has no key" "a true 1/4 " "d false 1/5 "]` {
		t.Error(got)
	}
	mark := "1/4"
	if got := fmt.Sprintf("%q", read(&mark)); got != `["d false 1/5 "]` || woken != 5 {
		t.Error(got, woken)
	}
	// A watermark of another source means nothing here.
	for _, mark := range []string{"2026-11-27 00:00:00", "2/4", "4", "1/"} {
		if got := read(&mark); len(got) != 3 {
			t.Errorf("since %q: %q", mark, got)
		}
		if n, err := s.Reached(t.Context(), mark); n != 0 || err != nil {
			t.Errorf("%q is %d, %v", mark, n, err)
		}
	}
	if n, err := s.Reached(t.Context(), "1/4"); n != 4 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
