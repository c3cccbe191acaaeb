package schedule_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

func TestTheLatestMissedRunIsCaughtUp(t *testing.T) {
	for name, test := range map[string]struct {
		entry      schedule.Entry
		since, now string
		catchUp    time.Duration
		want       string // or nothing
	}{
		"one":                           {schedule.Entry{Daily: "07:30"}, "2026-11-26T20:00:00Z", "2026-11-27T09:00:00Z", 24 * time.Hour, "2026-11-27T07:30 UTC"},
		"the latest of several":         {schedule.Entry{Cron: "*/15 * * * *"}, "2026-11-20T20:00:00Z", "2026-11-27T09:05:00Z", 24 * time.Hour, "2026-11-27T09:00 UTC"},
		"the latest of many days":       {schedule.Entry{Daily: "07:30"}, "2026-01-20T20:00:00Z", "2026-11-27T07:00:00Z", 1000 * 24 * time.Hour, "2026-11-26T07:30 UTC"},
		"not one that was already seen": {schedule.Entry{Daily: "07:30"}, "2026-11-27T07:30:00Z", "2026-11-27T09:00:00Z", 24 * time.Hour, ""},
		"too long ago":                  {schedule.Entry{Daily: "07:30"}, "2026-11-26T20:00:00Z", "2026-11-27T09:00:00Z", time.Hour, ""},
		"just in time":                  {schedule.Entry{Daily: "07:30"}, "2026-11-26T20:00:00Z", "2026-11-27T08:29:59Z", time.Hour, "2026-11-27T07:30 UTC"},
		"a little late is not late":     {schedule.Entry{Daily: "07:30"}, "2026-11-27T07:29:00Z", "2026-11-27T07:30:59Z", 0, "2026-11-27T07:30 UTC"},
		"without catching up":           {schedule.Entry{Daily: "07:30"}, "2026-11-27T07:29:00Z", "2026-11-27T07:31:00Z", 0, ""},
		"due now":                       {schedule.Entry{Daily: "07:30"}, "2026-11-27T07:29:00Z", "2026-11-27T07:30:00Z", 0, "2026-11-27T07:30 UTC"},
		"the clock was set back":        {schedule.Entry{Daily: "07:30"}, "2026-11-27T09:00:00Z", "2026-11-27T07:45:00Z", time.Hour, ""},
		"a skipped time":                {schedule.Entry{Cron: "30 2 * * *", Zone: "Europe/Berlin"}, "2026-03-28T20:00:00Z", "2026-03-29T01:10:00Z", time.Hour, "2026-03-29T02:30 Europe/Berlin"},
		"in the repeated hour":          {schedule.Entry{Interval: "00:30", Zone: "Europe/Berlin"}, "2026-10-24T20:00:00Z", "2026-10-25T01:40:00Z", time.Hour, "2026-10-25T02:30+01:00 Europe/Berlin"},
		"disabled":                      {schedule.Entry{Daily: "07:30", Disabled: true}, "2026-11-26T20:00:00Z", "2026-11-27T09:00:00Z", 24 * time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, ok := parsed(t, test.entry).Missed(instant(t, test.since), instant(t, test.now), test.catchUp)
			if o.Name != test.want || ok != (test.want != "") {
				t.Errorf("got %q, want %q", o.Name, test.want)
			}
		})
	}
}

// A loop keeps a schedule while its clock is moved by hours in both directions, over daylight
// saving changes, and while the program is down.
func TestMovingTheClockNeitherRepeatsNorSkipsARun(t *testing.T) {
	const catchUp = 6 * time.Hour
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 1))
		entry := []schedule.Entry{
			{Cron: "*/15 * * * *", Zone: "Europe/Berlin"}, {Cron: "30 2 * * *", Zone: "Europe/Berlin"},
			{Interval: "00:30", Zone: "Australia/Lord_Howe"}, {Cron: "5 1-3 * * *", Zone: "America/New_York"},
		}[seed%4]
		s := parsed(t, entry)
		now := []time.Time{instant(t, "2026-03-28T18:00:00Z"), instant(t, "2026-10-24T18:00:00Z"), instant(t, "2026-04-04T02:00:00Z")}[r.IntN(3)]
		end, last, claimed := now.Add(48*time.Hour), time.Time{}, map[string]bool{}
		for now.Before(end) {
			before := last
			run, ok, sleep := s.Look(last, now, catchUp)
			last = now
			if ok && claimed[run.Name] {
				ok = false // as the unique key of the state file requires
			}
			if ok {
				claimed[run.Name] = true
			}
			if run.Name != "" && run.At.Before(now.Add(-catchUp)) || run.At.After(now) {
				t.Fatalf("seed %d: %s runs %s at %s", seed, entry.Cron, run.Name, now)
			}
			// Whatever became due since the last look, not too long ago, has run, or a later one has.
			if !before.IsZero() {
				from := before
				if limit := now.Add(-catchUp); from.Before(limit) {
					from = limit
				}
				var latest string
				for o, ok := s.Next(from); ok && !o.At.After(now); o, ok = s.Next(o.At) {
					latest = o.Name
				}
				if latest != "" && !claimed[latest] {
					t.Fatalf("seed %d: %s was skipped at %s", seed, latest, now)
				}
			}
			now = now.Add(sleep + time.Duration(r.Int64N(int64(time.Second))))
			switch r.IntN(200) {
			case 0:
				now = now.Add(time.Duration(r.Int64N(int64(5 * time.Hour))))
			case 1:
				now = now.Add(-time.Duration(r.Int64N(int64(3 * time.Hour))))
			}
		}
	}
}
