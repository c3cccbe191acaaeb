package main

import (
	"context"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const (
	breath  = 500 * time.Millisecond // after each write, so that people can follow
	backlog = 200                    // rows that each side writes at once while disconnected
	limit   = 30 * time.Second       // for everything to arrive
)

// play tells the story. It fails tb unless both sides are equal at the end.
func play(ctx context.Context, tb testkit.TB, s *screen) {
	s.caption("1 of 5: two databases and two nodes start; the broker runs inside berlin's node")
	berlin, berlinConfig := startDatabase(tb, "berlin", "EUR")
	boston, bostonConfig := startDatabase(tb, "boston", "USD")
	link := startNodes(tb, berlinConfig, bostonConfig)
	st := &stage{tb: tb, screen: s, berlin: berlin, boston: boston, link: link}

	s.caption("2 of 5: rows written at one side appear at the other; boston's transformer converts the prices")
	st.together(ctx)
	s.caption("3 of 5: the link to boston is cut; both sides keep writing, and their changes are pending")
	st.cut(ctx)
	s.caption("4 of 5: the link is back; both backlogs drain, and of two edits of one row the later wins")
	st.reunite(ctx)
	s.caption("5 of 5: the nodes are idle; both sides are compared row by row")
	st.compare()
}

// together makes the sides write one after the other.
func (st *stage) together(ctx context.Context) {
	for _, write := range []func(){
		func() { st.put(st.berlin, row{"berlin-1", "lamp", "12.00"}) },
		func() { st.put(st.boston, row{"boston-1", "chair", "50.00"}) },
		func() { st.put(st.berlin, row{"berlin-2", "table", "120.00"}) },
		func() { st.put(st.boston, row{"berlin-2", "table", "150.50"}) },
		func() { st.put(st.boston, row{"boston-2", "shelf", "75.00"}) },
		func() { st.remove(st.berlin, "boston-1") },
		func() { st.put(st.berlin, row{"boston-2", "oak shelf", "64.00"}) },
	} {
		write()
		st.pause(ctx)
		st.watch(ctx, limit, st.settled)
	}
}

// cut makes both sides write while they are disconnected, including to the same row.
func (st *stage) cut(ctx context.Context) {
	st.link.Cut()
	st.apart = true
	for _, write := range []func(){
		func() { st.put(st.berlin, row{"berlin-3", "mirror", "40.00"}) },
		func() { st.put(st.boston, row{"boston-3", "carpet", "200.00"}) },
		func() { st.put(st.berlin, row{"berlin-1", "reading lamp", "16.00"}) },
		func() { st.put(st.boston, row{"berlin-1", "desk lamp", "25.00"}) },
		func() { st.remove(st.boston, "berlin-2") },
		func() { st.fill(st.berlin, backlog, "apples", "4.00") },
		func() { st.fill(st.boston, backlog, "pears", "5.00") },
	} {
		write()
		st.pause(ctx)
	}
	// Pending rows show up there after a second: the rows above, including a deleted one, and both backlogs.
	st.watch(ctx, limit, func() bool { return st.berlin.pending == 2+backlog && st.boston.pending == 3+backlog })
	st.screen.note("pending in sync_status: %s at berlin, %s at boston", rows(st.berlin.pending), rows(st.boston.pending))
}

// reunite restores the link and waits until nothing is pending.
func (st *stage) reunite(ctx context.Context) {
	st.link.Restore()
	st.apart = false
	st.watch(ctx, limit, st.settled)
	st.pause(ctx)
}

func (st *stage) pause(ctx context.Context) {
	end := time.Now().Add(breath)
	st.watch(ctx, limit, func() bool { return time.Now().After(end) })
}

// compare reports the outcome.
func (st *stage) compare() {
	st.look()
	for _, s := range []*site{st.berlin, st.boston} {
		var conflicts int
		if err := s.db.Get(&conflicts, `SELECT COUNT(*) FROM sync_conflicts`); err != nil {
			st.tb.Fatalf("read sync_conflicts of %s: %v", s.name, err)
		}
		st.screen.result("%s: %s, %d pending, losing edits kept in sync_conflicts: %d", s.name, rows(len(s.rows)), s.pending, conflicts)
	}
	if len(st.took) > 0 {
		slices.Sort(st.took)
		st.screen.result("latency while connected: median %d ms, longest %d ms (the databases were polled every %d ms)",
			st.took[len(st.took)/2].Milliseconds(), st.took[len(st.took)-1].Milliseconds(), glance.Milliseconds())
	}
	if !st.settled() {
		st.screen.result("equal: no")
		st.tb.Fatalf("the sides are not equal: %s; pending: berlin %d, boston %d", st.difference(), st.berlin.pending, st.boston.pending)
	}
	st.screen.result("equal: yes")
}
