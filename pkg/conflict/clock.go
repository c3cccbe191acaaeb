package conflict

import "github.com/mysql-sync/mysql-sync/pkg/change"

// doubted returns a version in place of one with an impossible time. It is older than
// any possible write, and later than the Baseline. It is a write of its own: no vector
// includes it because of other writes of its author, so it is kept if it loses.
func doubted(v change.Version) change.Version {
	v.Time >>= 20 // some minutes after 1970, in the order of the claims
	if !v.IsDecided() {
		v.Origin = change.Origin(v.Author(), "ahead")
	}
	return v
}

// Written corrects the time of a write that a server's clock claims, in µs since 1970
// like all times here. server is the current time by that clock, and now that of the
// node. If the server's clock is ahead, the claim is reduced by as much; no write is
// later than now.
func Written(claimed, server, now int64) int64 {
	return min(claimed-max(server-now, 0), server, now)
}

// TooFarAhead reports whether a version's time is too far in the future to be believed:
// no node accepts it from another.
func TooFarAhead(v change.Version, now int64) bool { return v.Time > now+MaxAhead.Microseconds() }

// Believed returns what can be believed of a state that a node holds, if a clock was
// wrong when it was made. A version too far ahead counts as older than any write, and
// what it claims to have seen in the future as unseen; but its author had seen its
// own writes up to now.
func Believed(s change.State, now int64) change.State {
	if !TooFarAhead(s.Version, now) {
		return s
	}
	b := change.State{Version: doubted(s.Version), Counts: s.Counts}
	for _, v := range s.Seen {
		if TooFarAhead(v, now) {
			if v.Origin != s.Version.Origin {
				continue
			}
			v.Time = now
		}
		b.Seen = b.Seen.With(v)
	}
	return b
}
