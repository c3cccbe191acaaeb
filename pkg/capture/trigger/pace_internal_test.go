package trigger

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPollsComeSoonerAfterAChange plays polls of a database, and measures the pauses between them.
func TestPollsComeSoonerAfterAChange(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		configured time.Duration
		since      time.Duration // the last change
		found      int           // by the last poll
		took       time.Duration
		want       time.Duration
	}{
		"nothing for long":                    {10 * ms, time.Minute, 0, 0, 40 * ms},
		"nothing for long, shorter":           {4 * ms, time.Minute, 0, 0, 16 * ms},
		"nothing for long, less short":        {25 * ms, time.Minute, 0, 0, 40 * ms},
		"nothing for seconds":                 {10 * ms, 3 * time.Second, 0, 0, 20 * ms},
		"nothing for seconds, shorter":        {4 * ms, 3 * time.Second, 0, 0, 8 * ms},
		"nothing for long, longer":            {50 * ms, time.Minute, 0, 0, 50 * ms},
		"nothing for a while":                 {10 * ms, 500 * ms, 0, 0, 10 * ms},
		"a change just now":                   {10 * ms, 0, 1, 2 * ms, 2500 * time.Microsecond},
		"a change just now, a short interval": {4 * ms, 0, 1, 2 * ms, 2 * ms},
		"a change just now, the shortest":     {ms, 0, 1, 2 * ms, ms},
		"a change a moment ago":               {10 * ms, 99 * ms, 0, 0, 2500 * time.Microsecond},
		"a change just now, a long interval":  {time.Second, 0, 1, 2 * ms, time.Second},
		"many changes":                        {10 * ms, 0, 20, 4 * ms, 16 * ms},
		"a busy server":                       {10 * ms, 0, 1, 12 * ms, 48 * ms},
		"a busy server without changes":       {10 * ms, time.Minute, 0, 12 * ms, 48 * ms},
		"a very busy server":                  {10 * ms, 0, 1, time.Second, 100 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := pace{}
			p.over(1, false)
			time.Sleep(c.since)
			if _, err := p.wait(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			time.Sleep(c.took)
			p.over(c.found, false)
			began := time.Now()
			if known, err := p.wait(t.Context(), c.configured); err != nil || !known || time.Since(began) != c.want {
				t.Errorf("%s: the next poll comes after %v, want %v; %v", name, time.Since(began), c.want, err)
			}
		})
	}
}

func TestABacklogIsPolledWithoutPauses(t *testing.T) {
	p := pace{}
	p.over(1000, true)
	if _, err := p.wait(t.Context(), time.Hour); err != nil {
		t.Error(err)
	}
}
