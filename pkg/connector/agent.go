package connector

import (
	"errors"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/agent"
	"github.com/mysql-sync/mysql-sync/pkg/destination/fliplet"
	"github.com/mysql-sync/mysql-sync/pkg/foreign"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	entries "github.com/mysql-sync/mysql-sync/pkg/source/fliplet"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// organization returns a Fliplet account and a client for it.
func organization(a plan.Settings, r remote.Config) (account fliplet.Config, client *remote.Client, err error) {
	if err := a.Decode(&account); err != nil {
		return account, nil, err
	}
	if account.Token == "" {
		return account, nil, errors.New("token: is missing")
	}
	client, err = remote.New(account.Remote(r))
	return account, client, err
}

func (c *Connector) fliplet(a plan.Adapter, r remote.Config) (account, error) {
	account, client, err := organization(a.Settings, r)
	if err != nil {
		return nil, err
	}
	return func(p *plan.Job, to *plan.Leg) (*job.Leg, error) {
		var leg fliplet.Leg
		if err := to.Settings.Decode(&leg); err != nil {
			return nil, err
		}
		d, err := account.New(client, leg, keyOf(p, to))
		if err != nil {
			return nil, err
		}
		d.Log, d.Fetch, d.Dry = c.log, c.remote(), r.Dry
		return &job.Leg{Name: fmt.Sprintf("%d of ", leg.DataSource), Destination: d, Uncompared: leg.FileColumns()}, nil
	}, nil
}

func (c *Connector) entries(a plan.Adapter) (origin, error) {
	_, client, err := organization(a.Settings, c.remote())
	if err != nil {
		return nil, err
	}
	return func(s plan.Settings, from *job.From) (job.Source, error) {
		var q entries.Query
		if err := s.Decode(&q); err != nil {
			return nil, err
		}
		if from.Watermark != "" {
			return nil, errors.New("watermark: is not supported, since each run reads all entries; use where instead")
		}
		return entries.New(client, q)
	}, nil
}

// agent opens a JavaScript configuration of Fliplet Agent, whose functions are what jobs read.
func (c *Connector) agent(a plan.Adapter) (origin, error) {
	var settings foreign.ScriptSettings
	if err := a.Settings.Decode(&settings); err != nil {
		return nil, err
	}
	config := agent.Config{Database: sqldb.Config{Driver: settings.Driver}, Remote: c.remote(), Dry: c.options.Test}
	if err := settings.Database.Decode(&config.Database); err != nil {
		return nil, err
	}
	script, err := agent.Open(c.log, settings.File, config)
	if err != nil {
		return nil, err
	}
	c.close = append(c.close, script.Close)
	account, err := c.entries(plan.Adapter{Settings: settings.Account})
	if err != nil {
		return nil, err
	}
	return func(s plan.Settings, from *job.From) (job.Source, error) {
		var which foreign.ScriptJob
		if err := s.Decode(&which); err != nil {
			return nil, err
		}
		if which.Pull == nil {
			return script.Source(which.Operation), nil
		}
		source, err := account(which.Pull, from)
		if err != nil {
			return nil, err
		}
		return script.Pull(which.Operation, source.(*entries.Source)), nil
	}, nil
}
