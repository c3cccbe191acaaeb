package agent

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/guest"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Entries is a data source.
type Entries interface {
	// Entries calls yield with each entry, in Fliplet's form.
	Entries(ctx context.Context, yield func(json.RawMessage) error) error
}

// Pull is an operation that passes all entries of a data source to the script's function action, which may write to the
// database.
type Pull struct {
	script    *Script
	operation int
	entries   Entries
}

// Pull returns the Pull of an operation, given its number.
func (s *Script) Pull(operation int, e Entries) *Pull { return &Pull{s, operation, e} }

// Check checks that the database and Fliplet can be reached.
func (p *Pull) Check(ctx context.Context) error {
	if err := p.script.Source(p.operation).Check(ctx); err != nil {
		return err
	}
	if c, ok := p.entries.(job.Checker); ok {
		return c.Check(ctx)
	}
	return nil
}

// Read calls the script's function with the entries, which are kept in memory: they may have up to 64 MiB. In a dry run,
// it does not call the function. Each entry counts as a row that was read; there is nothing to send.
func (p *Pull) Read(ctx context.Context, _ job.Request, yield func(*record.Record) error) error {
	list := []byte("[")
	n := 0
	err := p.entries.Entries(ctx, func(e json.RawMessage) error {
		if n++; n > 1 {
			list = append(list, ',')
		}
		if list = append(list, e...); len(list) > guest.MostText {
			return fmt.Errorf("the entries have more than %d MiB; pull fewer with where, or with one of the connector's own jobs, which stream", guest.MostText>>20)
		}
		return nil
	})
	if err != nil {
		return err
	}
	list = append(list, ']')
	if p.script.config.Dry {
		if tell := p.script.config.Remote.Dry; tell != nil {
			tell(remote.Sent{Operation: fmt.Sprintf("call action with %d entries", n), Method: p.script.guest.Path, Body: list})
		}
	} else if _, err := p.script.call(ctx, "act", p.operation, value.Field{Name: "entries", Value: json.RawMessage(list)}); err != nil {
		return err
	}
	for range n {
		if err := yield(&record.Record{}); err != nil {
			return err
		}
	}
	return nil
}
