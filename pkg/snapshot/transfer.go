package snapshot

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Transfer is all the tables on their way to a remote that may lack rows of them, parents
// before their children. Its rows are nowhere recorded one by one: of each table what was
// acked is recorded, by the last key. It is not safe for concurrent use.
type Transfer struct {
	s       *Snapshots
	remote  string
	open    map[string]*reading // by table
	order   [][]*reading        // parents first; tables of a ring are one element, and are read in turns
	apart   map[string]bool     // tables that could not be read
	failing string              // the table that Next could not read
}

// reading is how far a table was read.
type reading struct {
	State
	ended bool // all was read
	held  bool // it cannot be read now
}

// Piece is rows of one table that were read together.
type Piece struct {
	table  *reading
	before []byte // the last key before
	rows   []change.Row
	end    bool // no rows come after them
}

// Transfer returns what the remote is to be sent, or nil. It begins after the rows that
// were acked. Tables that could not be read, as Apart gives them, come when no other is left.
func (s *Snapshots) Transfer(ctx context.Context, remote string, apart map[string]bool) (*Transfer, error) {
	t := &Transfer{s: s, remote: remote, open: map[string]*reading{}, apart: apart}
	if err := t.Look(ctx); err != nil {
		return nil, err
	}
	if len(t.order) == 0 && len(apart) > 0 {
		t.apart = nil
		if err := t.Look(ctx); err != nil {
			return nil, err
		}
	}
	if len(t.order) == 0 {
		return nil, nil
	}
	return t, nil
}

// Look includes tables that have become due since, or were requested again.
func (t *Transfer) Look(ctx context.Context) error {
	list, err := t.s.db.Open(ctx)
	if err != nil {
		return err
	}
	open := make(map[string]*reading, len(list))
	var tables []string
	for _, st := range list {
		if st.Remote != t.remote || st.Mode != Missing || t.apart[st.Table] || !t.s.due(st.Job) {
			continue
		}
		r := t.open[st.Table]
		if r == nil || !r.Started.Equal(st.Started) {
			r = &reading{State: st}
		}
		r.held = t.s.db.Aside(r.Table) != nil
		open[st.Table] = r
		tables = append(tables, st.Table)
	}
	groups, err := t.s.db.ParentsFirst(ctx, tables)
	if err != nil {
		return err
	}
	t.open, t.order = open, make([][]*reading, len(groups))
	for i, group := range groups {
		for _, name := range group {
			t.order[i] = append(t.order[i], open[name])
		}
	}
	return nil
}

// Next returns pieces of at most limit rows in all, those after the last ones: tables with
// their parents before them, the rows of each in the key's order. None says that all was
// read, but of tables that cannot be read now: these go on after a Look that finds that they
// can. Of an error, Apart tells of which table it is.
func (t *Transfer) Next(ctx context.Context, limit int) (pieces []Piece, err error) {
	left := limit
	for _, ring := range t.order {
		share := max(1, limit/len(ring))
		for left > 0 && slices.ContainsFunc(ring, func(r *reading) bool { return !r.ended && !r.held }) {
			for _, r := range ring {
				want := min(share, left)
				if r.ended || r.held || want == 0 {
					continue
				}
				rows, err := t.s.db.Keys(ctx, &r.State, want)
				if r.held = t.s.db.SetAside(r.Table, err); r.held {
					continue
				}
				if err != nil && pieces != nil {
					return pieces, nil // it will be met again
				}
				if err != nil {
					t.failing = r.Table
					return nil, err
				}
				p := Piece{table: r, before: r.LastKey, rows: rows, end: len(rows) < want}
				p.reached()
				left -= len(rows)
				pieces = append(pieces, p)
			}
		}
	}
	return pieces, nil
}

// reached has its table go on after the piece.
func (p *Piece) reached() {
	if p.table.ended = p.end; len(p.rows) > 0 {
		p.table.LastKey = []byte(p.rows[len(p.rows)-1].Key)
	}
}

// Cut returns the pieces with their first n rows only; the others are read again.
func (t *Transfer) Cut(pieces []Piece, n int) []Piece {
	for i := range slices.Backward(pieces) { // so that each table goes back to where the first that is cut began
		rows := 0
		for k := range i {
			rows += len(pieces[k].rows)
		}
		p := &pieces[i]
		if rows+len(p.rows) <= n && rows < n {
			return pieces[:i+1]
		}
		p.rows, p.end = p.rows[:max(n-rows, 0)], false
		p.table.LastKey = p.before
		p.reached()
		if len(p.rows) > 0 {
			return pieces[:i+1]
		}
	}
	return nil
}

// Rows returns the rows of a piece.
func (p Piece) Rows() []change.Row { return p.rows }

// Apart returns the table that Next could not read, and all that could not be read so far.
// The others go on without it.
func (t *Transfer) Apart() (table string, all map[string]bool) {
	all = map[string]bool{t.failing: true}
	for name := range t.apart {
		all[name] = true
	}
	return t.failing, all
}

// Acked records that the remote has the rows of pieces, which follow on those that were
// recorded before.
func (t *Transfer) Acked(ctx context.Context, pieces []Piece) error {
	if err := t.s.db.Record(ctx, merged(pieces)); err != nil {
		return err
	}
	for _, p := range pieces {
		t.s.progress(p.table.State, int64(len(p.rows)), p.end)
		p.table.Done += int64(len(p.rows))
	}
	return nil
}

// merged returns how far tables get by pieces.
func merged(pieces []Piece) (list []Reached) {
	at := map[*reading]int{}
	for _, p := range pieces {
		i, ok := at[p.table]
		if !ok {
			i = len(list)
			at[p.table], list = i, append(list, Reached{})
		}
		r := reached(p.table.State, p.rows, p.end)
		if r.Last == nil {
			r.Last = list[i].Last
		}
		r.Rows += list[i].Rows
		list[i] = r
	}
	return list
}
