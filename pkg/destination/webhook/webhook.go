package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Config configures an endpoint.
type Config struct {
	URL       string             `koanf:"url"`
	Auth      remote.Credentials `koanf:"auth"`
	Headers   map[string]string  `koanf:"headers"`
	Secret    string             `koanf:"secret"`    // for the signature; "": there is none
	PerSecond int                `koanf:"perSecond"` // requests; 0: any number
	Timeout   string             `koanf:"timeout"`   // a duration; "": a minute
	CA        string             `koanf:"ca"`
}

// Leg says how rows are sent.
type Leg struct {
	Path    string `koanf:"path"`    // {column} is the value of a key column
	Method  string `koanf:"method"`  // POST or PUT
	Send    string `koanf:"send"`    // row or batch
	Body    string `koanf:"body"`    // event or row
	Deletes string `koanf:"deletes"` // send or ignore
}

// rowsInBatch is the default number of rows in a batch, and mostRows the maximum that a job may set.
const (
	rowsInBatch  = 100
	mostRows     = 10_000
	bytesInBatch = 1 << 20
)

// Remote is the HTTP configuration for the endpoint; the caller adds what all services share. Errors begin with a
// key.
func (c Config) Remote(r remote.Config) (remote.Config, error) {
	var err error
	if r.Auth, err = c.Auth.Auth(); err != nil {
		return r, err
	}
	r.Base, r.CAFile = c.URL, c.CA
	r.Secrets = append(r.Secrets, c.Secret)
	r.Header = http.Header{}
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	if c.PerSecond > 0 {
		r.Limits = []remote.Limit{{Name: "webhook " + remote.HostOf(c.URL), Requests: c.PerSecond, Window: time.Second}}
	}
	if c.Timeout != "" {
		if r.Tries.Timeout, err = time.ParseDuration(c.Timeout); err != nil || r.Tries.Timeout <= 0 {
			return r, errors.New("timeout: must be longer than 0")
		}
	}
	return r, nil
}

// Destination is an endpoint as a job uses it. It is safe for concurrent use.
type Destination struct {
	client *remote.Client
	leg    Leg
	sign   signer
	key    []string
	now    func() time.Time
}

// placeholder is a key column in a path.
var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// New returns an endpoint as a job uses it; it sends nothing. key is the columns by which the job identifies its rows;
// none if it adds them all.
func New(client *remote.Client, secret string, leg Leg, key []string) (*Destination, error) {
	sign, err := newSigner(secret)
	if err != nil {
		return nil, err
	}
	named := placeholder.FindAllStringSubmatch(leg.Path, -1)
	for _, m := range named {
		if !slices.Contains(key, m[1]) {
			return nil, fmt.Errorf("path: unknown key column %q", m[1])
		}
	}
	if before, query, _ := strings.Cut(leg.Path, "?"); placeholder.MatchString(query) || before != "" && before[0] != '/' {
		return nil, errors.New("path: must begin with /, and must have no column in its query")
	}
	deletes := leg.Deletes != "ignore" && len(key) > 0
	switch {
	case leg.Send == "batch" && len(named) > 0:
		return nil, errors.New("path: a batch has rows with different keys; remove the columns, or set send to \"row\"")
	case leg.Send == "batch" && leg.Body == "row" && deletes:
		return nil, errors.New("deletes: a list of rows cannot say which are deleted; set deletes to \"ignore\", or body to \"event\"")
	case leg.Send != "batch" && leg.Body == "row" && deletes && len(named) < len(key):
		return nil, errors.New("path: does not say which row to DELETE; name the key columns as in /orders/{id}, set deletes to \"ignore\", or body to \"event\"")
	}
	return &Destination{client: client, leg: leg, sign: sign, key: key, now: time.Now}, nil
}

// Limits are a request's limits.
func (d *Destination) Limits() job.Limits {
	if d.leg.Send == "batch" {
		return job.Limits{Rows: rowsInBatch, Most: mostRows, Bytes: bytesInBatch}
	}
	return job.Limits{Rows: 1, Bytes: bytesInBatch}
}

// Send sends a batch.
func (d *Destination) Send(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	list := slices.DeleteFunc(slices.Clone(b.Operations), func(o job.Operation) bool { return o.Kind == job.Delete && d.leg.Deletes == "ignore" })
	answers := make([]job.Answer, len(b.Operations))
	if len(list) == 0 {
		return answers, nil
	}
	r, err := d.request(list)
	switch {
	case errors.Is(err, errPath):
		answers[0].Refused = err.Error()
		return answers, nil
	case err != nil:
		return nil, err
	}
	if _, err := d.client.Do(ctx, r); err != nil {
		return nil, err
	}
	return answers, nil
}
