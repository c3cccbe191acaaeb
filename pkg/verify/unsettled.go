package verify

import (
	"errors"
	"time"
)

// unsettled decides what to report about changes that wait for rows that refer to theirs, and whose sender cannot be
// asked, so that they would wait forever: an unasked answer at once, other errors when they repeat; once a minute per
// remote and kind of error, whose text may be the remote's. It belongs to one goroutine; its zero value is ready.
type unsettled struct {
	failed map[string]int // consecutive ones, by remote
	told   map[unsettledKind]time.Time
}

type unsettledKind struct{ remote, kind string }

// failure reports whether to report a failure.
func (u *unsettled) failure(now time.Time, remote string, err error) bool {
	if u.failed == nil {
		u.failed, u.told = map[string]int{}, map[unsettledKind]time.Time{}
	}
	k := unsettledKind{remote, "other"}
	switch {
	case errors.Is(err, errUnasked):
		k.kind = "unasked"
	case errors.As(err, new(errAnswered)):
		k.kind = "answered"
	}
	u.failed[remote]++
	if k.kind != "unasked" && u.failed[remote] < 2 {
		return false
	}
	if at, ok := u.told[k]; ok && now.Sub(at).Abs() < time.Minute {
		return false
	}
	u.told[k] = now
	return true
}

// success records that a remote could be asked.
func (u *unsettled) success(remote string) { delete(u.failed, remote) }
