package history

import (
	"math"
	"time"
)

// Away is a while in which a site was offline.
type Away struct {
	From    time.Time `json:"from"`    // about
	Until   time.Time `json:"until"`   // about; zero: it still is
	Minutes int       `json:"minutes"` // about how long in all, while this node was watching
}

// LastAway returns when a site was last offline, as two series tell it, the oldest records first; nil: not within them. A day's
// records tell it to five minutes, those of a month to an hour.
func LastAway(day, month []Record, now time.Time) *Away {
	if a := lastAway(day, 5*time.Minute, now); a != nil && (len(day) == 0 || day[0].Offline < day[0].Samples) {
		return a
	} else if b := lastAway(month, time.Hour, now); b != nil {
		if a != nil {
			b.Until = a.Until
		}
		return b
	} else {
		return a
	}
}

func lastAway(list []Record, every time.Duration, now time.Time) *Away {
	i := len(list) - 1
	for i >= 0 && list[i].Offline == 0 {
		i--
	}
	if i < 0 {
		return nil
	}
	a := &Away{}
	minutes := 0.0
	end := list[i].At.Add(every)
	if still := i == len(list)-1 && list[i].Offline == list[i].Samples && now.Sub(end) < every; !still {
		a.Until = end
	}
	// Records in between that are missing are those of a node that was not watching.
	for ; i >= 0 && list[i].Offline > 0; i-- {
		a.From = list[i].At
		minutes += every.Minutes() * float64(list[i].Offline) / float64(list[i].Samples)
		if list[i].Offline < list[i].Samples && a.From.Add(every).Before(end) {
			break
		}
	}
	a.Minutes = int(math.Round(minutes))
	return a
}
