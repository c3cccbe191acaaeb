package adapter

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Source is a job's source that an adapter pulls from. It is safe for concurrent use.
type Source struct {
	adapter *Adapter
	options json.RawMessage
}

// Source returns a source; it sends nothing.
func (a *Adapter) Source(o Options) (*Source, error) {
	if !a.Pulls {
		return nil, fmt.Errorf("source: %s does not export pull", a.name)
	}
	options, err := o.json()
	return &Source{a, options}, err
}

// mostPages bounds how often pull is called in a run, and mostNext how many bytes its description of the next page may have.
const (
	mostPages = 10_000
	mostNext  = 64 << 10
)

// Read calls pull until it returns no next page. The rows may come in any order: the watermark moves with the last one.
func (s *Source) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	if r.From.Watermark == "" {
		return s.pages(ctx, r, yield)
	}
	last := &job.LastMark{Yield: yield}
	if err := s.pages(ctx, r, last.Take); err != nil {
		return err
	}
	return last.End()
}

// pages yields the rows of all pages.
func (s *Source) pages(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	about := []value.Field{{Name: "since"}, {Name: "date"}, {Name: "typeId"}, {Name: "options", Value: s.options}, {Name: "page"}}
	if r.Since != nil {
		about[0].Value = *r.Since
	}
	if r.From.Dated {
		about[1].Value, about[2].Value = r.Date, r.From.TypeID
	}
	seen := map[string]bool{}
	for n := 1; ; n++ {
		result, err := s.adapter.script.Call(ctx, "pull", about...)
		if err != nil {
			return s.adapter.shown(err)
		}
		d := json.NewDecoder(strings.NewReader(result["text"]))
		for d.More() {
			var row json.RawMessage
			if err := d.Decode(&row); err != nil {
				return s.adapter.shown(fmt.Errorf("pull: %w", err))
			}
			if err := yield(r.From.Record(row)); err != nil {
				return err
			}
		}
		next, more := result["next"]
		switch { // Promise 5
		case !more:
			return nil
		case len(next) > mostNext:
			return s.adapter.shown(fmt.Errorf("pull: next has more than %d bytes", mostNext))
		case seen[next]:
			return s.adapter.shown(fmt.Errorf("pull: page %d names a next page that was read before", n))
		case n == mostPages:
			return s.adapter.shown(fmt.Errorf("pull: has more than %d pages", mostPages))
		}
		seen[next] = true
		about[4].Value = json.RawMessage(next)
	}
}
