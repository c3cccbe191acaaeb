package transport

import "time"

// longestPause is where the pauses between two attempts to connect stop growing.
const longestPause = 30 * time.Second

// pause is the growing time between two attempts.
type pause struct{ shortest, current time.Duration }

func newPause(shortest time.Duration) *pause {
	if shortest <= 0 {
		shortest = time.Second
	}
	return &pause{shortest: shortest, current: shortest}
}

// next returns how long to wait now, and lets the pause grow. random is from [0, 1) and spreads the pause by a
// quarter to each side, lest all nodes come back to a restarted broker at the same moment.
func (p *pause) next(random float64) time.Duration {
	d := time.Duration(float64(p.current) * (0.75 + random/2))
	p.current = min(2*p.current, max(longestPause, p.shortest))
	return d
}

// after says how long an attempt, with the connection that it made, has lasted. Pauses start again from the shortest if
// that is longer than the next one would be: a broker that takes us and throws us out at once is not hammered, and one
// that is back, and goes again later, is not waited for as if it had been away all the time.
func (p *pause) after(lasted time.Duration) {
	if lasted > p.current {
		p.current = p.shortest
	}
}
