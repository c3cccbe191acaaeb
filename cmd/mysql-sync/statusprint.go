package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// print prints the state of a node for people.
func (f seen) print(w io.Writer, s screen) {
	if f.Running {
		say(w, "%s  %s for %s, version %s, log level %s", s.bold(command.Clean(f.Client)), s.good("running"), command.Span(f.Now.Sub(f.Started)), command.Clean(f.Version), f.LogLevel)
		link(w, s, "database", f.Database, f.Now)
		link(w, s, "broker", f.Broker, f.Now)
	} else {
		say(w, "%s  %s: %s", s.bold(command.Clean(f.Client)), s.bad("not running"), command.Clean(strings.TrimPrefix(f.note, errNotRunning.Error()+": ")))
		say(w, "From its database %s:", command.Clean(f.Database.Address))
	}
	f.led(w, s)
	f.pauses(w, s)
	f.remotes(w, s)
	f.tables(w, s)
	f.transfers(w, s)
	f.rest(w, s)
}

// led prints where the configuration comes from, and which sites have which version of what this node leads.
func (f seen) led(w io.Writer, s screen) {
	if l := f.Led; l != nil {
		state := s.good("version " + l.Version.String())
		switch {
		case l.Version == 0 && l.Before != "":
			state = s.bad("none yet, but " + command.Clean(l.Before))
		case l.Version == 0:
			state = s.bad("none yet")
		}
		say(w, "configuration  from %s, profile %s: %s%s", l.From, l.Profile, state, some(l.Keys, "; leads "))
		if len(l.Local) > 0 {
			say(w, "               kept here: %s", command.Clean(strings.Join(l.Local, ", ")))
		}
	}
	for _, p := range f.Leads {
		latest, waits, refused := 0, 0, 0
		for _, r := range p.Sites {
			switch {
			case r.Refused != "" || r.Newer:
				refused++
			case r.Version == p.Version:
				latest++
			case r.Waits:
				waits++
			}
		}
		text := fmt.Sprintf("%d of %s", latest, command.Some(int64(len(p.Sites)), "site has it", "sites have it"))
		if waits > 0 {
			text += fmt.Sprintf(", %d %s for its release", waits, command.Word(int64(waits), "waits", "wait"))
		}
		if refused > 0 {
			text += ", " + s.bad(strconv.Itoa(refused)+" refused it")
		}
		say(w, "leads          profile %s, version %s: %s", p.Name, p.Version, text)
	}
}

func some(list []string, before string) string {
	if len(list) == 0 {
		return ""
	}
	return before + command.Clean(strings.Join(list, ", "))
}

func (f seen) remotes(w io.Writer, s screen) {
	g := command.Grid{Columns: []command.Column{{Name: "REMOTE"}, {Name: "STATE"}, {Name: "PENDING", Right: true}, {Name: "ERRORS", Right: true},
		{Name: "LAG", Right: true, Matters: 1}, {Name: "SENT/S", Right: true, Matters: 2}, {Name: "RECEIVED/S", Right: true, Matters: 2},
		{Name: "IN FLIGHT", Right: true, Matters: 4}, {Name: "PROTOCOL", Matters: 5}, {Name: "OLDEST PENDING", Matters: 3}, {Name: "HEARD", Matters: 6},
		{Name: "SEALED BY", Matters: 7}}}
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
		if f.Paused(r.Name) {
			state = "paused"
			if f.Running && !r.Online {
				state = "paused, away"
			}
		}
		if r.Protocol > 0 {
			protocol = strconv.Itoa(r.Protocol)
		}
		if r.Heard != nil {
			heard = command.Ago(f.Now, *r.Heard)
		}
		oldest, lag := "", ""
		if r.Oldest != nil {
			oldest, lag = moment(*r.Oldest), command.Span(time.Duration(r.Lag*float64(time.Second)))
		}
		cells := []string{r.Name, state, waiting(r.Pending, r.NeverSent, "table", "tables"), command.Number(r.Errors), lag}
		if f.Running {
			cells = append(cells, perSecond(r.Sent), perSecond(r.Received), strconv.Itoa(r.InFlight), protocol, oldest, heard, r.Key)
		} else {
			cells = append(cells, "", "", "", "", oldest)
		}
		g.Add(cells...)
	}
	section(w, s, &g, "there is no remote: none is named in the configuration, and no site has joined")
	for _, r := range f.Remotes {
		var kept []string
		for _, t := range f.Streams {
			if t.Remote == r.Name && t.KeptBack {
				kept = append(kept, command.Clean(t.Table))
			}
		}
		if n := len(kept); n > 5 {
			kept = append(kept[:5], fmt.Sprintf("%d more", n-5))
		}
		if len(kept) > 0 {
			say(w, "%s does not accept %s: rows are held back until it does", command.Clean(r.Name), strings.Join(kept, ", "))
		}
	}
}

// waiting shows the number of pending rows, and how many remotes were never sent the table, or tables to the remote: for
// these, no pending rows says nothing.
func waiting(pending status.Count, never int, one, more string) string {
	if never == 0 {
		return count(pending)
	}
	said := fmt.Sprintf("never sent: %d %s", never, command.Word(int64(never), one, more))
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
	g := command.Grid{Columns: []command.Column{{Name: "TABLE"}, {Name: "DIRECTION", Matters: 1}, {Name: "PENDING", Right: true, Matters: 1}, {Name: "ERRORS", Right: true, Matters: 1},
		{Name: "SENT/S", Right: true, Matters: 3}, {Name: "RECEIVED/S", Right: true, Matters: 3}, {Name: "LAST", Matters: 2}, {Name: "CONFLICTS BY", Matters: 4}}}
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
			cells[2], cells[3] = waiting(x.pending, x.never, "remote", "remotes"), command.Number(x.errors)
			if f.Running {
				cells[4], cells[5] = rate(x.sent), rate(x.received)
			}
			if !x.last.IsZero() {
				cells[6] = command.Ago(f.Now, x.last)
			}
		}
		g.Add(cells...)
	}
	section(w, s, &g, "")
}

// transfers prints the tables being sent as a whole.
func (f seen) transfers(w io.Writer, s screen) {
	g := command.Grid{Columns: []command.Column{{Name: "TRANSFER"}, {Name: "TO"}, {Name: "DONE", Right: true}, {Name: "ROWS", Right: true, Matters: 2},
		{Name: "ROWS/S", Right: true, Matters: 3}, {Name: "LEFT", Right: true, Matters: 1}, {Name: "SENDS", Matters: 4}}}
	for _, t := range f.Transfers {
		if t.Finished != nil {
			continue
		}
		done, left := "", ""
		if total := max(t.Total, t.Done); total > 0 {
			done = strconv.FormatInt(100*t.Done/total, 10) + " %"
		}
		if t.Left > 0 {
			left = command.Span(time.Duration(t.Left * float64(time.Second)))
		}
		what := "what is missing"
		if t.Mode == "all" {
			what = "all rows"
		}
		g.Add(t.Table, t.Remote, done, command.Number(t.Done)+" of about "+command.Number(max(t.Total, t.Done)), rate(t.Rate), left, what)
	}
	section(w, s, &g, "")
}

// rest prints counters and problems.
func (f seen) rest(w io.Writer, s screen) {
	fmt.Fprintln(w)
	if f.Conflicts.Kept > 0 {
		say(w, "%s %s kept: mysql-sync conflicts", count(status.Count{Rows: f.Conflicts.Kept, AtLeast: f.Conflicts.AtLeast}),
			command.Word(f.Conflicts.Kept, "version that lost a conflict is", "versions that lost a conflict are"))
	}
	switch {
	case f.Capture.By == config.CaptureLog:
		say(w, "local writes are read from the server's log")
	case len(f.Capture.Instead) > 0:
		say(w, "triggers notice local writes, since the server's log cannot be read: %s", command.Clean(strings.Join(f.Capture.Instead, "; ")))
	}
	if f.Uncaptured.Rows > 0 {
		say(w, "%s not recorded yet", command.Some(f.Uncaptured.Rows, "change is", "changes are"))
	}
	if !f.Running { // a running node lists this among its problems
		refused := int64(0)
		for _, r := range f.Remotes {
			refused += r.Errors
		}
		if refused > 0 {
			say(w, "%s %s refused: mysql-sync errors", s.bad("✗"), command.Some(refused, "row is", "rows are"))
		}
	}
	for _, p := range f.Problems {
		say(w, "%s %s", s.bad("✗"), command.Clean(p))
	}
}

func link(w io.Writer, s screen, name string, l status.Link, now time.Time) {
	state := s.good("online")
	if !l.Online {
		state = s.bad("away")
	}
	text := fmt.Sprintf("%-8s  %s", name, state)
	if !l.Since.IsZero() {
		text += " for " + command.Span(now.Sub(l.Since))
	}
	text += "  " + command.Clean(l.Address)
	if l.Server != "" {
		text += "  " + command.Clean(l.Server)
	}
	if l.Error != "" {
		text += ": " + command.Clean(l.Error)
	}
	say(w, "%s", text)
}

// section prints a table after an empty line, or the sentence none if it has no rows.
func section(w io.Writer, s screen, g *command.Grid, none string) {
	if len(g.Rows()) == 0 && none == "" {
		return
	}
	fmt.Fprintln(w)
	if len(g.Rows()) == 0 {
		say(w, "%s", none)
	}
	g.Print(w, s.width)
}

// count shows a number of rows, possibly a lower bound.
func count(c status.Count) string {
	if c.AtLeast {
		return ">" + command.Number(c.Rows)
	}
	return command.Number(c.Rows)
}

func perSecond(r status.Rate) string { return rate(r.PerSecond) }

// rate shows a number of rows per second.
func rate(r float64) string {
	switch {
	case r <= 0:
		return "0"
	case r < 10:
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return command.Number(int64(r + 0.5))
}

// say prints a line; the terminal wraps it.
func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
