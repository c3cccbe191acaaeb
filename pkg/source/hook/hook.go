package hook

import (
	"cmp"
	"errors"
	"regexp"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/source/inbox"
)

// Config configures a hook.
type Config struct {
	Key       []string           `koanf:"key"`
	Path      string             `koanf:"path"` // below Prefix; "": the source's name
	Auth      remote.Credentials `koanf:"auth"`
	Rows      string             `koanf:"rows"`    // the member of the body with the rows; "": see rows.go
	Version   string             `koanf:"version"` // a column; "": the later arrival is newer
	MaxBytes  int64              `koanf:"maxBytes"`
	PerSecond int                `koanf:"perSecond"`
	Keep      string             `koanf:"keep"` // a duration
}

// Prefix is the path below which hooks are served.
const Prefix = "/hooks/"

// Defaults of a Config.
const (
	defaultBytes     = 10 << 20 // as in OpenFn's webhooks
	defaultPerSecond = 50
	defaultKeep      = 30 * 24 * time.Hour
)

// shortest is the minimum length of a path that serves as credentials, in characters.
const shortest = 24

// Source is a hook. It implements job.Feed, and is safe for concurrent use.
type Source struct {
	*inbox.Source
	config Config
	log    *zap.Logger
	state  func() *ledger.Ledger
	check  check
	keep   time.Duration
	now    func() time.Time

	mu   sync.Mutex
	next time.Time // the earliest time of the next request; lags by up to a second
}

// pathText matches paths below Prefix.
var pathText = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._~/-]{0,200}$`)

// New returns a hook with a source's name; it serves nothing yet. Errors begin with the wrong key. state returns the
// state, which is open before anything is pushed or read.
func New(log *zap.Logger, name string, c Config, state func() *ledger.Ledger) (*Source, error) {
	c.MaxBytes, c.PerSecond = cmp.Or(c.MaxBytes, defaultBytes), cmp.Or(c.PerSecond, defaultPerSecond)
	s := &Source{Source: inbox.New(state, name, "rows"), log: log.With(zap.String("source", name)), state: state, keep: defaultKeep, now: time.Now}
	var err error
	if s.check, err = checkOf(c.Auth); err != nil {
		return nil, err
	}
	switch {
	case s.check == nil && c.Path == "":
		return nil, errors.New("auth: is missing: without it anyone could push rows")
	case s.check == nil && len(c.Path) < shortest:
		return nil, errors.New("auth: is missing: without it, path must be a secret of at least 24 characters")
	case c.Path != "" && !pathText.MatchString(c.Path):
		return nil, errors.New("path: may have letters, digits, and - _ . ~ /, and must not begin with a slash")
	case len(c.Key) == 0:
		return nil, errors.New("key: is missing")
	}
	if c.Keep != "" {
		if s.keep, err = time.ParseDuration(c.Keep); err != nil {
			return nil, errors.New("keep: is not a duration")
		}
	}
	c.Path = cmp.Or(c.Path, name)
	s.config = c
	return s, nil
}

// Path returns the path at which the hook is served. It may be a secret.
func (s *Source) Path() string { return Prefix + s.config.Path }

// early returns how much too early a request is; 0: it is accepted and counted. A second's worth may come at once.
func (s *Source) early() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, each := s.now(), time.Second/time.Duration(s.config.PerSecond)
	if s.next.Before(now.Add(-time.Second)) {
		s.next = now.Add(-time.Second)
	}
	if wait := s.next.Sub(now); wait > 0 {
		return wait
	}
	s.next = s.next.Add(each)
	return 0
}
