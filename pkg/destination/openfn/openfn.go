package openfn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Config configures a webhook.
type Config struct {
	Type     string             // openfn or mock-sync-server
	URL      string             `koanf:"url"`
	Auth     remote.Credentials `koanf:"auth"`
	Timeout  string             `koanf:"timeout"` // a duration
	Attempts int                `koanf:"attempts"`
	Pause    string             `koanf:"pause"` // a duration
	CA       string             `koanf:"ca"`
}

// Leg fills in what events need and rows lack.
type Leg struct {
	UserID string `koanf:"userId"`
}

// rowsInBatch is the default number of events in a batch, and mostRows the maximum that a job may set. OpenFn's
// webhooks accept 10 MB.
const (
	rowsInBatch  = 100
	mostRows     = 10_000
	bytesInBatch = 8 << 20
)

// Remote is the HTTP configuration for a webhook; the caller adds what all services share. Errors begin with a key.
func (c Config) Remote(r remote.Config) (remote.Config, error) {
	var err error
	if r.Auth, err = c.Auth.Auth(); err != nil {
		return r, err
	}
	r.Base, r.CAFile, r.Tries.Most = c.URL, c.CA, c.Attempts
	for _, d := range []struct {
		key, text string
		into      *time.Duration
	}{{"timeout", c.Timeout, &r.Tries.Timeout}, {"pause", c.Pause, new(time.Duration)}} {
		if d.text == "" {
			continue
		}
		if *d.into, err = time.ParseDuration(d.text); err != nil || *d.into < 0 {
			return r, errors.New(d.key + ": is not a duration")
		}
		if d.key == "pause" && *d.into > 0 {
			r.Limits = []remote.Limit{{Name: "openfn " + remote.HostOf(c.URL), Requests: 1, Window: *d.into}}
		}
	}
	return r, nil
}

// Destination is a webhook as a job uses it. It is safe for concurrent use.
type Destination struct {
	client *remote.Client
	list   string // the name of the list of events
	form   form
}

// New returns a webhook as a job uses it; it sends nothing. key is the columns by which the job identifies its rows;
// none if it adds them all.
func New(client *remote.Client, kind string, leg Leg, key []string) *Destination {
	d := &Destination{client: client, list: "entities", form: form{events: slices.Equal(key, []string{"guid"}), user: leg.UserID, now: time.Now}}
	if kind == "mock-sync-server" {
		d.list = "data"
	}
	if d.form.user == "" {
		d.form.user = "system"
	}
	return d
}

// Limits are a request's limits.
func (*Destination) Limits() job.Limits {
	return job.Limits{Rows: rowsInBatch, Most: mostRows, Bytes: bytesInBatch}
}

// Reach sends the webhook any request. It exists if it answers at all, even with 404: a POST, which it expects, would
// start a workflow.
func (d *Destination) Reach(ctx context.Context) error {
	_, err := d.client.Do(ctx, &remote.Request{Operation: "reach the webhook", Read: true, Unread: true})
	if e, ok := errors.AsType[*remote.Error](err); ok && e.Status >= 400 && e.Status < 500 {
		return nil
	}
	return err
}

// Send sends a batch of events.
func (d *Destination) Send(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	answers := make([]job.Answer, len(b.Operations))
	var events []event
	for i := range b.Operations {
		e, err := d.form.event(&b.Operations[i])
		switch {
		case errors.Is(err, errNotSent):
		case err != nil:
			answers[i].Refused = err.Error()
		default:
			events = append(events, e)
		}
	}
	if len(events) == 0 {
		return answers, nil
	}
	body, err := json.Marshal(map[string]any{d.list: events})
	if err != nil {
		return nil, fmt.Errorf("push events: %w", err)
	}
	_, err = d.client.Do(ctx, &remote.Request{Operation: "push events", Method: http.MethodPost, Body: body, Again: true, Unread: true})
	if err != nil {
		return nil, err
	}
	return answers, nil
}
