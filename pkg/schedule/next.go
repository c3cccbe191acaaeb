package schedule

import "time"

const (
	// Grace is how late a run may be without being called missed.
	Grace = time.Minute

	// memory is how far back a clock change can still make a wall time one that was shown before.
	memory = 48 * time.Hour

	shown = "2006-01-02T15:04"
)

// Next returns the first occurrence after an instant, and false if there is none.
func (s *Schedule) Next(after time.Time) (Occurrence, bool) {
	if s.times == nil {
		return Occurrence{}, false
	}
	for at := after.In(s.zone); ; {
		from, end := wall(at).Add(1), endOf(at)
		passed := s.passed(at)
		if !s.twice && from.Before(passed) {
			from = passed
		}
		nominal, ok := s.times.from(from)
		if !ok {
			return Occurrence{}, false
		}
		if due := at.Add(nominal.Sub(wall(at))); end.IsZero() || due.Before(end) {
			return s.occurrence(due, nominal, nominal.Before(passed)), true
		}
		if nominal, ok := s.skipped(end); ok {
			return s.occurrence(end, nominal, nominal.Before(s.passed(end))), true
		}
		at = end
	}
}

// skipped returns the wall time that runs at the instant of a clock change: the last of those it skips, or the one it
// then shows.
func (s *Schedule) skipped(change time.Time) (last time.Time, found bool) {
	to, from := wall(change), s.passed(change)
	if before := wall(change.Add(-1)).Add(1); before.After(from) {
		from = before
	}
	if from.After(to) { // the clock was set back
		if !s.twice {
			return last, false
		}
		from = to
	}
	for nominal, ok := s.times.from(from); ok && !nominal.After(to); nominal, ok = s.times.from(nominal.Add(1)) {
		last, found = nominal, true
	}
	return last, found
}

// passed returns the wall time that the clock had reached, or skipped, before its last change: what is shown again
// until then was shown before.
func (s *Schedule) passed(at time.Time) time.Time {
	var furthest time.Time
	for change, _ := at.ZoneBounds(); !change.IsZero() && at.Sub(change) < memory; {
		before := change.Add(-1).In(s.zone)
		if reached := wall(before).Add(1); reached.After(furthest) {
			furthest = reached
		}
		change, _ = before.ZoneBounds()
	}
	return furthest
}

// endOf returns when the clock changes next, or earlier: a change that changes nothing is harmless.
func endOf(at time.Time) time.Time {
	_, end := at.ZoneBounds()
	if !end.IsZero() && !end.After(at) { // as Go says on the last day of leap years after 2037
		end = at.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	return end.In(at.Location())
}

// wall returns what the clock shows at an instant.
func wall(at time.Time) time.Time {
	_, offset := at.Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// occurrence names a run. The name of a repeated time includes its offset.
func (s *Schedule) occurrence(due, nominal time.Time, again bool) Occurrence {
	name := nominal.Format(shown)
	if again {
		name += due.In(s.zone).Format("-07:00")
	}
	return Occurrence{At: due.UTC(), Name: name + " " + s.zone.String()}
}

// Missed returns the occurrence to run late: the latest one after since, when the schedule was last checked, up to now.
// One that was due longer ago than catchUp, or Grace if that is more, is skipped. Its name tells whether it has run
// after all (the clock may have been moved).
func (s *Schedule) Missed(since, now time.Time, catchUp time.Duration) (Occurrence, bool) {
	earliest := now.Add(-max(catchUp, Grace))
	if since.After(earliest) {
		earliest = since
	}
	// Looking back from now, further each time, finds the latest without visiting all.
	for back := time.Hour; earliest.Before(now); back *= 2 {
		from := now.Add(-back)
		all := back > catchUp && back > Grace || !from.After(earliest)
		if all {
			from = earliest
		}
		var latest Occurrence
		found := false
		for o, ok := s.Next(from); ok && !o.At.After(now); o, ok = s.Next(o.At) {
			latest, found = o, true
		}
		if found || all {
			return latest, found
		}
	}
	return Occurrence{}, false
}
