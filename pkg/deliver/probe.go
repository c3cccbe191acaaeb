package deliver

import (
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// When rows of a table are tried again that a remote refused. What they wait for is mostly
// the same for many, so that some of them tell of all: while none of these goes through, no
// more are tried, at growing intervals; the more go through, the more follow at once. What
// waits thus costs the same whatever there is of it. Few rows are tried each at its time.
const (
	probeRows   = 20
	probeMost   = 2000
	probeAll    = 500 // once it is likely that some can go through
	soonFirst   = time.Second
	soonLongest = 30 * time.Second
	lateFirst   = 10 * time.Second
	lateLongest = time.Hour
)

// probe is how the waiting rows of a table are tried. Its zero value has none.
type probe struct {
	due    time.Time // when the next are tried; zero: not before something is heard
	rows   int       // how many
	any    bool      // they need not be due
	many   bool      // there are more rows than were tried at a time
	failed int       // how often in a row all that were tried were refused

	refusing int // rows of the table that were refused since one was taken, tried again or not

	trying int       // rows that are being tried and of which nothing was heard
	until  time.Time // how long an answer is waited for
	mute   bool      // none came the last time
}

// after returns the interval before a row, or rows of a table, are tried once more; soon
// says that it may go through without anybody's doing.
func after(failures int, soon bool) time.Duration {
	first, longest := lateFirst, lateLongest
	if soon {
		first, longest = soonFirst, soonLongest
	}
	return min(first<<min(failures, 16), longest)
}

// refused says that a row was refused that was not tried before, or that is tried each at
// its time.
func (p *probe) refused(due time.Time) {
	if !p.many && (p.due.IsZero() || due.Before(p.due)) {
		p.due = due
	}
}

// answered says what became of rows that were tried again; soon says that some of those
// that were refused may go through without anybody's doing.
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

// hopeful says that something has changed that rows may have waited for.
func (p *probe) hopeful(now time.Time) {
	*p = probe{due: now, rows: probeAll, any: true, trying: p.trying, until: p.until, mute: p.mute}
}

// next returns how many rows are to be tried now, and whether they need not be due.
func (p *probe) next(now time.Time) (rows int, any bool) {
	if p.due.IsZero() || p.due.After(now) {
		return 0, false
	}
	return max(p.rows, probeRows), p.any
}

// tried says that as many rows as next returned were looked for, how many were found, and when
// the next is due by itself, if there is one.
func (p *probe) tried(found int, next time.Time, more bool, now time.Time) {
	p.many = more && found >= max(p.rows, probeRows)
	p.any = false
	p.mute = p.mute || p.trying > 0 && !now.Before(p.until)
	p.trying, p.until = found, now.Add(answerTime)
	switch {
	case !more:
		p.due = time.Time{}
	case p.many: // by what becomes of these; nothing may be heard of them
		p.due = now.Add(answerTime)
	default:
		p.due = next
	}
}

// busy reports whether rows of the table are being tried, so that those which refer to them
// are better tried after the answer. A remote that does not answer holds up nothing.
func (p *probe) busy(now time.Time) bool { return p.trying > 0 && !p.mute && now.Before(p.until) }

// probes are those of the tables of which rows wait.
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

// troubledAfter is how many rows of a table are refused in a row until it is troubled.
const troubledAfter = 500

// troubled reports whether a table's rows are refused one after the other: many wait, and
// none of those that were tried again has gone through.
func (ps probes) troubled(table string) bool {
	p := ps[table]
	return p != nil && p.refusing >= troubledAfter
}

// learn takes in what became of rows that were sent.
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

// inTurn returns those of the tables of which rows are to be tried now, parents before children: one
// to which a table refers goes first, and its answer is waited for. Tables of a ring, which are one
// group, go together. It is pure: groups are ordered as schema.ParentsFirst does it.
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
