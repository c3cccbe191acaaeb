package connector

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// script is a job's transformer for a leg: a file written like a node's. It has access to neither database nor broker.
type script struct {
	scripts        *transform.Transformers
	job            string
	source, target string
}

// script loads a transformer; its errors are found here.
func (c *Connector) script(file, job, source, target string) (*script, error) {
	s := transform.New(c.log, nothing{}, nothing{}, transform.Config{Directory: filepath.Dir(file)})
	if err := s.LoadFiles(map[string]string{job: filepath.Base(file)}); err != nil {
		return nil, err
	}
	c.close = append(c.close, func() error { s.Close(); return nil })
	return &script{s, job, source, target}, nil
}

// Transform changes rows. A row on which the script fails is Bad.
func (s *script) Transform(ctx context.Context, c job.Cause, rows []*record.Record) error {
	calls := make([]transform.Call, 0, len(rows))
	var at []int // the rows of the calls
	for i, rec := range rows {
		if rec.Deleted { // the key says all
			continue
		}
		entity, err := value.DecodeEntity(rec.Data)
		if err != nil {
			rec.Bad = err.Error()
			continue
		}
		calls = append(calls, transform.Call{Table: s.job, Job: s.job, Date: c.Date, ID: rec.Key, Source: s.source, Target: s.target, Entity: entity})
		at = append(at, i)
	}
	for len(calls) > 0 {
		results := s.scripts.ApplyAll(ctx, s.job, calls)
		for i, r := range results {
			rec := rows[at[i]]
			switch {
			case errors.Is(r.Err, transform.ErrDropped):
				rec.Deleted = true
			case transform.Transient(r.Err) || ctx.Err() != nil:
				return r.Err
			case r.Err != nil:
				rec.Bad = r.Err.Error()
			default:
				data, err := record.Data(r.Entity)
				if err != nil {
					rec.Bad = err.Error()
				}
				rec.Data = data
			}
		}
		calls, at = calls[len(results):], at[len(results):]
	}
	return nil
}

// nothing stands for what a connector's scripts cannot access: query and mqtt.publish are for nodes.
type nothing struct{}

var errNothing = errors.New("query and mqtt.publish are not available in a connector's script; select what it needs along with the rows")

func (nothing) Query(context.Context, string, string) ([]value.Entity, error) { return nil, errNothing }

func (nothing) Publish(context.Context, string, []byte, byte, bool) error { return errNothing }
