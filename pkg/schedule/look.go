package schedule

import "time"

// again is how often a schedule is checked, so that a moved clock is noticed.
const again = time.Minute

// Look is one turn of a loop that keeps a schedule: it returns what to run now, if anything, and how long to sleep
// until the next turn. last is when the schedule was last checked, or zero; a run missed since then runs late, within
// catchUp. The caller claims the occurrence by name, and skips one that is already claimed: if the clock is set back,
// times come again.
func (s *Schedule) Look(last, now time.Time, catchUp time.Duration) (run Occurrence, ok bool, sleep time.Duration) {
	if last.IsZero() || last.After(now) {
		last = now
	}
	run, ok = s.Missed(last, now, catchUp)
	sleep = again
	if next, ok := s.Next(now); ok {
		sleep = min(sleep, next.At.Sub(now))
	}
	return run, ok, sleep
}
