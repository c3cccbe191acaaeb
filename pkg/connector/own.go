package connector

import (
	"context"
	"fmt"
	"maps"
	"slices"

	js "github.com/mysql-sync/mysql-sync/pkg/adapter"
	"github.com/mysql-sync/mysql-sync/pkg/foreign"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// KindsOf returns Kinds and the types that adapters beside a configuration add. The error is keys.Mistakes if one of these has
// the name of an existing type.
func KindsOf(configuration string) (plan.Kinds, error) {
	scripts, err := js.Find(configuration)
	if err != nil {
		return plan.Kinds{}, err
	}
	return kindsWith(scripts)
}

// kindsWith returns Kinds and the types that the user's files add.
func kindsWith(scripts map[string]string) (plan.Kinds, error) {
	k := Kinds()
	if len(scripts) == 0 {
		return k, nil
	}
	types := slices.Sorted(maps.Keys(scripts))
	var mistakes keys.Mistakes
	for _, name := range types {
		_, source := find(sources, name)
		_, destination := find(destinations, name)
		if source == nil || destination == nil || foreign.KnowsSync(name) {
			mistakes = append(mistakes, keys.Mistake{Key: scripts[name], Text: fmt.Sprintf("%q is a type that the connector has; rename the file", name)})
		}
	}
	if len(mistakes) > 0 {
		return k, mistakes
	}
	kind := plan.Kind{Block: js.Schema(types), Use: js.Use}
	k.Sources, k.Destinations, k.Scripts = append(k.Sources, kind), append(k.Destinations, kind), scripts
	k.ExternalSync = func(name string, content []byte) (*plan.External, []string, error) {
		return foreign.ExternalSync(name, content, types...)
	}
	return k, nil
}

// own opens a user's adapter.
func (c *Connector) own(a plan.Adapter) (*js.Adapter, error) {
	var config js.Config
	if err := a.Settings.Decode(&config); err != nil {
		return nil, err
	}
	opened, err := js.Open(context.Background(), c.log, a.Script, config, c.remote())
	if err != nil {
		return nil, err
	}
	c.close = append(c.close, opened.Close)
	return opened, nil
}

// ownSource makes a source of a user's adapter.
func (c *Connector) ownSource(a plan.Adapter) (origin, error) {
	opened, err := c.own(a)
	if err != nil {
		return nil, err
	}
	return func(s plan.Settings, _ *job.From) (job.Source, error) {
		var o js.Options
		if err := s.Decode(&o); err != nil {
			return nil, err
		}
		return opened.Source(o)
	}, nil
}

// ownAccount makes a destination of a user's adapter.
func (c *Connector) ownAccount(a plan.Adapter) (account, error) {
	opened, err := c.own(a)
	if err != nil {
		return nil, err
	}
	return legs(func(p *plan.Job, to *plan.Leg, o js.Options) (*job.Leg, error) {
		d, err := opened.Destination(p.Name, o, keyOf(p, to))
		if err != nil {
			return nil, err
		}
		return &job.Leg{Destination: d}, nil
	}), nil
}
