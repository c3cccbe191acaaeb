package agent

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// Source is what an operation of a script reads, given by its sourceQuery or source.
type Source struct {
	script    *Script
	operation int
}

// Source returns the Source of an operation, given its number.
func (s *Script) Source(operation int) *Source { return &Source{s, operation} }

// Check checks that the database can be reached.
func (s *Source) Check(ctx context.Context) error {
	if s.script.reads == nil {
		return nil
	}
	return s.script.reads.Check(ctx)
}

// Read calls the script's function. If it returns an unexecuted query, the rows are streamed.
func (s *Source) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	result, err := s.script.call(ctx, "rows", s.operation)
	if err != nil {
		return err
	}
	if text, streamed := result["sql"]; streamed {
		r.From.Query = text
		return s.script.reads.Read(ctx, r, yield)
	}
	d := json.NewDecoder(strings.NewReader(result["text"]))
	for d.More() {
		var row json.RawMessage
		if err := d.Decode(&row); err != nil {
			return err
		}
		if err := yield(r.From.Record(row)); err != nil {
			return err
		}
	}
	return nil
}
