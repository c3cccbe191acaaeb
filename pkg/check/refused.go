package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// refusedMost is how many rows are examined per remote.
const refusedMost = 10_000

// heldUp counts the rows of one table that do not reach a remote.
type heldUp struct {
	remote string
	outbox.Backlog
	atLeast bool   // there may be more
	why     string // the reason given for one of the refused rows; "": unknown
}

// readHeldUp reads which rows remotes have refused, and which wait there for others. A node that has never run, or not in
// this version, has none.
func readHeldUp(ctx context.Context, o *outbox.Outbox, remotes []string) (all []heldUp, err error) {
	for _, remote := range remotes {
		list, atLeast, err := o.CountWaiting(ctx, remote, refusedMost)
		if n := mysqldb.Number(err); n == 1146 || n == 1054 {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		slices.SortFunc(list, func(x, y outbox.Backlog) int { return strings.Compare(x.Table, y.Table) })
		for _, b := range list {
			h := heldUp{remote: remote, Backlog: b, atLeast: atLeast}
			if b.Refused > 0 {
				if h.why, err = o.ReasonOf(ctx, remote, b.Table); err != nil {
					return nil, err
				}
			}
			all = append(all, h)
		}
	}
	return all, nil
}

// judgeHeldUp says which rows do not reach which remote, and what to do.
func judgeHeldUp(f *finding.List, list []heldUp) {
	for _, h := range list {
		if h.Refused > 0 {
			why := ""
			if h.why != "" {
				why = fmt.Sprintf(" (%.200s)", h.why)
			}
			f.Warnf(h.remote, "Fix what mysql-sync errors shows about them, there or here; they are retried automatically, or at once by mysql-sync retry.",
				"%s of %s %s refused%s", rows(h.Refused, h.atLeast), h.Table, are(h.Refused, h.atLeast), why)
		}
		if h.Pending > 0 {
			f.Warnf(h.remote, "They follow by themselves once these have arrived; mysql-sync errors says what each waits for.",
				"%s of %s %s there for other rows, such as a parent or a row with the same unique value", rows(h.Pending, h.atLeast), h.Table, map[bool]string{true: "waits", false: "wait"}[h.Pending == 1 && !h.atLeast])
		}
	}
}

// staleTime bounds the scan of sync_status: it may have a row for each of the user's rows.
const staleTime = 3 * time.Second

// readStale reads which rows sync_status shows as refused although nothing will resend them.
func readStale(ctx context.Context, o *outbox.Outbox, remotes []string) ([]outbox.Stale, bool, error) {
	list, whole, err := o.Stale(ctx, remotes, staleTime)
	if n := mysqldb.Number(err); n == 1146 || n == 1054 {
		return nil, true, nil
	}
	return list, whole, err
}

// judgeStale warns about errors that nothing retries.
func judgeStale(f *finding.List, list []outbox.Stale, whole bool) {
	for _, s := range list {
		why := ""
		if s.Message != "" {
			why = fmt.Sprintf(" (%.200s)", s.Message)
		}
		f.Warnf(s.Remote, "Check with mysql-sync verify whether they differ, and send them with verify --repair. If they are equal, delete these rows from sync_status: another program or an earlier release may have left them.",
			"sync_status has errors for %s of %s%s, which nothing will resend", rows(int64(s.Rows), false), s.Table, why)
	}
	if !whole {
		f.Rightf("sync_status", "is too large to scan here: it may contain errors of rows that nothing will resend")
	}
}

// rows returns a number of rows for people; atLeast says that there may be more.
func rows(n int64, atLeast bool) string {
	switch {
	case atLeast:
		return fmt.Sprintf("%d rows or more", n)
	case n == 1:
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

func are(n int64, atLeast bool) string {
	if n == 1 && !atLeast {
		return "is"
	}
	return "are"
}
