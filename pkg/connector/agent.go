package connector

import (
	"github.com/mysql-sync/mysql-sync/pkg/agent"
	"github.com/mysql-sync/mysql-sync/pkg/foreign"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

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
	return func(s plan.Settings, _ *job.From) (job.Source, error) {
		var which struct {
			Operation int `koanf:"operation"`
		}
		if err := s.Decode(&which); err != nil {
			return nil, err
		}
		return script.Source(which.Operation), nil
	}, nil
}
