package deliver

import (
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// This file decides when rows of a table that a remote refused are retried. What they wait for is usually the same for
// many, so a few stand for all: while none of these goes through, no more are tried, at growing intervals; the more go
// through, the more follow at once. So waiting rows cost the same however many there are. If there are only a few, each
// is retried at its own time.
const (
	probeRows   = 20
	probeMost   = 2000
	probeAll    = 500 // once some are likely to go through
	soonFirst   = time.Second
	soonLongest = 30 * time.Second
	lateFirst   = 10 * time.Second
	lateLongest = time.Hour
)

// probe is how a table's waiting rows are retried. Its zero value has none.
type probe struct {
	due    time.Time // when the next are tried; zero: not before something happens
	rows   int       // how many
	any    bool      // even if they are not due
	many   bool      // there are more rows than are tried at a time
	failed int       // how many times in a row all that were tried were refused

	refusing int // rows of the table refused since one was accepted, retried or not

	trying int       // rows being tried without an answer yet
	until  time.Time // how long to wait for an answer
	mute   bool      // none came last time
}

// after returns the interval before a row, or a table's rows, are retried; soon says that it may go through without
// anyone's help.
func after(failures int, soon bool) time.Duration {
	first, longest := lateFirst, lateLongest
	if soon {
		first, longest = soonFirst, soonLongest
	}
	return min(first<<min(failures, 16), longest)
}

// refused takes in the refusal of a row that is tried for the first time, or that is retried at its own time.
func (p *probe) refused(due time.Time) {
	if !p.many && (p.due.IsZero() || due.Before(p.due)) {
		p.due = due
	}
}

// answered takes in the outcome of retried rows; soon says that some of the refused ones may go through without
// anyone's help.
func (p *probe) answered(passed, refused int, soon bool, now time.Time) {
	if n := passed + refused; n > 0 {
		p.trying, p.mute = max(p.trying-n, 0), false
	}
	switch {
	case passed > 0:
		p.rows, p.failed, p.any = min(max(probeRows, 2*passed), probeMost), 0, true
		p.due = now
	case refused > 0 && p.many:
		p.rows, p.any = probeRows, false
		p.failed++
		p.due = now.Add(after(p.failed, soon))
	}
}

// hopeful is called when something has changed that rows may have waited for.
func (p *probe) hopeful(now time.Time) {
	*p = probe{due: now, rows: probeAll, any: true, trying: p.trying, until: p.until, mute: p.mute}
}

// next returns how many rows to try now, and whether to include rows that are not due.
func (p *probe) next(now time.Time) (rows int, any bool) {
	if p.due.IsZero() || p.due.After(now) {
		return 0, false
	}
	return max(p.rows, probeRows), p.any
}

// tried is called with the number of rows that next had asked for, how many were found, and when the next one is due by
// itself, if there is one.
func (p *probe) tried(found int, next time.Time, more bool, now time.Time) {
	p.many = more && found >= max(p.rows, probeRows)
	p.any = false
	p.mute = p.mute || p.trying > 0 && !now.Before(p.until)
	p.trying, p.until = found, now.Add(answerTime)
	switch {
	case !more:
		p.due = time.Time{}
	case p.many: // depends on the outcome of these; there may be none
		p.due = now.Add(answerTime)
	default:
		p.due = next
	}
}

// busy reports whether rows of the table are being tried, so that rows that refer to them had better wait for the
// answer. A remote that does not answer holds up nothing.
func (p *probe) busy(now time.Time) bool { return p.trying > 0 && !p.mute && now.Before(p.until) }

// probes are those of the tables with waiting rows.
type probes map[string]*probe

// of returns the probe of a table.
func (ps *probes) of(table string) *probe {
	p := (*ps)[table]
	if p == nil {
		if *ps == nil {
			*ps = probes{}
		}
		p = &probe{}
		(*ps)[table] = p
	}
	return p
}

// troubledAfter is how many rows of a table are refused in a row before it counts as troubled.
const troubledAfter = 500

// troubled reports whether a table's rows are being refused one after the other: many wait, and no retried one has gone
// through.
func (ps probes) troubled(table string) bool {
	p := ps[table]
	return p != nil && p.refusing >= troubledAfter
}

// learn takes in the outcome of rows that were sent.
func (ps *probes) learn(done []outbox.Sent, failed []outbox.Failure, now time.Time) {
	if len(*ps) == 0 {
		return
	}
	type result struct {
		passed, refused int
		soon            bool
	}
	results := map[string]*result{}
	of := func(i *outbox.Item) *result {
		r := results[i.Table]
		if r == nil {
			r = &result{}
			results[i.Table] = r
		}
		return r
	}
	for i := range done {
		if p := (*ps)[done[i].Table]; p != nil {
			p.refusing = 0
		}
		if x := &done[i]; x.Marked && x.Attempts > 0 {
			of(&x.Item).passed++
		}
	}
	for i := range failed {
		ps.of(failed[i].Table).refusing++
		if x := &failed[i]; x.Marked && x.Attempts > 0 {
			r := of(&x.Item)
			r.refused++
			r.soon = r.soon || x.Temporary
		}
	}
	for table, r := range results {
		ps.of(table).answered(r.passed, r.refused, r.soon, now)
	}
}

// inTurn returns those of the tables whose rows are to be tried now, parents before children: a table that others refer
// to goes first, and its answer is waited for. Tables of a ring, which are one group, go together. It is pure; groups
// are ordered as by schema.ParentsFirst.
func inTurn(groups [][]string, parents func(table string) []string, probes probes, now time.Time) (list []string) {
	first := map[string]bool{} // tables whose rows are being tried, or will be
	for _, group := range groups {
		waits := false
		for _, table := range group {
			waits = waits || slices.ContainsFunc(parents(table), func(p string) bool { return first[p] && !slices.Contains(group, p) })
		}
		for _, table := range group {
			p := probes[table]
			rows, _ := p.next(now)
			if rows > 0 && !waits {
				list = append(list, table)
			}
			first[table] = p.busy(now) || rows > 0 && !p.mute
		}
	}
	return list
}
