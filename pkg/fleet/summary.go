package fleet

import (
	"syscall"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Of summarizes a node's state; free is the free disk space of its queueDirectory in bytes, -1 if unknown.
func Of(s *status.State, free int64) wire.Summary {
	x := wire.Summary{
		Client: s.Client, Version: s.Version, Started: s.Started, Now: s.Now, Database: link(s.Database), Broker: link(s.Broker),
		Rows:     wire.SummaryRows{Conflicts: s.Conflicts.Kept, Uncaptured: s.Uncaptured.Rows},
		FreeDisk: free, Problems: s.Problems,
	}
	for i := range s.Remotes {
		r := &s.Remotes[i]
		if r.Name == status.Anyone {
			continue
		}
		x.Remotes.Total++
		if r.Online {
			x.Remotes.Online++
		}
		x.Rows.Pending += r.Pending.Rows
		x.Rows.AtLeast = x.Rows.AtLeast || r.Pending.AtLeast
		x.Rows.Refused += r.Errors
		if r.Oldest != nil && (x.Rows.Oldest.IsZero() || r.Oldest.Before(x.Rows.Oldest)) {
			x.Rows.Oldest = r.Oldest.UTC()
		}
	}
	for _, p := range s.Pauses {
		x.Pauses = append(x.Pauses, pauseOf(p))
	}
	for i := range s.Transfers {
		if s.Transfers[i].Finished == nil {
			x.Sending++
		}
	}
	for _, c := range s.Verified {
		if c.At.After(x.Verified.At) {
			x.Verified.At = c.At.UTC()
		}
		switch {
		case c.Equal:
			x.Verified.Equal++
		case c.Differs > 0:
			x.Verified.Differ++
		}
	}
	x.Started, x.Now = x.Started.UTC(), x.Now.UTC()
	x.Fit()
	return x
}

func pauseOf(p status.Pause) wire.SummaryPause {
	x := wire.SummaryPause{Remote: p.Remote, Table: p.Table, By: p.By, Reason: p.Reason}
	if p.Until != nil {
		x.Until = p.Until.UTC()
	}
	return x
}

func link(l status.Link) wire.SummaryLink {
	return wire.SummaryLink{Online: l.Online, Server: l.Server, Since: l.Since.UTC()}
}

// FreeDisk returns how many bytes the program can still write to a directory; -1 if unknown.
func FreeDisk(directory string) int64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(directory, &s); err != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize) //nolint:unconvert // other systems have other types
}

// lag returns the age of the oldest row that a site has yet to send.
func lag(s *wire.Summary, told, now time.Time) time.Duration {
	if s.Rows.Oldest.IsZero() {
		return 0
	}
	return max(0, s.Now.Sub(s.Rows.Oldest)) + max(0, now.Sub(told))
}
