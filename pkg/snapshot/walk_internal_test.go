package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// memory is a Database of tables whose rows have keys of one letter: rows says which.
type memory struct {
	rows   map[string]string
	order  [][]string // of the tables, parents first
	open   []*State
	queued int
	held   map[string]bool
	fails  map[string]error
	did    []string
}

func (m *memory) note(format string, args ...any) {
	m.did = append(m.did, fmt.Sprintf(format, args...))
}

// told returns what was done since it was last asked.
func (m *memory) told() []string {
	did := m.did
	m.did = nil
	return did
}

func (m *memory) Known(context.Context) (map[Job]bool, error) {
	known := map[Job]bool{}
	for _, st := range m.open {
		known[st.Job] = true
	}
	return known, nil
}

func (m *memory) Open(context.Context) (list []State, err error) {
	for _, st := range m.open {
		list = append(list, *st)
	}
	return list, nil
}

func (m *memory) Request(_ context.Context, remote string, tables []string, mode string) error {
	for _, t := range tables {
		m.open = append(m.open, &State{Job: Job{remote, t}, Mode: mode, Started: time.Unix(1, 0)})
	}
	m.note("request %v for %s: %s", tables, remote, mode)
	return nil
}

func (m *memory) Keys(_ context.Context, st *State, limit int) (rows []change.Row, err error) {
	for _, letter := range m.rows[st.Table] {
		if key := string(letter); bytes.Compare([]byte(key), st.LastKey) > 0 && len(rows) < limit {
			rows = append(rows, change.Row{Table: st.Table, Key: key})
		}
	}
	return rows, m.fails[st.Table]
}

func (m *memory) Record(_ context.Context, list []Reached) error {
	for _, r := range list {
		if err := m.Advance(context.Background(), r); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Advance(_ context.Context, r Reached) error {
	m.note("%s %s: %d to %q, %v", r.Remote, r.Table, r.Rows, r.Last, r.End)
	m.open = slices.DeleteFunc(m.open, func(st *State) bool { return st.Job == r.Job && r.End })
	for _, st := range m.open {
		if st.Job == r.Job {
			st.LastKey = r.Last
		}
	}
	return nil
}

func (m *memory) Renew(_ context.Context, _ string, _ []change.Row, f func(Tx, func(int) int64) error) error {
	return f(m, func(int) int64 { return 1 })
}

func (m *memory) States(context.Context, []change.Row) (map[change.Row]change.State, error) {
	return nil, nil
}

func (m *memory) Since(context.Context, *Renewal, []change.Row) (streamed, deleted map[string]bool, err error) {
	return nil, nil, nil
}

func (m *memory) There(context.Context, []change.Row) ([]change.Row, error) { return nil, nil }
func (m *memory) Write(context.Context, []version.Entry) error              { return nil }
func (m *memory) Mark(context.Context, []change.Row, string) error          { return nil }

func (m *memory) Queued(context.Context, string, int) (int, error) { return m.queued, nil }

func (m *memory) ParentsFirst(_ context.Context, tables []string) (rings [][]string, err error) {
	for _, ring := range m.order {
		ring = slices.DeleteFunc(slices.Clone(ring), func(t string) bool { return !slices.Contains(tables, t) })
		if len(ring) > 0 {
			rings = append(rings, ring)
		}
	}
	return rings, nil
}

func (m *memory) Aside(table string) error {
	if m.held[table] {
		return errAside
	}
	return nil
}

func (m *memory) SetAside(_ string, err error) bool { return errors.Is(err, errAside) }

// family has the tables p with c, its child, and a and b, which refer to each other.
func family() *memory {
	return &memory{rows: map[string]string{"p": "klmno", "c": "xy", "a": "uvw", "b": "u"}, order: [][]string{{"p"}, {"a", "b"}, {"c"}}, held: map[string]bool{}, fails: map[string]error{}}
}

func of(m *memory, initial string) *Snapshots {
	return On(zap.NewNop(), m, func() time.Time { return time.Unix(2, 0) }, Config{Initial: initial, Remotes: []string{"r"}, Tables: []string{"a", "b", "c", "p"}, Chunk: 2,
		Ready: func(string, string) bool { return true }})
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func shown(pieces []Piece) (list []string) {
	for _, p := range pieces {
		s := p.table.Table + ":"
		for _, r := range p.rows {
			s += r.Key
		}
		if p.end {
			s += "."
		}
		list = append(list, s)
	}
	return list
}

func begun(t *testing.T, m *memory) *Transfer {
	t.Helper()
	s := of(m, Missing)
	if more, err := s.step(t.Context()); more || err != nil {
		t.Fatal(more, err)
	}
	expect(t, "begun", m.told(), "request [a b c p] for r: missing")
	if _, err := s.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, "begun once", m.told())
	x, err := s.Transfer(t.Context(), "r", nil)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func next(t *testing.T, x *Transfer, limit int) []Piece {
	t.Helper()
	pieces, err := x.Next(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return pieces
}

func TestTablesAreReadParentsFirstAndRingsInTurns(t *testing.T) {
	m := family()
	x := begun(t, m)
	first := next(t, x, 4)
	expect(t, "first", shown(first), "p:klmn")
	second := next(t, x, 4)
	expect(t, "then", shown(second), "p:o.", "a:uv", "b:u")
	third := next(t, x, 4)
	expect(t, "at last", shown(third), "a:w.", "b:.", "c:xy.")
	expect(t, "no more", shown(next(t, x, 4)))
	for _, c := range []struct {
		acked []Piece
		want  []string
	}{
		{first, []string{`r p: 4 to "n", false`}},
		{append(second, third[:2]...), []string{`r p: 1 to "o", true`, `r a: 3 to "w", true`, `r b: 1 to "u", true`}},
	} {
		if err := x.Acked(t.Context(), c.acked); err != nil {
			t.Fatal(err)
		}
		expect(t, "recorded, each table once", m.told(), c.want...)
	}
}

func TestWhatIsCutIsReadAgain(t *testing.T) {
	for rows, want := range [][]string{{}, {"p:o."}, {"p:o.", "a:u"}, {"p:o.", "a:uv"}, {"p:o.", "a:uv", "b:u"}} {
		x := begun(t, family())
		next(t, x, 4)
		pieces := next(t, x, 4)
		expect(t, "read", shown(pieces), "p:o.", "a:uv", "b:u")
		left := x.Cut(pieces, rows)
		expect(t, fmt.Sprintf("cut to %d rows", rows), shown(left), want...)
		var all []Piece
		for all = left; ; all = append(all, pieces...) {
			if pieces = next(t, x, 3); pieces == nil {
				break
			}
		}
		got := map[string]string{}
		for _, p := range all {
			for _, r := range p.rows {
				got[p.table.Table] += r.Key
			}
		}
		if fmt.Sprint(got) != "map[a:uvw b:u c:xy p:o]" {
			t.Errorf("cut to %d rows, then read: %v", rows, got)
		}
	}
}

func TestATableThatCannotBeReadIsPassedBy(t *testing.T) {
	m := family()
	x := begun(t, m)
	m.fails["p"] = errAside
	expect(t, "the others", shown(next(t, x, 5)), "a:uv", "b:u.", "a:w.", "c:x")
	delete(m.fails, "p")
	if err := x.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, "it can be read", shown(next(t, x, 2)), "p:kl")
	broken := errors.New("broken")
	m.fails["p"] = broken
	if _, err := x.Next(t.Context(), 2); !errors.Is(err, broken) {
		t.Errorf("an error: %v", err)
	}
	if table, all := x.Apart(); table != "p" || len(all) != 1 {
		t.Errorf("apart: %s of %v", table, all)
	}
}

func TestARequestDuringATransferBeginsAnew(t *testing.T) {
	m := family()
	x := begun(t, m)
	next(t, x, 2)
	for _, st := range m.open {
		if st.Table == "p" {
			st.Started = time.Unix(9, 0)
		}
	}
	if err := x.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, "anew", shown(next(t, x, 2)), "p:kl")
}

func TestTablesAreMarkedParentsFirstAChunkAtATime(t *testing.T) {
	m := family()
	s := of(m, None)
	if err := m.Request(t.Context(), "r", []string{"a", "b", "c", "p"}, All); err != nil {
		t.Fatal(err)
	}
	m.told()
	for _, want := range [][]string{
		{`r p: 2 to "l", false`},
		{`r p: 2 to "n", false`},
		{`r p: 1 to "o", true`, `r a: 2 to "v", false`, `r b: 1 to "u", true`},
		{`r a: 1 to "w", true`, `r c: 2 to "y", false`},
		{`r c: 0 to "", true`},
		nil,
	} {
		more, err := s.step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := m.told()
		expect(t, "marked", got, want...)
		if full := slices.ContainsFunc(got, func(s string) bool { return s[len(s)-5:] == "false" }); more != full {
			t.Errorf("more to mark: %v after %q", more, got)
		}
	}
}

func TestNoMoreIsMarkedThanARemoteTakes(t *testing.T) {
	m := family()
	s := of(m, None)
	if err := m.Request(t.Context(), "r", []string{"a", "p"}, All); err != nil {
		t.Fatal(err)
	}
	m.told()
	m.queued = mostQueued * 2
	if more, err := s.step(t.Context()); more || err != nil || m.told() != nil {
		t.Errorf("while the queue is full: %v, %v", more, err)
	}
	m.queued, m.held["p"] = 0, true
	if _, err := s.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, "a table that cannot be read does not hold up the others", m.told(), `r a: 2 to "v", false`)
}
