package adapter

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Config is the configuration of a service that an adapter reaches.
type Config struct {
	URL       string             `koanf:"url"` // "": the adapter knows
	Auth      remote.Credentials `koanf:"auth"`
	Headers   map[string]string  `koanf:"headers"`
	Settings  map[string]string  `koanf:"settings"`  // for the adapter
	PerSecond int                `koanf:"perSecond"` // requests; 0: unlimited
	Pause     string             `koanf:"pause"`     // between requests, a duration
	Timeout   string             `koanf:"timeout"`   // a duration; "": 30 s
	Attempts  int                `koanf:"attempts"`  // 0: 5
	CA        string             `koanf:"ca"`
}

// A call's requests, and the pauses between them, must fit into its time limit.
const (
	timeout  = 30 * time.Second
	patience = 30 * time.Second
)

// Remote returns the HTTP configuration for the service; r has what all services share. An error starts with a key.
func (c Config) Remote(r remote.Config) (remote.Config, error) {
	var err error
	if r.Auth, err = c.Auth.Auth(); err != nil {
		return r, err
	}
	r.Base, r.CAFile = c.URL, c.CA
	r.Secrets = append(r.Secrets, c.secrets()...)
	r.Tries.Most, r.Tries.Timeout, r.Tries.Patience = c.Attempts, timeout, patience
	r.Header = http.Header{}
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	limit := func(requests int, window time.Duration) {
		r.Limits = append(r.Limits, remote.Limit{Name: "adapter " + remote.HostOf(c.URL), Requests: requests, Window: window})
	}
	if c.PerSecond > 0 {
		limit(c.PerSecond, time.Second)
	}
	if c.Pause != "" {
		pause, err := time.ParseDuration(c.Pause)
		if err != nil || pause <= 0 {
			return r, errors.New("pause: must be longer than 0")
		}
		limit(1, pause)
	}
	if c.Timeout != "" {
		if r.Tries.Timeout, err = time.ParseDuration(c.Timeout); err != nil || r.Tries.Timeout <= 0 {
			return r, errors.New("timeout: must be longer than 0")
		}
	}
	return r, nil
}

// secretName matches the names of settings that are secrets even if short.
var secretName = regexp.MustCompile(`(?i)token|secret|passw|key|auth|credential|cookie|signature|connection|dsn`)

// secrets returns the settings that no message may show: those with such names, and those that look like a token or an
// address. Others, such as words, may occur in any text.
func (c Config) secrets() (list []string) {
	for name, v := range c.Settings {
		if len(v) >= 4 && secretName.MatchString(name) || len(v) >= 12 && !strings.ContainsAny(v, " \t\n") {
			list = append(list, v)
		}
	}
	return list
}
