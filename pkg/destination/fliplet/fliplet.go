package fliplet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Config configures an account.
type Config struct {
	Token   string `koanf:"token"`
	BaseURL string `koanf:"baseURL"` // "": that of the token's region
	// EncryptKey is the passphrase for encrypted columns; "": none is encrypted.
	EncryptKey string `koanf:"encryptKey"`
}

// Leg is where in the account rows go.
type Leg struct {
	DataSource int      `koanf:"dataSource"`
	Merge      bool     `koanf:"merge"`    // keep columns that only Fliplet has
	RunHooks   []string `koanf:"runHooks"` // insert, update
	Encrypt    []string `koanf:"encrypt"`  // columns
	Files      []File   `koanf:"files"`
}

// The limits that Fliplet documents.
var limit = remote.Limit{Requests: 200, Window: 10 * time.Second}

// rowsInBatch is how many entries Fliplet Agent puts into a commit; bytesInBatch keeps it below the 10 MB limit of a
// request.
const (
	rowsInBatch  = 1000
	bytesInBatch = 8 << 20
)

// URL is the address of the API in a token's region, which the first letters of the token name.
func URL(token string) string {
	switch region, _, _ := strings.Cut(strings.ToLower(token), "--"); region {
	case "us", "ca":
		return "https://" + region + ".api.fliplet.com"
	}
	return "https://api.fliplet.com"
}

// Remote is the HTTP configuration for an account; the caller adds what all services share.
func (c Config) Remote(r remote.Config) remote.Config {
	r.Base = strings.TrimSuffix(c.BaseURL, "/")
	if r.Base == "" {
		r.Base = URL(c.Token)
	}
	r.Auth = remote.Header("Auth-token", c.Token)
	r.Secrets = append(r.Secrets, c.EncryptKey)
	r.Wait = wait
	r.Rules = unsure
	l := limit
	l.Name = "fliplet " + r.Base
	r.Limits = []remote.Limit{l}
	return r
}

// unsure are answers after which a commit may have been executed: the entries are read before it is resent, since
// nothing distinguishes a second insert from the first.
var unsure = remote.Rules{
	http.StatusRequestTimeout: remote.Doubt, http.StatusInternalServerError: remote.Doubt, http.StatusServiceUnavailable: remote.Doubt,
}

// anySize is the bound for answers that are streamed, or not read at all.
const anySize = math.MaxInt64

// wait returns the pause that Fliplet demands: until the date that it names.
func wait(_ int, _ http.Header, body []byte) (time.Duration, bool) {
	var told struct {
		Next time.Time `json:"nextValidRequestDate"`
	}
	if json.Unmarshal(body, &told) != nil || told.Next.IsZero() {
		return 0, false
	}
	return time.Until(told.Next), true
}

// Destination is a data source. It is safe for concurrent use. The exported fields are set before it is used.
type Destination struct {
	Log   *zap.Logger
	Fetch remote.Config     // with which remote files are requested
	Dry   func(remote.Sent) // not nil: files are reported instead of uploaded

	media  media
	client *remote.Client
	leg    Leg
	cipher *cipherText // nil: nothing is encrypted
}

// New returns a data source of an account; it sends nothing. key is the columns that identify a row. Errors begin
// with a key of the configuration.
func (c Config) New(client *remote.Client, leg Leg, key []string) (*Destination, error) {
	if leg.DataSource < 1 {
		return nil, errors.New("dataSource: is missing")
	}
	if err := checkFiles(leg.Files, key); err != nil {
		return nil, err
	}
	d := &Destination{client: client, Log: zap.NewNop()}
	if len(leg.Encrypt) > 0 {
		if c.EncryptKey == "" {
			return nil, errors.New("encrypt: needs encryptKey in the destination, the passphrase to encrypt with")
		}
		for _, name := range key {
			if slices.Contains(leg.Encrypt, name) {
				return nil, fmt.Errorf("encrypt: %q identifies rows, and cannot be encrypted: no entry would be found again", name)
			}
		}
		d.cipher = &cipherText{c.EncryptKey, leg.Encrypt}
	}
	if leg.RunHooks == nil {
		leg.RunHooks = []string{}
	}
	d.leg = leg
	return d, nil
}

// Check asks whom the token belongs to. The next upload asks again which files Fliplet has.
func (d *Destination) Check(ctx context.Context) error {
	d.media.forget()
	_, err := d.client.Do(ctx, &remote.Request{Operation: "check the token", Path: "/v1/user", Read: true, Unread: true})
	return err
}

// Limits are those of a commit.
func (d *Destination) Limits() job.Limits {
	if d.cipher != nil { // data grows by a third
		return job.Limits{Rows: rowsInBatch, Bytes: bytesInBatch * 3 / 4}
	}
	return job.Limits{Rows: rowsInBatch, Bytes: bytesInBatch}
}

// Rows reads all entries, one at a time.
func (d *Destination) Rows(ctx context.Context, yield func(job.Stored) error) error {
	const operation = "read the entries"
	body, err := d.client.Open(ctx, &remote.Request{Operation: operation, Path: d.path("data"), Read: true, MaxBytes: anySize})
	if err != nil {
		return err
	}
	defer body.Close()
	part := &part{Reader: body, left: mostEntry}
	err = entries(json.NewDecoder(part), func(e entry) error {
		part.left = mostEntry
		data, err := d.cipher.show(e.Data)
		if err != nil {
			return err
		}
		return yield(job.Stored{ID: strconv.FormatInt(*e.ID, 10), Data: data})
	})
	if err != nil {
		return fmt.Errorf("%s of data source %d: %w", operation, d.leg.DataSource, err)
	}
	return nil
}

// mostEntry limits an entry, and anything else in the answer, in bytes: a request to Fliplet has at most 10 MB.
const mostEntry = 32 << 20

// part reads an answer of any size, but not more of it at once than is left. Promise 12.
type part struct {
	io.Reader
	left int
}

func (p *part) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, fmt.Errorf("one has more than %d bytes", mostEntry)
	}
	n, err := p.Reader.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// entry is one of a data source.
type entry struct {
	ID   *int64          `json:"id"`
	Data json.RawMessage `json:"data"`
}

// entries reads {"entries": […]}, one entry at a time.
func entries(d *json.Decoder, yield func(entry) error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("the answer is not a JSON object"), err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if name != "entries" {
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return err
			}
			continue
		}
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return errors.Join(errors.New("the entries are not a list"), err)
		}
		for d.More() {
			var e entry
			if err := d.Decode(&e); err != nil {
				return err
			}
			if e.ID == nil || !bytes.HasPrefix(e.Data, []byte("{")) {
				return errors.New("an entry has no id or no data")
			}
			if err := yield(e); err != nil {
				return err
			}
		}
		_, err = d.Token()
		return err
	}
	return errors.New("the answer has no entries")
}

// commit is the body of a commit, without its entries and append; without append Fliplet removes all other entries.
type commit struct {
	Delete   []int64  `json:"delete,omitempty"`
	Extend   bool     `json:"extend,omitempty"`
	RunHooks []string `json:"runHooks"`
	before   [][]byte // see remote.Append
	text     []byte   // up to the last entry
	entries  int
}

// room is the size of a commit without its entries' data, and of an entry without its data, in bytes.
const (
	roomOfCommit = 200
	roomOfEntry  = 40
)

// begin starts the body of a commit for some operations, with a single copy of their data, and none of large ones.
func (c *commit) begin(operations []job.Operation) {
	size := roomOfCommit
	for i := range operations {
		size += roomOfEntry
		if n := len(operations[i].Data); n < remote.Large {
			size += n
		}
	}
	c.text = append(make([]byte, 0, size), `{"append":true,"entries":[`...)
}

// add adds an entry, a new one if it has no id. Its data are written unchanged, as they are JSON.
func (c *commit) add(id *int64, data []byte) {
	if c.entries++; c.entries > 1 {
		c.text = append(c.text, ',')
	}
	c.text = append(c.text, '{')
	if id != nil {
		c.text = append(strconv.AppendInt(append(c.text, `"id":`...), *id, 10), ',')
	}
	c.before, c.text = remote.Append(c.before, append(c.text, `"data":`...), data)
	c.text = append(c.text, '}')
}

// end ends the body.
func (c *commit) end() error {
	rest, err := json.Marshal(c)
	if err == nil {
		c.text = append(append(c.text, "],"...), rest[1:]...)
	}
	return err
}

// Send commits a batch. Fliplet accepts all of it or nothing.
func (d *Destination) Send(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	c := commit{Extend: d.leg.Merge, RunHooks: d.leg.RunHooks}
	c.begin(b.Operations)
	answers := make([]job.Answer, len(b.Operations))
	for i, o := range b.Operations {
		var id *int64
		if o.ID != "" {
			n, err := strconv.ParseInt(o.ID, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("the id %q of an entry is not a number", o.ID)
			}
			id = &n
		}
		switch {
		case o.Kind != job.Delete:
			uploaded, err := d.upload(ctx, &o)
			if err != nil {
				return nil, err
			}
			data, err := d.cipher.hide(uploaded) // after its hash was taken: each encryption has a new salt
			if err != nil {
				answers[i].Refused = err.Error()
				continue
			}
			c.add(id, data)
		case id != nil:
			c.Delete = append(c.Delete, *id)
		}
	}
	if c.entries+len(c.Delete) == 0 {
		return answers, nil
	}
	if err := c.end(); err != nil {
		return nil, fmt.Errorf("commit entries: %w", err)
	}
	// The answer is the whole data source, which is not read: the status suffices.
	answer, err := d.client.Open(ctx, &remote.Request{Operation: "commit entries", Method: http.MethodPost, Path: d.path("commit"), Before: c.before, Body: c.text, MaxBytes: anySize})
	if err != nil {
		return nil, err
	}
	_ = answer.Close()
	return answers, nil
}

// path is a path below the data source.
func (d *Destination) path(of string) string {
	return fmt.Sprintf("/v1/data-sources/%d/%s", d.leg.DataSource, of)
}
