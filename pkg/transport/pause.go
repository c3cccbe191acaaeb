package transport

import "time"

// longestPause is the longest pause between two attempts to connect.
const longestPause = 30 * time.Second

// pauses gives the growing pauses between attempts.
type pauses struct{ shortest, current time.Duration }

func newPause(shortest time.Duration) *pauses {
	if shortest <= 0 {
		shortest = time.Second
	}
	return &pauses{shortest: shortest, current: shortest}
}

// next returns how long to wait now, and lengthens the pause. random is in [0, 1) and varies the pause by up to a quarter
// either way, so that nodes do not all return to a restarted broker at once.
func (p *pauses) next(random float64) time.Duration {
	d := time.Duration(float64(p.current) * (0.75 + random/2))
	p.current = min(2*p.current, max(longestPause, p.shortest))
	return d
}

// after records how long an attempt lasted, including its connection. If that is longer than the next pause would be,
// pauses start again from the shortest: a broker that accepts us and drops us at once is not hammered, and one that came
// back and went away again later is not treated as if it had been away all along.
func (p *pauses) after(lasted time.Duration) {
	if lasted > p.current {
		p.current = p.shortest
	}
}
