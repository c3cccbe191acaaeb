package history_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/history"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

const own, store = "hq", "store-1"

func open(t *testing.T, path string) *history.File {
	t.Helper()
	f, aside, damaged, err := history.Open(path, own)
	if err != nil || aside != "" || damaged > 0 {
		t.Fatalf("open: %v, set aside: %q, damaged: %d", err, aside, damaged)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func add(t *testing.T, f *history.File, site string, at time.Time, s history.Sample) {
	t.Helper()
	if err := f.Add(site, at, s); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path, site string, now time.Time) (day, month []history.Record) {
	t.Helper()
	day, month, err := history.Read(path, own, site, now)
	if err != nil {
		t.Fatalf("read %s: %v", site, err)
	}
	return day, month
}

func file(t *testing.T) string { return history.Path(t.TempDir(), own) }

// What is sent and received adds up; of the rest, the worst counts.
func TestSamplesOfFiveMinutesAndOfAnHourAreOneRecord(t *testing.T) {
	t.Parallel()
	path := file(t)
	f := open(t, path)
	s := history.Sample{Sent: 3, Received: 2, Pending: 10, ForIt: 4, Waits: 60, Refused: 1, Conflicts: 2, Uncaptured: 5, Online: 3, Remotes: 4, FreeDisk: 50 << 20}
	for i := range 60 {
		x := s
		if i == 7 {
			x.Pending, x.Online, x.FreeDisk = 99, 1, 40<<20
		}
		if i == 8 {
			x = history.Sample{Offline: true, FreeDisk: -1}
		}
		add(t, f, store, noon.Add(time.Duration(i)*time.Minute), x)
	}
	day, month := read(t, path, store, noon.Add(time.Hour))
	if len(day) != 12 || len(month) != 1 {
		t.Fatalf("%d and %d records", len(day), len(month))
	}
	want := history.Record{At: noon, Samples: 5, Sent: 15, Received: 10, Pending: 10, ForIt: 4, Waits: 60, Refused: 1, Conflicts: 2, Uncaptured: 5, Online: 3, Remotes: 4, FreeDisk: 50 << 20}
	if day[0] != want {
		t.Errorf("%+v, want %+v", day[0], want)
	}
	want.At, want.Samples, want.Offline, want.Sent, want.Received, want.Pending, want.Online, want.FreeDisk = noon, 60, 1, 59*3, 59*2, 99, 1, 40<<20
	if month[0] != want {
		t.Errorf("%+v, want %+v", month[0], want)
	}
}

// Numbers from 0 to the largest keep four digits; small ones are exact.
func TestNumbersKeepFourDigits(t *testing.T) {
	t.Parallel()
	path := file(t)
	f := open(t, path)
	for i, v := range []int64{0, 1, 2047, 2048, 12345, 1 << 40, 1<<42 - 1} {
		at := noon.Add(time.Duration(i) * day / 24)
		v = min(v, 1<<41)
		add(t, f, store, at, history.Sample{Pending: v, FreeDisk: v << 20})
		five, _ := read(t, path, store, at)
		got := five[len(five)-1]
		for _, x := range []int64{got.Pending, got.FreeDisk >> 20} {
			if x > v || x < v-v/1000-1 || v < 2047 && x != v {
				t.Errorf("%d became %+v", v, got)
			}
		}
	}
	add(t, f, store, noon.Add(day), history.Sample{Pending: -5, FreeDisk: -1})
	five, _ := read(t, path, store, noon.Add(day))
	if got := five[len(five)-1]; got.Pending != 0 || got.FreeDisk != -1 {
		t.Errorf("%+v", got)
	}
}

const day = 24 * time.Hour

// After 40 days with a sample each ten minutes, a day and 30 days are left, in order, and the file is no larger than on the
// first day.
func TestOldDaysFallOut(t *testing.T) {
	t.Parallel()
	path := file(t)
	f := open(t, path)
	end := noon.Add(40 * day)
	for at := noon; !at.After(end); at = at.Add(10 * time.Minute) {
		add(t, f, own, at, history.Sample{Sent: 1})
		add(t, f, store, at, history.Sample{Sent: 1})
	}
	five, hours := read(t, path, store, end)
	if len(five) != 144 || !five[0].At.Equal(end.Add(-day+10*time.Minute)) || !five[143].At.Equal(end) {
		t.Errorf("%d records of a day, from %v", len(five), five[0].At)
	}
	if len(hours) != 720 || !hours[0].At.Equal(end.Add(-719*time.Hour)) || hours[1].Sent != 6 {
		t.Errorf("%d hours from %v", len(hours), hours[0])
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 64<<10 {
		t.Errorf("%v, %v", info.Size(), err)
	}
	if five, hours := read(t, path, store, end.Add(31*day)); len(five)+len(hours) != 0 {
		t.Errorf("after a month without samples: %d and %d records", len(five), len(hours))
	}
}

func TestARestartGoesOn(t *testing.T) {
	t.Parallel()
	path := file(t)
	for i := range 5 {
		f := open(t, path)
		add(t, f, store, noon.Add(time.Duration(i)*time.Minute), history.Sample{Sent: 2})
		_ = f.Close()
	}
	if five, hours := read(t, path, store, noon); len(five) != 1 || five[0].Sent != 10 || five[0].Samples != 5 || hours[0].Sent != 10 {
		t.Errorf("%+v, %+v", five, hours)
	}
}

// Records of a clock that was ahead are not shown, and make no room for less.
func TestAClockThatIsSetBackLeavesNoFuture(t *testing.T) {
	t.Parallel()
	path := file(t)
	f := open(t, path)
	add(t, f, store, noon.Add(-time.Hour), history.Sample{Sent: 1})
	add(t, f, store, noon.Add(3*365*day+5*time.Hour), history.Sample{Sent: 7})
	add(t, f, store, noon, history.Sample{Sent: 2})
	five, hours := read(t, path, store, noon)
	if len(five) != 2 || len(hours) != 2 || five[0].Sent != 1 || five[1].Sent != 2 {
		t.Errorf("%+v, %+v", five, hours)
	}
}

// A record is torn, a place is overwritten, the file ends early: what is whole is shown, and the rest is written anew.
func TestDamageCostsOnlyWhatItHits(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		path := file(t)
		f := open(t, path)
		for i := range 30 {
			for _, site := range []string{own, store, "store-2"} {
				add(t, f, site, noon.Add(time.Duration(i*5)*time.Minute), history.Sample{Sent: int64(i)})
			}
		}
		_ = f.Close()
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged := whole[:random.IntN(len(whole)+1)]
		for range random.IntN(200) {
			if len(damaged) > 0 {
				damaged[random.IntN(len(damaged))] = byte(random.Uint32())
			}
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		f, _, _, err = history.Open(path, own)
		if err != nil {
			t.Fatal(err)
		}
		now := noon.Add(4 * time.Hour)
		add(t, f, store, now, history.Sample{Sent: 1000})
		_ = f.Close()
		five, _ := read(t, path, store, now)
		for _, r := range five[:len(five)-1] {
			if want := int64(r.At.Sub(noon) / (5 * time.Minute)); r.Sent != want {
				t.Errorf("%+v, want %d rows", r, want)
			}
		}
		if five[len(five)-1].Sent != 1000 {
			t.Errorf("%+v", five[len(five)-1])
		}
	}
}

func TestAForeignFileIsSetAside(t *testing.T) {
	t.Parallel()
	path := file(t)
	for _, content := range []string{"something else", strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, aside, _, err := history.Open(path, own)
		if err != nil || aside != path+".unreadable" {
			t.Fatalf("%v, set aside as %q", err, aside)
		}
		add(t, f, own, noon, history.Sample{Sent: 1})
		_ = f.Close()
		if kept, err := os.ReadFile(aside); err != nil || string(kept) != content {
			t.Errorf("what was set aside: %.20q, %v", kept, err)
		}
		read(t, path, own, noon)
	}
	if _, aside, _, err := history.Open(path, "another"); err != nil || aside == "" {
		t.Errorf("the history of another node was taken over: %v", err)
	}
}

func TestAPlaceThatCannotBeReadIsFree(t *testing.T) {
	t.Parallel()
	path := file(t)
	f := open(t, path)
	add(t, f, store, noon, history.Sample{Sent: 1})
	_ = f.Close()
	h, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteAt([]byte("torn"), 32<<10); err != nil {
		t.Fatal(err)
	}
	_ = h.Close()
	f, aside, damaged, err := history.Open(path, own)
	if err != nil || aside != "" || damaged != 1 {
		t.Fatalf("%v, %q, %d damaged", err, aside, damaged)
	}
	defer f.Close()
	if _, _, err := history.Read(path, own, store, noon); !errors.Is(err, history.ErrNone) {
		t.Errorf("%v", err)
	}
	// Another site gets the place, and none of its records.
	add(t, f, "store-2", noon.Add(time.Hour), history.Sample{Sent: 5})
	if five, hours := read(t, path, "store-2", noon.Add(time.Hour)); len(five) != 1 || len(hours) != 1 {
		t.Errorf("%+v, %+v", five, hours)
	}
}

// A site that is gone is kept for 30 days; then another may have its place.
func TestSitesThatAreGoneAreRemovedAfterThirtyDays(t *testing.T) {
	t.Parallel()
	path := file(t)
	f := open(t, path)
	add(t, f, store, noon, history.Sample{Sent: 1})
	add(t, f, "store-2", noon, history.Sample{Sent: 1})
	exists := func(site string) bool { return site != store }
	for _, after := range []time.Duration{0, 29 * day} {
		if err := f.Tidy(exists, noon.Add(after)); err != nil {
			t.Fatal(err)
		}
		read(t, path, store, noon.Add(after))
	}
	if err := f.Tidy(exists, noon.Add(31*day)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := history.Read(path, own, store, noon); !errors.Is(err, history.ErrNone) {
		t.Error(err)
	}
	read(t, path, "store-2", noon)
	before := size(t, path)
	add(t, f, "store-3", noon.Add(31*day), history.Sample{})
	if size(t, path) != before {
		t.Error("the place was not used again")
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// Thousands of names take no more than the places that there are.
func TestPlacesAreBounded(t *testing.T) {
	t.Parallel()
	path := file(t)
	f := open(t, path)
	refused := 0
	for i := range 5000 {
		if err := f.Add(fmt.Sprintf("store-%d", i), noon, history.Sample{}); err != nil {
			refused++
		}
	}
	if refused != 5000-4095 || size(t, path) > 4096*32<<10 {
		t.Errorf("%d were refused, the file has %d bytes", refused, size(t, path))
	}
	if err := f.Add(strings.Repeat("x", 65), noon, history.Sample{}); err == nil {
		t.Error("a name of 65 characters was accepted")
	}
}

// A process that adds records is killed at any moment; what it had added before is there.
func TestAKillLosesNothing(t *testing.T) {
	if path := os.Getenv("HISTORY_KILLED"); path != "" {
		f, _, _, err := history.Open(path, own)
		if err != nil {
			t.Fatal(err)
		}
		for i := int64(1); ; i++ {
			if err := f.Add(store, noon, history.Sample{Sent: 1}); err != nil {
				t.Fatal(err)
			}
			fmt.Println("added")
			if i == 200 {
				select {} // a record counts at most 255 samples
			}
		}
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hq.history")
	child := exec.Command(os.Args[0], "-test.run=^TestAKillLosesNothing$")
	child.Env = append(os.Environ(), "HISTORY_KILLED="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	told := make([]byte, len("added\n")*50)
	n := 0
	for n < len(told) {
		m, err := out.Read(told[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	if five, hours := read(t, path, store, noon); len(five) != 1 || five[0].Sent < 50 || hours[0].Sent < 49 {
		t.Errorf("%+v, %+v", five, hours)
	}
}

func TestWhenASiteWasLastOffline(t *testing.T) {
	t.Parallel()
	for what, x := range map[string]struct {
		from, until time.Duration // before now
		want        history.Away
		never       bool
	}{
		"never":                      {never: true},
		"for 40 minutes, 2 h ago":    {160 * time.Minute, 2 * time.Hour, history.Away{From: noon.Add(-160 * time.Minute), Until: noon.Add(-2 * time.Hour), Minutes: 40}, false},
		"a minute":                   {time.Hour, 59 * time.Minute, history.Away{From: noon.Add(-time.Hour), Until: noon.Add(-55 * time.Minute), Minutes: 1}, false},
		"since 20 minutes":           {20 * time.Minute, 0, history.Away{From: noon.Add(-20 * time.Minute), Minutes: 20}, false},
		"for 2 days, 10 days ago":    {12 * day, 10 * day, history.Away{From: noon.Add(-12 * day), Until: noon.Add(-10 * day), Minutes: 2 * 24 * 60}, false},
		"since 2 days":               {2 * day, 0, history.Away{From: noon.Add(-2 * day), Minutes: 2 * 24 * 60}, false},
		"for 2 days, an hour ago":    {49 * time.Hour, time.Hour, history.Away{From: noon.Add(-49 * time.Hour), Until: noon.Add(-time.Hour), Minutes: 2 * 24 * 60}, false},
		"longer than 30 days, still": {45 * day, 0, history.Away{From: noon.Add(-719 * time.Hour), Minutes: 719 * 60}, false},
	} {
		path := file(t)
		f := open(t, path)
		step := 10 * time.Minute
		for at := noon.Add(-31 * day); at.Before(noon); at = at.Add(step) {
			if noon.Sub(at) <= day {
				step = time.Minute
			}
			before := noon.Sub(at)
			add(t, f, store, at, history.Sample{Offline: !x.never && before <= x.from && before > x.until})
		}
		_ = f.Close()
		now := noon.Add(-time.Second)
		five, hours := read(t, path, store, now)
		got := history.LastAway(five, hours, now)
		if x.never {
			if got != nil {
				t.Errorf("%s: %+v", what, got)
			}
			continue
		}
		if got == nil {
			t.Errorf("%s: it is not known", what)
			continue
		}
		if d := got.Minutes - x.want.Minutes; d < -60 || d > 60 && x.want.Minutes > 1000 || got.From.Sub(x.want.From).Abs() > time.Hour || got.Until.IsZero() != x.want.Until.IsZero() || got.Until.Sub(x.want.Until).Abs() > time.Hour {
			t.Errorf("%s: %+v, want %+v", what, got, x.want)
		}
	}
}

// Others may write anything into the file: reading it never panics, and what it says stays within its bounds.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("x"), 0)
	f.Add([]byte{0xff, 0, 1}, 513)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		path := history.Path(t.TempDir(), own)
		h, _, _, err := history.Open(path, own)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if err := h.Add(store, noon, history.Sample{Sent: 1}); err != nil {
			t.Fatal(err)
		}
		raw, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = raw.WriteAt(b, int64(uint(at)%(64<<10)))
		_ = raw.Close()
		if err != nil {
			t.Fatal(err)
		}
		five, hours, err := history.Read(path, own, store, noon)
		if err == nil {
			history.LastAway(five, hours, noon)
		}
		again, _, _, err := history.Open(path, own)
		if err != nil {
			t.Fatal(err)
		}
		_ = again.Close()
	})
}
