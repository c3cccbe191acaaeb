package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// print prints the state of a node for people.
func (f seen) print(w io.Writer, s screen) {
	if f.Running {
		say(w, "%s  %s for %s, version %s, log level %s", s.bold(clean(f.Client)), s.good("running"), span(f.Now.Sub(f.Started)), clean(f.Version), f.LogLevel)
		link(w, s, "database", f.Database, f.Now)
		link(w, s, "broker", f.Broker, f.Now)
	} else {
		say(w, "%s  %s: %s", s.bold(clean(f.Client)), s.bad("not running"), clean(strings.TrimPrefix(f.note, errNotRunning.Error()+": ")))
		say(w, "From its database %s:", clean(f.Database.Address))
	}
	f.remotes(w, s)
	f.tables(w, s)
	f.transfers(w, s)
	f.rest(w, s)
}

func (f seen) remotes(w io.Writer, s screen) {
	g := grid{columns: []column{{name: "REMOTE"}, {name: "STATE"}, {name: "PENDING", right: true}, {name: "ERRORS", right: true},
		{name: "LAG", right: true, matters: 1}, {name: "SENT/S", right: true, matters: 2}, {name: "RECEIVED/S", right: true, matters: 2},
		{name: "IN FLIGHT", right: true, matters: 4}, {name: "PROTOCOL", matters: 5}, {name: "OLDEST PENDING", matters: 3}, {name: "HEARD", matters: 6},
		{name: "SEALED BY", matters: 7}}}
	for _, r := range f.Remotes {
		state, protocol, heard := "online", "—", ""
		if !r.Online {
			state = "away"
		}
		if !r.Online && !r.Met {
			state = "never there"
		}
		if !f.Running {
			state = "—"
		}
		if r.Protocol > 0 {
			protocol = strconv.Itoa(r.Protocol)
		}
		if r.Heard != nil {
			heard = ago(f.Now, *r.Heard)
		}
		oldest, lag := "", ""
		if r.Oldest != nil {
			oldest, lag = moment(*r.Oldest), span(time.Duration(r.Lag*float64(time.Second)))
		}
		cells := []string{r.Name, state, waiting(r.Pending, r.NeverSent, "table", "tables"), number(r.Errors), lag}
		if f.Running {
			cells = append(cells, perSecond(r.Sent), perSecond(r.Received), strconv.Itoa(r.InFlight), protocol, oldest, heard, r.Key)
		} else {
			cells = append(cells, "", "", "", "", oldest)
		}
		g.add(cells...)
	}
	section(w, s, &g, "no remote is configured: nothing is sent")
	for _, r := range f.Remotes {
		var kept []string
		for _, t := range f.Streams {
			if t.Remote == r.Name && t.KeptBack {
				kept = append(kept, clean(t.Table))
			}
		}
		if n := len(kept); n > 5 {
			kept = append(kept[:5], fmt.Sprintf("%d more", n-5))
		}
		if len(kept) > 0 {
			say(w, "%s does not accept %s: rows are held back until it does", clean(r.Name), strings.Join(kept, ", "))
		}
	}
}

// waiting is what is pending, and how many were never sent: of those that nothing is pending
// says nothing.
func waiting(pending status.Count, never int, one, more string) string {
	if never == 0 {
		return count(pending)
	}
	said := fmt.Sprintf("never sent: %d %s", never, word(int64(never), one, more))
	if pending.Rows == 0 {
		return said
	}
	return count(pending) + ", " + said
}

func (f seen) tables(w io.Writer, s screen) {
	type sum struct {
		pending  status.Count
		errors   int64
		never    int // remotes that were never sent it
		sent     float64
		received float64
		last     time.Time
	}
	sums := map[string]*sum{}
	for _, t := range f.Streams {
		x := sums[t.Table]
		if x == nil {
			x = &sum{}
			sums[t.Table] = x
		}
		x.pending.Rows += t.Pending.Rows
		x.pending.AtLeast = x.pending.AtLeast || t.Pending.AtLeast
		x.errors += t.Errors
		if t.Standing == status.NeverSent {
			x.never++
		}
		x.sent += t.Sent.PerSecond
		x.received += t.Received.PerSecond
		if t.Last != nil && t.Last.After(x.last) {
			x.last = *t.Last
		}
	}
	g := grid{columns: []column{{name: "TABLE"}, {name: "DIRECTION", matters: 1}, {name: "PENDING", right: true, matters: 1}, {name: "ERRORS", right: true, matters: 1},
		{name: "SENT/S", right: true, matters: 3}, {name: "RECEIVED/S", right: true, matters: 3}, {name: "LAST", matters: 2}, {name: "CONFLICTS BY", matters: 4}}}
	for _, t := range f.Tables {
		direction := "sends"
		switch {
		case t.Sends && t.Receives:
			direction = "both ways"
		case t.Receives:
			direction = "receives"
		}
		cells := []string{t.Name, direction, "", "", "", "", "", t.Policy}
		if x := sums[t.Name]; x != nil {
			cells[2], cells[3] = waiting(x.pending, x.never, "remote", "remotes"), number(x.errors)
			if f.Running {
				cells[4], cells[5] = rate(x.sent), rate(x.received)
			}
			if !x.last.IsZero() {
				cells[6] = ago(f.Now, x.last)
			}
		}
		g.add(cells...)
	}
	section(w, s, &g, "")
}

// transfers prints the tables that are on their way as a whole.
func (f seen) transfers(w io.Writer, s screen) {
	g := grid{columns: []column{{name: "TRANSFER"}, {name: "TO"}, {name: "DONE", right: true}, {name: "ROWS", right: true, matters: 2},
		{name: "ROWS/S", right: true, matters: 3}, {name: "LEFT", right: true, matters: 1}, {name: "SENDS", matters: 4}}}
	for _, t := range f.Transfers {
		if t.Finished != nil {
			continue
		}
		done, left := "", ""
		if total := max(t.Total, t.Done); total > 0 {
			done = strconv.FormatInt(100*t.Done/total, 10) + " %"
		}
		if t.Left > 0 {
			left = span(time.Duration(t.Left * float64(time.Second)))
		}
		what := "what is missing"
		if t.Mode == "all" {
			what = "all rows"
		}
		g.add(t.Table, t.Remote, done, number(t.Done)+" of about "+number(max(t.Total, t.Done)), rate(t.Rate), left, what)
	}
	section(w, s, &g, "")
}

// rest prints what is counted, and the problems.
func (f seen) rest(w io.Writer, s screen) {
	fmt.Fprintln(w)
	if f.Conflicts.Kept > 0 {
		say(w, "%s %s kept: mysql-sync conflicts", count(status.Count{Rows: f.Conflicts.Kept, AtLeast: f.Conflicts.AtLeast}),
			word(f.Conflicts.Kept, "version that lost a conflict is", "versions that lost a conflict are"))
	}
	if f.Uncaptured.Rows > 0 {
		say(w, "%s not recorded yet", some(f.Uncaptured.Rows, "change is", "changes are"))
	}
	if !f.Running { // a node that runs has this among its problems
		refused := int64(0)
		for _, r := range f.Remotes {
			refused += r.Errors
		}
		if refused > 0 {
			say(w, "%s %s refused: mysql-sync errors", s.bad("✗"), some(refused, "row is", "rows are"))
		}
	}
	for _, p := range f.Problems {
		say(w, "%s %s", s.bad("✗"), clean(p))
	}
}

func link(w io.Writer, s screen, name string, l status.Link, now time.Time) {
	state := s.good("online")
	if !l.Online {
		state = s.bad("away")
	}
	text := fmt.Sprintf("%-8s  %s", name, state)
	if !l.Since.IsZero() {
		text += " for " + span(now.Sub(l.Since))
	}
	text += "  " + clean(l.Address)
	if l.Server != "" {
		text += "  " + clean(l.Server)
	}
	if l.Error != "" {
		text += ": " + clean(l.Error)
	}
	say(w, "%s", text)
}

// section prints a table after an empty line, or what is to be said without rows.
func section(w io.Writer, s screen, g *grid, none string) {
	if len(g.rows) == 0 && none == "" {
		return
	}
	fmt.Fprintln(w)
	if len(g.rows) == 0 {
		say(w, "%s", none)
	}
	g.print(w, s.width)
}

// count is a number of rows that may be a bound.
func count(c status.Count) string {
	if c.AtLeast {
		return ">" + number(c.Rows)
	}
	return number(c.Rows)
}

// number groups the digits of a number: 1,234,567.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// some is a number of things, in words for one and for others.
func some(n int64, one, others string) string {
	return number(n) + " " + word(n, one, others)
}

// word is that for one, or that for another number.
func word(n int64, one, others string) string {
	if n == 1 {
		return one
	}
	return others
}

func perSecond(r status.Rate) string { return rate(r.PerSecond) }

// rate is a number of rows a second.
func rate(r float64) string {
	switch {
	case r <= 0:
		return "0"
	case r < 10:
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return number(int64(r + 0.5))
}

// ago is how long ago a time was.
func ago(now, t time.Time) string {
	if d := now.Sub(t); d >= time.Second {
		return span(d) + " ago"
	}
	return "now"
}

// span is a duration for people: its two largest units.
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// say prints a line; a terminal breaks it where it must.
func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
