package history

import "time"

// ring is one of the two series of a site. A record's place in it follows from its time alone.
type ring struct {
	every time.Duration
	count int
	first int // the place of its first record among all of the site
}

// The two series.
var (
	day   = ring{5 * time.Minute, 288, 0}
	month = ring{time.Hour, 720, 288}
)

const records = 288 + 720

// place returns where a record of a time is.
func (r ring) place(at time.Time) int {
	return r.first + int(at.Unix()/int64(r.every.Seconds()))%r.count
}

// series returns a ring's records of a site from its place, the oldest first. Those that are too old, and those of the future,
// which a clock that was wrong has left, are missing.
func (r ring) series(site string, all []byte, now time.Time) []Record {
	list := []Record{}
	last := now.Truncate(r.every)
	for at := last.Add(-time.Duration(r.count-1) * r.every); !at.After(last); at = at.Add(r.every) {
		if x, ok := r.at(site, all, at); ok {
			list = append(list, x)
		}
	}
	return list
}

// at returns a ring's record of the time at, a multiple of its interval.
func (r ring) at(site string, all []byte, at time.Time) (Record, bool) {
	place := r.place(at) * recordSize
	x, ok := decode(site, all[place:place+recordSize])
	return x, ok && x.At.Equal(at)
}

// By returns records, the oldest first, in larger whiles, such as days of UTC.
func By(list []Record, every time.Duration) []Record {
	var all []Record
	for _, r := range list {
		at := r.At.Truncate(every)
		if n := len(all); n > 0 && all[n-1].At.Equal(at) {
			all[n-1] = all[n-1].and(r)
		} else {
			r.At = at
			all = append(all, r)
		}
	}
	return all
}
