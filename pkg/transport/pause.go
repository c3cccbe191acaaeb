package transport

import "time"

// Pauses between two attempts to connect.
const (
	longestPause = 30 * time.Second

	// A crowd are more nodes than few, which lose their connections at the same moment when a broker restarts. Each attempt of
	// theirs is at a random moment of a window: at first one in which the broker is asked a hundred times a second, but no
	// shorter than shortestWindow.
	few            = 10
	perSecond      = 100
	shortestWindow = 2 * time.Second
	longestWindow  = time.Minute
)

// pauses gives the growing pauses between attempts.
type pauses struct {
	shortest time.Duration
	attempts int // since the shortest
}

func newPause(shortest time.Duration) *pauses {
	if shortest <= 0 {
		shortest = time.Second
	}
	return &pauses{shortest: shortest}
}

// next returns how long to wait now, and lengthens the pause. random is in [0, 1), and sites says how many nodes may wait for the
// same broker: of few, each pause varies by up to a quarter either way; of many, by all of it.
func (p *pauses) next(random float64, sites int) time.Duration {
	d := p.current(sites)
	p.attempts++
	if sites > few {
		return time.Duration(float64(d) * random)
	}
	return time.Duration(float64(d) * (0.75 + random/2))
}

// after records how long an attempt lasted, including its connection. If that is longer than the next pause would be,
// pauses start again from the shortest: a broker that accepts us and drops us at once is not hammered, and one that came
// back and went away again later is not treated as if it had been away all along.
func (p *pauses) after(lasted time.Duration, sites int) {
	if lasted > p.current(sites) {
		p.attempts = 0
	}
}

// current returns the pause, or of many sites the window, that the attempts so far have led to.
func (p *pauses) current(sites int) time.Duration {
	first, longest := p.shortest, longestPause
	if sites > few {
		first = max(first, shortestWindow, min(time.Duration(sites)*time.Second/perSecond, longestWindow))
		longest = longestWindow
	}
	d := first
	for range p.attempts {
		if d >= longest {
			break
		}
		d *= 2
	}
	return min(d, max(longest, first))
}
