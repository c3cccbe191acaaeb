package http

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// Config is an API.
type Config struct {
	URL        string             `koanf:"url"`
	Auth       remote.Credentials `koanf:"auth"`
	Headers    map[string]string  `koanf:"headers"`
	OtherHosts []string           `koanf:"otherHosts"` // that next pages may be on
	PageBytes  int64              `koanf:"pageBytes"`  // 0: 16 MiB
	PerSecond  int                `koanf:"perSecond"`  // requests; 0: any number
	Timeout    string             `koanf:"timeout"`    // a duration; "": a minute
	Attempts   int                `koanf:"attempts"`   // 0: 5
	CA         string             `koanf:"ca"`
}

// Remote is the HTTP configuration for the API; the caller adds what all services share. Errors begin with a key.
func (c Config) Remote(r remote.Config) (remote.Config, error) {
	var err error
	if r.Auth, err = c.Auth.Auth(); err != nil {
		return r, err
	}
	r.Base, r.CAFile, r.MaxBytes, r.Tries.Most = c.URL, c.CA, c.PageBytes, c.Attempts
	r.Header = http.Header{}
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	if c.PerSecond > 0 {
		r.Limits = []remote.Limit{{Name: "http " + remote.HostOf(c.URL), Requests: c.PerSecond, Window: time.Second}}
	}
	if c.Timeout != "" {
		if r.Tries.Timeout, err = time.ParseDuration(c.Timeout); err != nil || r.Tries.Timeout <= 0 {
			return r, errors.New("timeout: must be longer than 0")
		}
	}
	return r, nil
}

// Source is what a job reads from an API. It is safe for concurrent use.
type Source struct {
	client *remote.Client
	hosts  []string // further hosts, which may serve next pages
	what   string   // the path, as it appears in errors
	ask    template
	method string
	rows   rowsPath
	turn   turn
	from   job.From
	start  *string // the watermark for runs that read all rows; nil: none
	most   int     // pages
	heavy  int64   // the weight of a page that is too heavy
}

// New returns a source for the rows that a job reads. It sends nothing. Errors begin with a key.
func New(client *remote.Client, c Config, rows Rows, from job.From) (*Source, error) {
	s := &Source{client: client, from: from, hosts: c.OtherHosts, most: rows.MaxPages, start: rows.Start, method: rows.Method}
	s.heavy = cmp.Or(c.PageBytes, 16<<20) / bytesPerValue
	s.what, _, _ = strings.Cut(rows.Path, "?")
	if s.what == "" {
		s.what = "/"
	}
	if s.method == "" {
		s.method = http.MethodGet
		if rows.Body != nil {
			s.method = http.MethodPost
		}
	}
	if s.most == 0 {
		s.most = defaultPages
	}
	var err error
	if s.rows, err = newRowsPath(rows.Rows); err != nil {
		return nil, err
	}
	if s.turn, err = newTurn(rows); err != nil {
		return nil, err
	}
	if s.ask, err = newTemplate(rows, s.turn, from); err != nil {
		return nil, err
	}
	switch marked := s.ask.uses(watermark); {
	case s.method == http.MethodGet && rows.Body != nil:
		return nil, errors.New("body: a GET request has none; remove it, or set method to POST")
	case marked && from.Watermark == "":
		return nil, errors.New("path: {watermark} needs watermark, the column that grows with each change")
	case !marked && from.Watermark != "":
		return nil, errors.New("watermark: has no effect unless path or body says where it goes, as in /orders?since={watermark}")
	}
	values := s.first(job.Request{From: from, Date: "2026-11-27"}).values
	if from.Watermark != "" {
		values[watermark] = "now" // any value, to find out whether the result is an address
		if rows.Start == nil && s.ask.inPath(watermark) {
			return nil, errors.New("start: is missing: path needs {watermark} even when all rows are read")
		}
	}
	path, _, err := s.ask.fill(values)
	if err == nil {
		_, err = client.Address(path)
	}
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	return s, nil
}

// bytesPerValue is how many bytes a value of a full page has at least, on average.
const bytesPerValue = 10

// defaultPages is how many pages a run may read by default.
const defaultPages = 10_000

// Check reads the first page, and reports whether the rows are where they should be.
func (s *Source) Check(ctx context.Context) error {
	_, err := s.page(ctx, s.first(job.Request{From: s.from, Date: time.Now().UTC().Format(time.DateOnly)}), 1)
	return err
}

// Read reads page by page.
func (s *Source) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	if r.From.Watermark != "" {
		last := &job.LastMark{Yield: yield} // Promise 5
		if err := s.read(ctx, r, last.Take); err != nil {
			return err
		}
		return last.End()
	}
	return s.read(ctx, r, yield)
}

// rows yields the rows of all pages, with their marks.
func (s *Source) read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	seen := loop{}
	at := s.first(r)
	for n := 1; ; n++ {
		if n > s.most {
			return fmt.Errorf("read %s: there are more than %d pages; raise maxPages if that is right", s.what, s.most)
		}
		if !seen.address(at) { // Promise 2
			return fmt.Errorf("read %s: after page %d comes one that was read before; correct how pages follow each other", s.what, n-1)
		}
		p, err := s.page(ctx, at, n)
		if err != nil {
			return err
		}
		if len(p.rows) > 0 && !seen.content(p.sum) {
			return fmt.Errorf("read %s: page %d equals an earlier one; the API may ignore the parameter that asks for the next page", s.what, n)
		}
		for i, row := range p.rows {
			if err := yield(recordOf(&r.From, row, n, i+1)); err != nil {
				return err
			}
		}
		var more bool
		if at, more, err = s.after(at, p); err != nil || !more {
			return err
		}
	}
}
