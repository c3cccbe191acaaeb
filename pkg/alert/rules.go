package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// The rules that this package applies. Other packages may have their own, such as backup.Rule.
const (
	Failed    = "failed"    // the last run of a job failed
	NoSuccess = "noSuccess" // a job was due, and has not succeeded for too long
	Refused   = "refused"   // a destination has refused rows
	Guard     = "guard"     // a run waits for a person to approve its deletes
	Offline   = "offline"   // a mesh client is offline
)

// Job is a job to watch.
type Job struct {
	Name  string
	Quiet bool // do not alert people to its failures
	// Next returns when it is due after a time; ok is false if it is not scheduled. May be nil.
	Next func(after time.Time) (due time.Time, ok bool)
}

// Peer is a mesh client to watch.
type Peer struct {
	Name   string
	Known  bool // whether it is online is known
	Online bool
	Since  time.Time // since when it is offline
}

// away returns the peers that have been offline for at least after; none if after is 0.
func away(peers []Peer, now time.Time, after time.Duration) (list []trouble) {
	for _, p := range peers {
		if after > 0 && p.Known && !p.Online && now.Sub(p.Since) >= after {
			list = append(list, trouble{Offline, p.Name, "not heard since " + p.Since.UTC().Format("2006-01-02 15:04 UTC")})
		}
	}
	return list
}

// facts are what is known about a job.
type facts struct {
	Job
	paused  bool
	runs    []ledger.Run // the last ones, the newest first
	success time.Time    // when its last successful run began; zero: never
	first   time.Time    // when its first run began; zero: never
	refused []ledger.LegState
	held    *ledger.Run // the last full run, if it waits for approval; otherwise nil
}

// trouble is something that a person must know.
type trouble struct{ rule, subject, text string }

// slack is how long a due job may take before it counts as not having succeeded.
const slack = time.Hour

// troubles returns what is wrong with a job. began is when the connector started, within how long a job may go without
// success; 0: forever.
func (f *facts) troubles(now, began time.Time, within time.Duration) []trouble {
	var out []trouble
	add := func(rule, format string, args ...any) {
		out = append(out, trouble{rule, f.Name, fmt.Sprintf(format, args...)})
	}
	r := standing(f.runs)
	if r == nil {
		r = f.held
	}
	if r != nil && r.State == ledger.Waiting {
		add(Guard, "run %d waits for approval: %s", r.ID, r.Error)
	} else if r != nil && !f.Quiet {
		at := r.Stage
		if at == "" {
			at = "its start"
		}
		add(Failed, "run %d failed at %s: %s", r.ID, at, r.Error)
	}
	if !f.Quiet && f.late(now, began, within) {
		last := "none yet"
		if !f.success.IsZero() {
			last = f.success.UTC().Format("2006-01-02 15:04 UTC")
		}
		add(NoSuccess, "no run has succeeded for %s; last success: %s", within, last)
	}
	var where []string
	for _, l := range f.refused {
		where = append(where, fmt.Sprintf("%d at %s", l.Refused, l.Destination))
	}
	if where != nil {
		add(Refused, "refused rows: %s", strings.Join(where, ", "))
	}
	return out
}

// late reports whether a job was due and has not succeeded for too long. A weekly job is not late after a day.
func (f *facts) late(now, began time.Time, within time.Duration) bool {
	if within <= 0 || f.paused || f.Next == nil {
		return false
	}
	since := f.success
	if since.IsZero() {
		since = began
		if !f.first.IsZero() && f.first.Before(since) {
			since = f.first
		}
	}
	due, ok := f.Next(since)
	return ok && now.Sub(since) > within && now.Sub(due) > min(within, slack)
}

// standing returns the failed or waiting run that nothing has made up for, or nil. runs are the last ones, newest first. A
// report for another day makes up for nothing; one for the same day clears the run.
func standing(runs []ledger.Run) (r *ledger.Run) {
	for i := range slices.Backward(runs) {
		switch n := &runs[i]; n.State {
		case ledger.Failed, ledger.Waiting:
			if n.ClearedAt.IsZero() {
				r = n
			} else if r != nil && r.ReportDate == "" {
				r = nil
			}
		case ledger.Done:
			if r != nil && r.ReportDate == "" && (n.Kind != job.Retry || r.Stage == "send" || n.Read > 0) { // a manual retry does not read
				r = nil
			}
		}
	}
	return r
}

// changes returns which troubles to raise, and which alerts are over. own are the rules that were applied: alerts of other
// rules are left alone.
func changes(open []ledger.Alert, all []trouble, own []string) (raise []trouble, settle []ledger.Alert) {
	for _, t := range all {
		if !slices.ContainsFunc(open, func(a ledger.Alert) bool { return a.Rule == t.rule && a.Subject == t.subject && a.Text == t.text }) {
			raise = append(raise, t)
		}
	}
	for _, a := range open {
		if slices.Contains(own, a.Rule) && !slices.ContainsFunc(all, func(t trouble) bool { return a.Rule == t.rule && a.Subject == t.subject }) {
			settle = append(settle, a)
		}
	}
	return raise, settle
}
