package alert

import (
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema of a configuration's alerts block.
var Schema = keys.MustDefine(schema, "auth", remote.CredentialsSchema)

// Config is a configuration's alerts block. It holds secrets.
type Config struct {
	Slack           string  `koanf:"slack"` // address of an incoming webhook; "": none
	Webhook         Webhook `koanf:"webhook"`
	NoSuccessWithin string  `koanf:"noSuccessWithin"` // a duration; "": a day, 0s: never
	OfflineAfter    string  `koanf:"offlineAfter"`    // a duration; "": five minutes, 0s: never
}

// Webhook is an endpoint that accepts alerts as JSON.
type Webhook struct {
	URL     string             `koanf:"url"`
	Auth    remote.Credentials `koanf:"auth"`
	Headers map[string]string  `koanf:"headers"`
	CA      string             `koanf:"ca"`
}

// GoString hides the secrets.
func (c Config) GoString() string { return c.String() }

// String hides the secrets.
func (c Config) String() string { return "alerts" }

// GoString hides the secrets.
func (w Webhook) GoString() string { return w.String() }

// String hides the secrets.
func (w Webhook) String() string { return remote.HostOf(w.URL) }

// Who is the connector that a message is about.
type Who struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	Tags []string `json:"tags,omitempty"`
}

// Alerts watches jobs, and alerts people to problems.
type Alerts struct {
	Log    *zap.Logger
	Ledger *ledger.Ledger // set before use
	Jobs   []Job          // likewise
	// Peers returns the mesh clients to watch; nil: none.
	Peers func() ([]Peer, error)

	who     Who
	within  time.Duration // 0: no job has to succeed
	offline time.Duration // 0: no peer has to be online
	targets []*target
	hide    *remote.Redactor
	look    chan struct{} // wakes Run: something may have happened
	pause   time.Duration // before a message is sent a second time
	began   time.Time
	state   unwritten
}

const (
	defaultWithin  = 24 * time.Hour
	defaultOffline = 5 * time.Minute
	firstPause     = time.Second
)

// New returns Alerts; it sends nothing yet. An error starts with the key of the block that it is about.
func New(c Config, who Who, r remote.Config) (*Alerts, error) {
	a := &Alerts{who: who, within: defaultWithin, offline: defaultOffline, look: make(chan struct{}, 1), pause: r.Tries.Pause, began: time.Now()}
	if a.pause == 0 {
		a.pause = firstPause
	}
	var err error
	if c.NoSuccessWithin != "" {
		if a.within, err = time.ParseDuration(c.NoSuccessWithin); err != nil {
			return nil, errors.New("noSuccessWithin: expected a duration such as 24h")
		}
	}
	if c.OfflineAfter != "" {
		if a.offline, err = time.ParseDuration(c.OfflineAfter); err != nil {
			return nil, errors.New("offlineAfter: expected a duration such as 5m")
		}
	}
	a.hide = remote.NewRedactor([]string{c.Slack, pathOf(c.Slack), c.Webhook.URL, pathOf(c.Webhook.URL)}, nil)
	r.Tries.Most, r.Tries.Timeout = 1, 30*time.Second // failed alerts are resent from the state
	if c.Slack != "" {
		t, err := newSlack(c.Slack, r)
		if err != nil {
			return nil, errors.New("slack: must be the URL of an incoming webhook, https://hooks.slack.com/services/…")
		}
		a.targets = append(a.targets, t)
	}
	if c.Webhook.URL != "" {
		t, err := newWebhook(c.Webhook, r)
		if err != nil {
			return nil, fmt.Errorf("webhook.%w", err)
		}
		a.targets = append(a.targets, t)
	}
	for _, t := range a.targets {
		t.woken = make(chan struct{}, 1)
	}
	return a, nil
}

// newSlack returns the target for a Slack incoming webhook.
// Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
func newSlack(url string, r remote.Config) (*target, error) {
	r.Base, r.Rules = url, remote.Slack
	r.Secrets = append(r.Secrets, pathOf(url), url)
	r.Limits = []remote.Limit{{Name: "slack " + remote.HostOf(url), Requests: 1, Window: time.Second}}
	c, err := remote.New(r)
	return &target{name: "slack", client: c, body: slackBody, accepted: func(r *remote.Response) bool { return string(r.Body) == "ok" }}, err
}

// newWebhook returns the target for any endpoint.
func newWebhook(w Webhook, r remote.Config) (*target, error) {
	var err error
	if r.Auth, err = w.Auth.Auth(); err != nil {
		return nil, err
	}
	r.Base, r.CAFile, r.Header = w.URL, w.CA, http.Header{}
	r.Secrets = append(r.Secrets, pathOf(w.URL))
	for name, value := range w.Headers {
		r.Header.Set(name, value)
	}
	r.Limits = []remote.Limit{{Name: "alerts " + remote.HostOf(w.URL), Requests: 1, Window: time.Second}}
	c, err := remote.New(r)
	return &target{name: "webhook", client: c, body: webhookBody}, err
}
