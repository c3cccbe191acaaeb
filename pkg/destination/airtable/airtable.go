package airtable

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Config configures a base.
type Config struct {
	Token   string `koanf:"token"`
	Base    string `koanf:"base"`
	BaseURL string `koanf:"baseURL"` // "": Airtable's own
}

// Leg is the table that receives rows.
type Leg struct {
	Table      string   `koanf:"table"`
	MergeOn    []string `koanf:"mergeOn"`    // for rows with a key: 1 to 3
	EventField string   `koanf:"eventField"` // for rows without one; "": a lost answer may add a row twice
	Typecast   bool     `koanf:"typecast"`
	ReadBack   bool     `koanf:"readBack"`
}

// The limits that Airtable documents.
const (
	rowsInBatch  = 10
	bytesInBatch = 4 << 20
	rowsInPage   = 100
	mostMerged   = 3

	perBase  = 5 // requests a second
	perToken = 50
	// tooMany is how long Airtable demands a pause after too many requests; usedUp, how often to retry once
	// the plan's monthly requests are used up.
	tooMany = 30 * time.Second
	usedUp  = time.Hour
)

// Remote is the HTTP configuration for a base; the caller adds what all services share.
func (c Config) Remote(r remote.Config) remote.Config {
	address := c.BaseURL
	if address == "" {
		address = "https://api.airtable.com"
	}
	r.Base = strings.TrimSuffix(address, "/") + "/v0/" + url.PathEscape(c.Base)
	r.Auth = remote.Bearer(c.Token)
	r.Wait = wait
	r.Rules = unsure
	sum := sha256.Sum256([]byte(c.Token))
	r.Limits = []remote.Limit{
		{Name: "airtable base " + c.Base, Requests: perBase, Window: time.Second},
		{Name: fmt.Sprintf("airtable token %x", sum[:4]), Requests: perToken, Window: time.Second},
	}
	return r
}

// unsure are answers after which records may have been written all the same: Airtable says that a 503 may mean that it was
// too slow to answer.
var unsure = remote.Rules{http.StatusInternalServerError: remote.Doubt, http.StatusServiceUnavailable: remote.Doubt}

// wait returns the pause that an answer demands.
func wait(status int, _ http.Header, body []byte) (time.Duration, bool) {
	if bytes.Contains(body, []byte("BILLING_LIMIT")) {
		return usedUp, status == http.StatusTooManyRequests
	}
	return tooMany, status == http.StatusTooManyRequests
}

// Destination is a table. It is safe for concurrent use.
type Destination struct {
	client *remote.Client
	leg    Leg
}

// New returns a table in a base; it sends nothing. key is the columns by which the job identifies its rows; none if it
// adds them all.
func New(client *remote.Client, leg Leg, key []string) (*Destination, error) {
	switch {
	case leg.Table == "":
		return nil, errors.New("table: is missing")
	case len(key) == 0 && leg.MergeOn != nil:
		return nil, errors.New("mergeOn: has no effect without a key; set eventField so that no row is added twice")
	case len(key) > 0 && leg.EventField != "":
		return nil, errors.New("eventField: is for rows without a key; those with one are merged by mergeOn")
	case leg.MergeOn == nil:
		leg.MergeOn = key
	}
	if len(leg.MergeOn) > mostMerged {
		return nil, fmt.Errorf("mergeOn: is missing; the key has %d columns, and Airtable merges on at most %d fields", len(key), mostMerged)
	}
	return &Destination{client, leg}, nil
}

// Check reads a record.
func (d *Destination) Check(ctx context.Context) error {
	_, err := d.client.Do(ctx, &remote.Request{Operation: "look at the table", Path: d.path(), Query: url.Values{"pageSize": {"1"}}, Read: true, Unread: true})
	return err
}

// Limits are a request's limits.
func (*Destination) Limits() job.Limits {
	return job.Limits{Rows: rowsInBatch, Bytes: bytesInBatch}
}

// path is the table's path, below the base.
func (d *Destination) path() string { return url.PathEscape(d.leg.Table) }
