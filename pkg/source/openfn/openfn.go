package openfn

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Config is a server.
type Config struct {
	URL           string             `koanf:"url"`
	Auth          remote.Credentials `koanf:"auth"`
	CallbackToken string             `koanf:"callbackToken"`
	Timeout       string             `koanf:"timeout"` // a duration
	Attempts      int                `koanf:"attempts"`
	CA            string             `koanf:"ca"`
}

// Remote is the HTTP configuration for a server; the caller adds what all services share. Errors begin with a key.
func (c Config) Remote(r remote.Config) (remote.Config, error) {
	var err error
	if r.Auth, err = c.Auth.Auth(); err != nil {
		return r, err
	}
	r.Base, r.CAFile, r.Tries.Most = c.URL, c.CA, c.Attempts
	r.Secrets = append(r.Secrets, c.CallbackToken)
	if c.CallbackToken != "" {
		r.Header = http.Header{"X-Callback-Token": {c.CallbackToken}}
	}
	if c.Timeout != "" {
		if r.Tries.Timeout, err = time.ParseDuration(c.Timeout); err != nil || r.Tries.Timeout < 0 {
			return r, errors.New("timeout: is not a duration")
		}
	}
	return r, nil
}

// Source is a server that serves items. It is safe for concurrent use.
type Source struct{ client *remote.Client }

// New returns a source; it sends nothing.
func New(client *remote.Client) *Source { return &Source{client} }

// Check asks for current news.
func (s *Source) Check(ctx context.Context) error {
	now := record.Time(time.Now())
	_, err := s.items(ctx, &now)
	return err
}

// mostValues limits the weight of an answer, whose items are sorted in memory: 16 MiB of real events have less.
const mostValues = 16 << 20 / 10

// Read reads the items in order of their timestamps. An answer may have at most 16 MiB.
func (s *Source) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	list, err := s.items(ctx, r.Since)
	if err != nil {
		return err
	}
	var events []*event
	err = value.EachItem(list, func(item []byte) error {
		events = append(events, eventOf(s.client.Host(), item))
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(events, func(a, b *event) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.GUID, b.GUID)) })
	for i, e := range events {
		rec := &record.Record{Bad: fmt.Sprintf("item %d %s", i, e.bad)}
		if e.bad == "" {
			data, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("pull events: %w", err)
			}
			rec = r.From.Record(data)
		}
		if err := yield(rec); err != nil {
			return err
		}
	}
	return nil
}

// items requests what is new since a moment; nil: everything.
func (s *Source) items(ctx context.Context, since *string) (json.RawMessage, error) {
	r := &remote.Request{Operation: "pull events", Read: true}
	if since != nil {
		r.Query = url.Values{"since": {*since}}
	}
	answer, err := s.client.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if record.Weight(answer.Body) > mostValues {
		return nil, fmt.Errorf("pull events: %s has answered with too many values at once", s.client.Host())
	}
	if text := bytes.TrimLeft(answer.Body, " \t\r\n"); bytes.HasPrefix(text, []byte("[")) && json.Valid(text) {
		return text, nil
	}
	if list := record.List(answer.Body, "events"); list != nil {
		return list, nil
	}
	return nil, fmt.Errorf("pull events: %s has answered neither with a list nor with {\"events\": […]}", s.client.Host())
}
