package peer

import "time"

// Dates date version-1 changes to one peer. They never go back, whatever the clocks do: by its date an answer is known to
// be that to the last change of a row.
type Dates struct{ last int64 }

// Next returns the date of changes that are sent now, in ms since 1970: now or, if the peer's clock is ahead, by that.
// An existing peer drops a change dated before its own start.
func (d *Dates) Next(now time.Time, ahead time.Duration) int64 {
	d.last = max(d.last, now.Add(ahead).UnixMilli())
	return d.last
}
