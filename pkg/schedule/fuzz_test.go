package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// Any text is either refused with a reason or yields ascending runs.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"*/15 * * * *", "0 0 29 2 *", "0 22-2 * * *", "5/15 * * * *", "@daily", "0 0 31 4 mon-sun", "1,2,3-9/2 0-23 1 jan *"} {
		f.Add(seed, "", "", "", "Europe/Berlin")
	}
	f.Add("", "24:00", "", "", "-07:00")
	f.Add("", "", "Mon,Sun 24:00", "", "5.5")
	f.Add("", "", "", "00:07", "Australia/Lord_Howe")
	f.Fuzz(func(t *testing.T, cron, daily, weekly, interval, zone string) {
		s, err := schedule.Parse(schedule.Entry{Cron: cron, Daily: daily, Weekly: weekly, Interval: interval, Zone: zone})
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if key, why, ok := strings.Cut(line, ": "); !ok || key == "" || why == "" {
					t.Errorf("an error without a key: %s", line)
				}
			}
			return
		}
		at := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
		names := map[string]bool{}
		for range 50 {
			o, ok := s.Next(at)
			if !ok {
				if s.Timed() {
					t.Errorf("%s ends at %s", s, at)
				}
				return
			}
			if !o.At.After(at) || names[o.Name] {
				t.Fatalf("%s: %v comes after %s", s, o, at)
			}
			names[o.Name], at = true, o.At
		}
	})
}
