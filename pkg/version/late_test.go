package version_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestWhatAStreamRemembersIsInTheDatabase, whoever writes versions, says so or not, and however that ends.
func TestWhatAStreamRemembersIsInTheDatabase(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	s, another := openStream(t, db), openStream(t, db)
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	began := s.Token(1)
	spelled := func(key string) change.Row {
		if r.IntN(4) == 0 {
			return change.Row{Table: "spelled", Key: key + "'"}.WithID(key)
		}
		return change.Row{Table: "spelled", Key: key}
	}
	entry := func(w *version.Writing) version.Entry {
		e := version.Entry{Row: spelled(fmt.Sprint(r.IntN(12))), State: state(r.Int64N(1e6)+1, "node-a"), Fate: version.There}
		if r.IntN(2) == 0 {
			e.Seen = change.Vector{{Time: r.Int64N(1e6) + 1, Origin: "node-c"}}
		}
		if w != nil {
			e.Position = w.Positions(1)
		}
		if r.IntN(4) == 0 {
			e.From = "node-b"
		}
		return e
	}
	var writes func(depth int)
	writes = func(depth int) {
		runs, tells, fails := 1+r.IntN(6)/5, r.IntN(8) > 0, r.IntN(10)
		err := s.Write(t.Context(), db, nil, func(tx mysqldb.Tx, w *version.Writing) error {
			var list []version.Entry
			rows := map[string]bool{}
			for range 1 + r.IntN(3) {
				e := entry(w)
				switch {
				case rows[e.ID()]:
					continue
				case r.IntN(40) == 0:
					e.Position = 0
				case r.IntN(40) == 0:
					e.Label = 7
				}
				rows[e.ID()] = true
				list = append(list, e)
			}
			if depth == 0 && r.IntN(4) == 0 {
				writes(1)
			}
			if depth > 0 { // else the servers have one wait for the other
				for i := range list {
					list[i].Row = change.Row{Table: "other", Key: list[i].Key}
				}
			}
			if err := version.Write(t.Context(), tx, list); err != nil {
				return err
			}
			if tells {
				w.Wrote(list)
			}
			if runs--; runs > 0 {
				tells = r.IntN(2) == 0
				return &mysql.MySQLError{Number: 1213}
			}
			switch fails {
			case 0:
				return errors.New("no")
			case 1:
				return fmt.Errorf("no: %w", version.ErrNothing)
			}
			return nil
		})
		if (err != nil) != (fails < 2) {
			t.Fatal(err)
		}
	}
	found := 0
	for range 400 {
		if writes(0); r.IntN(8) == 0 {
			s.Token(3)
		}
		end, err := s.Visible(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			after, limit := max(began, end-r.Int64N(12)), 1+r.IntN(4)
			list, ok := s.Remembered(after, end, limit)
			if !ok {
				continue
			}
			found += len(list)
			want, err := another.Read(t.Context(), after, end, limit)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				want[i].Label = 0 // of a table that is no longer routed, or it would not be remembered: nobody looks at it
			}
			if fmt.Sprintf("%+v", list) != fmt.Sprintf("%+v", want) {
				t.Fatalf("of what comes after %d, up to %d, it remembers\n%+v, and there is\n%+v", after, end, list, want)
			}
		}
	}
	if found == 0 {
		t.Error("it remembers nothing")
	}
}
