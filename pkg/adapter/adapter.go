package adapter

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/guest"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

//go:embed adapter.js
var program []byte

// hostFile is the name of the program in the sandbox.
const hostFile = ".adapter.js"

// Options is a job's configuration of an adapter.
type Options struct {
	Options map[string]any `koanf:"options"`
}

// Adapter is a service reached by a user's adapter. It is safe for concurrent use; its calls run one after the other.
type Adapter struct {
	script *guest.Script
	name   string // of the file, as shown in messages
	web    *guest.Web
	dry    func(remote.Sent) // nil: not a dry run
	redact *remote.Redactor

	described
}

// described is what an adapter exports.
type described struct {
	Pushes    bool             `json:"push"`
	Pulls     bool             `json:"pull"`
	BatchSize *json.RawMessage `json:"batchSize"`
	rows      int
}

// rowsInBatch is how many rows push gets at once unless the adapter asks for another number, at most mostRows.
const (
	rowsInBatch  = 100
	mostRows     = 10_000
	bytesInBatch = 8 << 20
)

// Open loads an adapter, which runs its file once; it sends nothing. shared is the configuration that all services share.
// The error says what is wrong with the service's block, starting with a key, or with the file.
func Open(ctx context.Context, log *zap.Logger, path string, c Config, shared remote.Config) (*Adapter, error) {
	a := &Adapter{name: Folder + "/" + filepath.Base(path), dry: shared.Dry, redact: remote.NewRedactor(c.secrets(), nil)}
	r, err := c.Remote(shared)
	if err != nil {
		return nil, err
	}
	var own *remote.Client
	if c.URL != "" {
		if own, err = remote.New(r); err != nil {
			return nil, err
		}
	}
	shared.Secrets, shared.Tries = r.Secrets, r.Tries
	a.web = guest.NewWeb(shared, own)
	settings := c.Settings
	if settings == nil {
		settings = map[string]string{}
	}
	a.script, err = guest.Open(log, path, guest.Host{Name: hostFile, Program: program, Setup: map[string]any{"url": c.URL, "settings": settings}, Answer: a, Redact: a.redact.Start})
	if err != nil {
		return nil, fmt.Errorf("type: %w", a.shown(err))
	}
	if err := a.describe(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("type: %w", err), a.Close())
	}
	return a, nil
}

// describe asks the script what its file exports.
func (a *Adapter) describe(ctx context.Context) error {
	result, err := a.script.Call(ctx, "describe")
	if err != nil {
		return a.shown(err)
	}
	if err := json.Unmarshal([]byte(result["text"]), &a.described); err != nil {
		return err
	}
	a.rows = rowsInBatch
	if a.BatchSize != nil {
		if json.Unmarshal(*a.BatchSize, &a.rows) != nil || a.rows < 1 || a.rows > mostRows {
			return fmt.Errorf("%s: batchSize is not a whole number from 1 to %d", a.name, mostRows)
		}
	}
	if !a.Pushes && !a.Pulls {
		return fmt.Errorf("%s exports neither push nor pull", a.name)
	}
	return nil
}

// Close ends the adapter's process.
func (a *Adapter) Close() error { return a.script.Close() }

// shown returns an error of the script as people may see it: with the file, and without secrets.
func (a *Adapter) shown(err error) error {
	text := err.Error()
	if mistakes, ok := errors.AsType[keys.Mistakes](err); ok && len(mistakes) == 1 {
		m := mistakes[0]
		text = m.Text
		if m.Line > 0 {
			text = fmt.Sprintf("%s:%d: %s", filepath.Base(m.File), m.Line, m.Text)
		}
	}
	if text = strings.TrimPrefix(text, hostFile+": "); located.MatchString(text) {
		text = Folder + "/" + text
	} else {
		text = a.name + ": " + text
	}
	return &failure{a.redact.Text(text), err}
}

// located matches an error that starts with its location.
var located = regexp.MustCompile(`^[^:\s]+\.js(:[0-9]+)?: `)

// failure is an error with another text.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }

func (f *failure) Unwrap() error { return f.err }

// asksBegin starts the question with which adapter.js begins a call that may write.
const asksBegin = 'B'

// calling is the context key of the call whose questions are being answered.
type calling struct{}

// call is what a call of push has done.
type call struct {
	mu    sync.Mutex
	begun bool
	wrote bool // it has written something, or may have
	dry   bool // it would have, but for the dry run
}

// errTwice ends a call that starts over because its process has ended, if it has already written something.
var errTwice = errors.New("its process has ended after it had sent something")

// begin records that a call begins, or starts over.
func (c *call) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun && c.wrote {
		return errTwice
	}
	c.begun = true
	return nil
}

// sent records that the call has sent a request that may write.
func (c *call) sent(wrote bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrote = c.wrote || wrote
	c.dry = c.dry || errors.Is(err, remote.ErrDry)
}

// dryAnswer is what push gets for a request that is not sent, so that it continues.
var dryAnswer = []value.Entity{{{Name: "status", Value: int64(200)}, {Name: "headers", Value: json.RawMessage("{}")}, {Name: "data", Value: json.RawMessage("{}")}}}

// Query answers the script.
func (a *Adapter) Query(ctx context.Context, _, text string) ([]value.Entity, error) {
	c, ok := ctx.Value(calling{}).(*call)
	if !ok {
		c = &call{}
	}
	switch {
	case text == "":
	case text[0] == asksBegin:
		return nil, c.begin()
	case text[0] == guest.AsksHTTP:
		rows, err := a.web.Answer(ctx, text[1:], c.sent)
		if ok && errors.Is(err, remote.ErrDry) {
			return dryAnswer, nil
		}
		return rows, err
	}
	return nil, errors.New("an unknown request")
}
