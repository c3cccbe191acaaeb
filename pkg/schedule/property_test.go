package schedule_test

import (
	"archive/zip"
	"crypto/sha256"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// Around each clock change of each zone, over some years, schedules run as a clock read minute by
// minute says.
func TestEachTimeRunsAsTheZonesClockShowsIt(t *testing.T) {
	t.Parallel()
	entries := map[string]func(minute int64) bool{ // of the day
		"0 * * * *":      func(m int64) bool { return m%60 == 0 },
		"17,47 * * * *":  func(m int64) bool { return m%60 == 17 || m%60 == 47 },
		"10 0-3 * * *":   func(m int64) bool { return m%60 == 10 && m/60 <= 3 },
		"*/20 */2 * * *": func(m int64) bool { return m%20 == 0 && m/60%2 == 0 },
	}
	changes, shifts := 0, map[time.Duration]bool{}
	for name, zone := range zones(t) {
		schedules := map[string]*schedule.Schedule{}
		for entry := range entries {
			schedules[entry] = parsed(t, schedule.Entry{Cron: entry, Zone: name})
		}
		for at := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC).In(zone); ; {
			_, change := at.ZoneBounds()
			if change.IsZero() || change.Year() > 2020 {
				break
			}
			at = change.In(zone)
			changes++
			_, before := change.Add(-1).In(zone).Zone()
			_, after := at.Zone()
			shifts[time.Duration(after-before)*time.Second] = true

			shown := clock(at.Add(-8*time.Hour), 12*time.Hour)
			from := change.Add(-4 * time.Hour)
			for entry, matches := range entries {
				s := schedules[entry]
				last, names := from, map[string]bool{}
				for _, i := range due(shown, 4*60, matches, strings.Contains(entry, " * * * *")) {
					want := change.Add(time.Duration(i)*time.Minute - 8*time.Hour)
					o, ok := s.Next(last)
					if !ok || !o.At.Equal(want) || names[o.Name] {
						t.Fatalf("%s, %s: got %v, want %v", name, entry, o, want)
					}
					if same, ok := s.Next(o.At.Add(-7 * time.Second)); !ok || same != o {
						t.Fatalf("%s, %s: %v is also %v", name, entry, o, same)
					}
					if missed, ok := s.Missed(last, o.At.Add(30*time.Second), 0); !ok || missed != o {
						t.Fatalf("%s, %s: missed %v, want %v", name, entry, o, missed)
					}
					last, names[o.Name] = o.At, true
				}
				if o, ok := s.Next(last); ok && !o.At.After(change.Add(4*time.Hour-time.Minute)) {
					t.Fatalf("%s, %s: %v is one too many", name, entry, o)
				}
			}
		}
	}
	if changes < 1500 {
		t.Errorf("saw only %d changes", changes)
	}
	for _, shift := range []time.Duration{30 * time.Minute, -30 * time.Minute, time.Hour, 2 * time.Hour, -2 * time.Hour, -3 * time.Hour, 24 * time.Hour} {
		if !shifts[shift] { // Lord Howe, Troll, Casey and Apia
			t.Errorf("no clock changed by %s", shift)
		}
	}
}

// clock returns what a clock shows in each of a range of minutes, as minutes.
func clock(from time.Time, d time.Duration) []int64 {
	shown := make([]int64, d/time.Minute)
	for i := range shown {
		at := from.Add(time.Duration(i) * time.Minute)
		_, offset := at.Zone()
		shown[i] = (at.Unix() + int64(offset)) / 60
	}
	return shown
}

// due returns the minutes at which a schedule runs after a given one, by the rules in doc.go.
func due(shown []int64, after int, matches func(int64) bool, twice bool) (list []int) {
	reached := shown[0]
	for i, now := range shown {
		runs := matches(now%(24*60)) && (twice || i == 0 || now > reached)
		for skipped := reached + 1; skipped < now; skipped++ {
			runs = runs || matches(skipped%(24*60))
		}
		reached = max(reached, now)
		if runs && i > after {
			list = append(list, i)
		}
	}
	return list
}

// zones returns the zones of Go's copy of the zone database, one of each equal set.
func zones(t *testing.T) map[string]*time.Location {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = files.Close() }()
	found := map[string]*time.Location{}
	same := map[[sha256.Size]byte]bool{}
	for _, f := range files.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); !same[sum] {
			same[sum] = true
			if found[f.Name], err = schedule.Zone(f.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return found
}

// Changes beyond a zone's table follow from its rule.
func TestEachDayOfDistantYearsHasItsRun(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kolkata", "Antarctica/Troll"} {
		for _, daily := range []string{"00:00", "02:15", "23:59"} {
			s := parsed(t, schedule.Entry{Daily: daily, Zone: zone})
			at := time.Date(2037, 12, 1, 23, 59, 30, 0, s.Zone())
			for day := at.AddDate(0, 0, 1); day.Year() < 2046; day = day.AddDate(0, 0, 1) {
				o, ok := s.Next(at)
				if want := day.Format("2006-01-02T") + daily + " " + zone; !ok || o.Name != want {
					t.Fatalf("got %v, want %s", o, want)
				}
				if late := o.At.Sub(time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, s.Zone())); late < -time.Hour || late > 26*time.Hour {
					t.Fatalf("%s runs at %s", o.Name, o.At)
				}
				at = o.At
			}
		}
	}
}
