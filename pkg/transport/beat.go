package transport

import "time"

// BeatInterval is the time between two of our own "connected" messages, as existing peers have it.
func BeatInterval(checkInterval time.Duration) time.Duration { return checkInterval + 2*time.Second }

// BeatUntil is the time until which such a message, sent now, says that we are there.
func BeatUntil(now time.Time, checkInterval time.Duration) time.Time {
	return now.Add(2*checkInterval + 3*time.Second)
}
