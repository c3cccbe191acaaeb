package connector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/source/hook"
	"github.com/mysql-sync/mysql-sync/pkg/source/inbox"
)

func (c *Connector) hook(a plan.Adapter) (origin, error) {
	var config hook.Config
	if err := a.Settings.Decode(&config); err != nil {
		return nil, err
	}
	if c.plan.HTTP.Listen == "" {
		return nil, errors.New("type: a hook needs http.listen, which is missing")
	}
	s, err := hook.New(c.log, a.Name, config, func() *ledger.Ledger { return c.state })
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(c.feeds, func(f feed) bool { return f.hook != nil && f.hook.Path() == s.Path() }) {
		return nil, errors.New("path: another hook has the same path")
	}
	c.feeds = append(c.feeds, feed{source: a.Name, hook: s, run: func(ctx context.Context) error {
		return s.Run(ctx, func(ctx context.Context) (int64, error) { return c.readFrom(ctx, s.Source, "") })
	}})
	return func(_ plan.Settings, from *job.From) (job.Source, error) {
		if from.Watermark != "" {
			return nil, errors.New("watermark: has no effect: rows are read in order of arrival; remove it")
		}
		from.Watermark = inbox.Watermark
		return s, nil
	}, nil
}

// hooked serves hooks beside a page.
func (c *Connector) hooked(page http.Handler) http.Handler {
	var hooks []*hook.Source
	for _, f := range c.feeds {
		if f.hook != nil {
			hooks = append(hooks, f.hook)
		}
	}
	if len(hooks) == 0 {
		return page
	}
	return hook.NewServer(hooks...).Handler(page)
}

// readFrom returns the number up to which all jobs have read the inbox of a source, or of one of its tables; 0: not all
// jobs have read, or there are none.
func (c *Connector) readFrom(ctx context.Context, source *inbox.Source, table string) (least int64, err error) {
	for i := range c.plan.Jobs {
		p := &c.plan.Jobs[i]
		if p.From.Source != source.Name() || table != "" && p.From.Settings["table"] != table {
			continue
		}
		w, err := c.state.Watermark(ctx, p.Name, ledger.Push)
		if err != nil {
			return 0, err
		}
		n, err := source.Reached(ctx, w.Read.Value)
		if err != nil || n == 0 {
			return 0, err
		}
		if least == 0 || n < least {
			least = n
		}
	}
	return least, nil
}

// partial returns why a job cannot have its modes: a source without all rows cannot tell which are gone.
func partial(s job.Source, p *plan.Job) error {
	if _, ok := s.(*hook.Source); !ok {
		return nil
	}
	for i := range p.To {
		if p.To[i].Mode == job.ModeReplace {
			return fmt.Errorf("to[%d].mode: \"replace\" would delete the rows that nobody has pushed lately; use \"update\"", i)
		}
	}
	return nil
}
