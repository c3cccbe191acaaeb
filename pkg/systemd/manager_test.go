package systemd_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/systemd"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// told runs f with a manager whose clock is the bubble's, and returns the messages that it got, without clocks.
func told(t *testing.T, f func(m *systemd.Manager)) (list []string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		f(systemd.Over(zap.NewNop(), time.Minute, func(state string) error {
			if before, clock, found := strings.Cut(state, "\nMONOTONIC_USEC="); found && clock != "" {
				state = before + " at"
			}
			list = append(list, strings.ReplaceAll(state, "\n", " "))
			return nil
		}))
	})
	return list
}

func TestWhatTheManagerIsTold(t *testing.T) {
	for name, x := range map[string]struct {
		does func(m *systemd.Manager)
		want []string
	}{
		"it works": {func(m *systemd.Manager) {
			m.Alive(false, "waits")
			m.Alive(true, "works")
			m.Alive(true, "works")
		}, []string{"WATCHDOG=1 STATUS=waits", "WATCHDOG=1 READY=1 STATUS=works", "WATCHDOG=1"}},
		"it waits for others, which must not hold up a boot": {func(m *systemd.Manager) {
			m.Alive(false, "waits")
			time.Sleep(20 * time.Second)
			m.Alive(false, "waits")
			m.Alive(true, "works")
		}, []string{"WATCHDOG=1 STATUS=waits", "WATCHDOG=1 READY=1", "WATCHDOG=1 STATUS=works"}},
		"a reload": {func(m *systemd.Manager) {
			m.Alive(true, "")
			m.Reloading()
			m.Alive(false, "waits")
			m.Reloaded()
			m.Reloaded()
		}, []string{"WATCHDOG=1 READY=1", "RELOADING=1 at", "WATCHDOG=1 STATUS=waits", "READY=1"}},
		"a reload before it has started": {func(m *systemd.Manager) {
			m.Reloading()
			m.Reloaded()
			m.Alive(true, "")
		}, []string{"WATCHDOG=1 READY=1"}},
		"a stop in the middle of a reload": {func(m *systemd.Manager) {
			m.Alive(true, "")
			m.Reloading()
			m.Stopping()
			m.Stopping()
			m.Reloaded()
		}, []string{"WATCHDOG=1 READY=1", "RELOADING=1 at", "STOPPING=1"}},
	} {
		if got := told(t, x.does); !slices.Equal(got, x.want) {
			t.Errorf("%s: told %q, want %q", name, got, x.want)
		}
	}
}

// Promise 9: a status may quote what others sent.
func TestAStatusIsOneAssignment(t *testing.T) {
	text := "denied: \nSTOPPING=1\r\x00\xff" + strings.Repeat("ä", 500)
	got := told(t, func(m *systemd.Manager) { m.Alive(false, text) })
	if len(got) != 1 || strings.Count(got[0], "=1") != 2 || !strings.Contains(got[0], "STATUS=denied:  STOPPING=1") || len(got[0]) > 250 || !utf8.ValidString(got[0]) {
		t.Errorf("told %q", got)
	}
}

// A service works without systemd, and when it cannot be reached.
func TestNoManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	m := systemd.New(zap.NewNop())
	m.Alive(true, "")
	m.Stopping()
	if m.Every() != 0 {
		t.Errorf("it wants a report every %v", m.Every())
	}
	core, logged := observer.New(zap.WarnLevel)
	m = systemd.Over(zap.New(core), 0, func(string) error { return errors.New("no one listens") })
	m.Alive(true, "")
	m.Stopping()
	if logged.Len() != 1 || m.Every() != 5*time.Second {
		t.Errorf("%d log lines, want 1; a report every %v, want 5 s", logged.Len(), m.Every())
	}
}

func TestAManagerAtASocket(t *testing.T) {
	s := testkit.Systemd(t)
	for _, v := range s.Environment(9 * time.Second) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	m := systemd.New(zap.NewNop())
	if m.Every() != 3*time.Second {
		t.Errorf("it wants a report every %v, want a third of the watchdog's 9 s", m.Every())
	}
	m.Alive(true, "works")
	if got := s.Wait("READY=1"); !slices.Equal(got, []string{"WATCHDOG=1", "READY=1", "STATUS=works"}) {
		t.Errorf("got %q", got)
	}
}
