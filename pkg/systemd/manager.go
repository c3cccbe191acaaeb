package systemd

import (
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"
)

const (
	longest  = 5 * time.Second  // between two reports
	patience = 20 * time.Second // after which a service that waits for others counts as started
	mostText = 200              // bytes of a status
)

// phase is what the manager was last told.
type phase int

const (
	starting phase = iota
	started
	reloading
	stopping
)

// Manager is the service manager that started this process, if one did. It is safe for concurrent use.
type Manager struct {
	log   *zap.Logger
	send  func(state string) error
	every time.Duration
	began time.Time

	mu     sync.Mutex
	phase  phase
	status string // as last sent
	mute   bool   // sending has failed
}

// New returns the manager that the environment names: NOTIFY_SOCKET, and WATCHDOG_USEC if it wants to know that the
// process is alive. Errors are logged once: a service works without a manager.
func New(log *zap.Logger) *Manager {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return &Manager{log: log}
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	m := Over(log, watchdog, func(state string) error {
		_, err := daemon.SdNotify(false, state)
		return err
	})
	m.failed(err)
	return m
}

// Over returns a manager that is reached by send, and restarts a process that has not been alive for watchdog; 0: never.
func Over(log *zap.Logger, watchdog time.Duration, send func(state string) error) *Manager {
	every := longest
	if watchdog > 0 {
		every = min(every, watchdog/3)
	}
	return &Manager{log: log, send: send, every: every, began: time.Now()}
}

// Every returns how often to call Alive; 0: there is no manager.
func (m *Manager) Every() time.Duration { return m.every }

// Alive reports that the caller's loop makes progress, and how the service is, in one line for people. The service has
// started once it works. It also counts as started after it has waited for others for 20 s: neither a boot nor an
// upgrade should wait for a database at another site.
func (m *Manager) Alive(works bool, status string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lines := []string{daemon.SdNotifyWatchdog}
	if m.phase == starting && (works || time.Since(m.began) >= patience) {
		m.phase = started
		lines = append(lines, daemon.SdNotifyReady)
	}
	if status = oneLine(status); status != m.status {
		m.status = status
		lines = append(lines, "STATUS="+status)
	}
	m.tell(lines...)
}

// Reloading reports that the service rereads its configuration. One that has not started goes on starting.
func (m *Manager) Reloading() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.phase == started {
		m.phase = reloading
		m.tell(daemon.SdNotifyReloading, strings.TrimSuffix(daemon.SdNotifyMonotonicUsec(), "\n"))
	}
}

// Reloaded reports that the service runs again, with the new configuration or the previous one.
func (m *Manager) Reloaded() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.phase == reloading {
		m.phase = started
		m.tell(daemon.SdNotifyReady)
	}
}

// Stopping reports that the service is stopping. It will not be ready again.
func (m *Manager) Stopping() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.phase != stopping {
		m.phase = stopping
		m.tell(daemon.SdNotifyStopping)
	}
}

// tell sends assignments in one message. The caller holds the lock, so that messages arrive in order.
func (m *Manager) tell(lines ...string) {
	if m.send != nil {
		m.failed(m.send(strings.Join(lines, "\n")))
	}
}

// failed logs the first error.
func (m *Manager) failed(err error) {
	if err != nil && !m.mute {
		m.mute = true
		m.log.Warn("could not notify systemd", zap.Error(err))
	}
}

// oneLine makes text fit for an assignment: a line break would begin another one.
func oneLine(text string) string {
	text = strings.ToValidUTF8(text, "?")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > mostText {
		text = strings.ToValidUTF8(text[:mostText], "") + "…"
	}
	return text
}
