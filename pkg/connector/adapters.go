package connector

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/alert"
	"github.com/mysql-sync/mysql-sync/pkg/backup"
	"github.com/mysql-sync/mysql-sync/pkg/destination/airtable"
	"github.com/mysql-sync/mysql-sync/pkg/destination/fliplet"
	"github.com/mysql-sync/mysql-sync/pkg/destination/mongodb"
	"github.com/mysql-sync/mysql-sync/pkg/destination/openfn"
	table "github.com/mysql-sync/mysql-sync/pkg/destination/sql"
	"github.com/mysql-sync/mysql-sync/pkg/destination/webhook"
	"github.com/mysql-sync/mysql-sync/pkg/foreign"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/publish"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	entries "github.com/mysql-sync/mysql-sync/pkg/source/fliplet"
	"github.com/mysql-sync/mysql-sync/pkg/source/hook"
	paged "github.com/mysql-sync/mysql-sync/pkg/source/http"
	"github.com/mysql-sync/mysql-sync/pkg/source/inbox"
	"github.com/mysql-sync/mysql-sync/pkg/source/mesh"
	pulled "github.com/mysql-sync/mysql-sync/pkg/source/openfn"
	"github.com/mysql-sync/mysql-sync/pkg/source/sql"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// origin is a configured source: it opens what a job reads, from the job's settings, and documents these in the job's
// From.
type origin func(plan.Settings, *job.From) (job.Source, error)

// account is a configured destination: it opens a job's leg to it.
type account func(*plan.Job, *plan.Leg) (*job.Leg, error)

// adapter is a type of source or destination.
type adapter[Open any] struct {
	types []string
	kind  plan.Kind
	open  Open
}

// sources and destinations are the known types. A new adapter is one more line here, and a package.
var (
	sources = []adapter[func(*Connector, plan.Adapter) (origin, error)]{
		{[]string{"mysql", "mariadb"}, plan.Kind{Block: sqldb.MySQL, Use: sql.From}, (*Connector).sql},
		{[]string{"postgres"}, plan.Kind{Block: sqldb.Postgres, Use: sql.From}, (*Connector).sql},
		{[]string{"sqlite"}, plan.Kind{Block: sqldb.SQLite, Use: sql.From}, (*Connector).sql},
		{[]string{"mssql"}, plan.Kind{Block: sqldb.MSSQL, Use: sql.From}, (*Connector).sql},
		{[]string{"openfn", "mock-sync-server"}, plan.Kind{Block: pulled.Schema, Use: pulled.From}, (*Connector).pulled},
		{[]string{"http"}, plan.Kind{Block: paged.Schema, Use: paged.From}, (*Connector).paged},
		{[]string{"fliplet"}, plan.Kind{Block: entries.Schema, Use: entries.From}, (*Connector).entries},
		{[]string{"mesh"}, plan.Kind{Block: mesh.Schema, Use: mesh.From}, (*Connector).mesh},
		{[]string{"hook"}, plan.Kind{Block: hook.Schema, Use: hook.From}, (*Connector).hook},
	}
	destinations = []adapter[func(*Connector, plan.Adapter, remote.Config) (account, error)]{
		{[]string{"airtable"}, plan.Kind{Block: airtable.Schema, Use: airtable.To}, (*Connector).airtable},
		{[]string{"mysql", "mariadb"}, plan.Kind{Block: sqldb.MySQL, Use: table.To}, tables("mysql")},
		{[]string{"postgres"}, plan.Kind{Block: sqldb.Postgres, Use: table.To}, tables("postgres")},
		{[]string{"sqlite"}, plan.Kind{Block: sqldb.SQLite, Use: table.To}, tables("sqlite")},
		{[]string{"mssql"}, plan.Kind{Block: sqldb.MSSQL, Use: table.To}, tables("mssql")},
		{[]string{"fliplet"}, plan.Kind{Block: fliplet.Schema, Use: fliplet.To}, (*Connector).fliplet},
		{[]string{"mongodb"}, plan.Kind{Block: mongodb.Schema, Use: mongodb.To}, (*Connector).mongodb},
		{[]string{"openfn", "mock-sync-server"}, plan.Kind{Block: openfn.Schema, Use: openfn.To}, (*Connector).openfn},
		{[]string{"webhook"}, plan.Kind{Block: webhook.Schema, Use: webhook.To}, (*Connector).webhook},
	}
)

// externalSync reads a file of DataCollect, without user adapters.
func externalSync(name string, content []byte) (*plan.External, []string, error) {
	return foreign.ExternalSync(name, content)
}

// databases are the types that can be both read and written, with the same keys.
var databases = []string{"mysql", "mariadb", "postgres", "sqlite", "mssql"}

// Kinds are the types of adapters, and the sections of a configuration.
func Kinds() plan.Kinds {
	k := plan.Kinds{ExternalSync: externalSync, Sections: map[string][]byte{"backup": backup.Schema, "alerts": alert.Schema, "publish": publish.Schema}}
	for _, a := range sources {
		k.Sources = append(k.Sources, a.kind)
	}
	for _, a := range destinations {
		k.Destinations = append(k.Destinations, a.kind)
	}
	return k
}

// source opens the source that an adapter names.
func (c *Connector) source(a plan.Adapter) (origin, error) {
	if a.Type == foreign.Agent { // which our own configurations cannot have
		return c.agent(a)
	}
	if a.Script != "" {
		return c.ownSource(a)
	}
	open, err := find(sources, a.Type)
	if err != nil {
		return nil, err
	}
	return open(c, a)
}

// account opens the destination that an adapter names.
func (c *Connector) account(a plan.Adapter) (account, error) {
	if a.Script != "" {
		return c.ownAccount(a)
	}
	open, err := find(destinations, a.Type)
	if err != nil {
		return nil, err
	}
	return open(c, a, c.remote())
}

// find returns the adapter of a type, or an error with the known ones.
func find[Open any](list []adapter[Open], name string) (open Open, err error) {
	var known []string
	for _, a := range list {
		if slices.Contains(a.types, name) {
			return a.open, nil
		}
		known = append(known, a.types...)
	}
	slices.Sort(known)
	return open, fmt.Errorf("type: unknown type %q; use one of %s", name, strings.Join(known, ", "))
}

// remote is the HTTP configuration that all services share.
func (c *Connector) remote() remote.Config {
	r := remote.Config{UserAgent: "mysql-sync-connector/" + c.options.Version, Budgets: c.bounds.budgets, Tries: remote.Tries{Pause: c.options.Pause}}
	if c.options.Test {
		if r.Dry = c.options.Sent; r.Dry == nil {
			r.Dry = func(remote.Sent) {}
		}
	}
	return r
}

func (c *Connector) sql(a plan.Adapter) (origin, error) {
	s := sqldb.Config{Driver: a.Type}
	if s.Driver == "mariadb" {
		s.Driver = "mysql"
	}
	if err := a.Settings.Decode(&s); err != nil {
		return nil, err
	}
	source, err := sql.Open(s)
	if err != nil {
		return nil, err
	}
	c.close = append(c.close, source.Close)
	return func(s plan.Settings, from *job.From) (job.Source, error) {
		if s == nil { // another program's file has it in From
			return source, nil
		}
		var rows sql.Rows
		err := s.Decode(&rows)
		if err == nil {
			from.Query, err = rows.Statement(source)
		}
		return source, err
	}, nil
}

func (c *Connector) mesh(a plan.Adapter) (origin, error) {
	config := mesh.Config{Log: c.log, Name: a.Name, Block: a.Settings, Version: c.options.Version, State: func() *ledger.Ledger { return c.state }}
	for i := range c.plan.Jobs {
		var rows mesh.Rows
		if from := c.plan.Jobs[i].From; from.Source == a.Name && from.Settings.Decode(&rows) == nil {
			config.Tables = append(config.Tables, rows.Table)
		}
	}
	s, err := mesh.New(config)
	if err != nil {
		return nil, err
	}
	c.feeds = append(c.feeds, feed{source: a.Name, run: s.Run, mesh: s})
	return func(settings plan.Settings, from *job.From) (job.Source, error) {
		var rows mesh.Rows
		if err := settings.Decode(&rows); err != nil {
			return nil, err
		}
		if from.Watermark != "" || from.Deleted != "" {
			return nil, errors.New("watermark: a mesh knows what has changed; remove watermark and deletedWhen")
		}
		from.Watermark = inbox.Watermark
		return s.Table(rows.Table, from.Key), nil
	}, nil
}

// tables opens a driver's databases for writing.
func tables(driver string) func(*Connector, plan.Adapter, remote.Config) (account, error) {
	return func(c *Connector, a plan.Adapter, r remote.Config) (account, error) {
		config := sqldb.Config{Driver: driver}
		if err := a.Settings.Decode(&config); err != nil {
			return nil, err
		}
		db, err := table.Open(config)
		if err != nil {
			return nil, err
		}
		c.close = append(c.close, db.Close)
		return func(j *plan.Job, to *plan.Leg) (*job.Leg, error) {
			leg := table.Leg{}
			if err := to.Settings.Decode(&leg); err != nil {
				return nil, err
			}
			if leg.Key == nil && to.Mode != job.ModeAppend {
				leg.Key = j.From.Rows.Key
			}
			leg.IgnoreCase = j.From.Rows.IgnoreCase
			d := db.Table(leg)
			d.Dry = r.Dry
			return &job.Leg{Name: leg.Table + " of ", Destination: d}, nil
		}, nil
	}
}
