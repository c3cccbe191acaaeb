package connector

import (
	"github.com/mysql-sync/mysql-sync/pkg/destination/airtable"
	"github.com/mysql-sync/mysql-sync/pkg/destination/mongodb"
	"github.com/mysql-sync/mysql-sync/pkg/destination/openfn"
	"github.com/mysql-sync/mysql-sync/pkg/destination/webhook"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	paged "github.com/mysql-sync/mysql-sync/pkg/source/http"
	pulled "github.com/mysql-sync/mysql-sync/pkg/source/openfn"
)

func (*Connector) airtable(a plan.Adapter, r remote.Config) (account, error) {
	var base airtable.Config
	if err := a.Settings.Decode(&base); err != nil {
		return nil, err
	}
	client, err := remote.New(base.Remote(r))
	if err != nil {
		return nil, err
	}
	return legs(func(p *plan.Job, to *plan.Leg, leg airtable.Leg) (*job.Leg, error) {
		d, err := airtable.New(client, leg, keyOf(p, to))
		if err != nil {
			return nil, err
		}
		l := &job.Leg{Name: leg.Table + " of ", Destination: d}
		if leg.ReadBack {
			l.Destination = airtable.Compared{Destination: d}
		}
		return l, nil
	}), nil
}

func (*Connector) webhook(a plan.Adapter, r remote.Config) (account, error) {
	var endpoint webhook.Config
	client, err := clientOf(a, &endpoint, r)
	if err != nil {
		return nil, err
	}
	return legs(func(p *plan.Job, to *plan.Leg, leg webhook.Leg) (*job.Leg, error) {
		d, err := webhook.New(client, endpoint.Secret, leg, keyOf(p, to))
		if err != nil {
			return nil, err
		}
		l := &job.Leg{Destination: d}
		if leg.Path != "" {
			l.Name = leg.Path + " of "
		}
		return l, nil
	}), nil
}

func (c *Connector) mongodb(a plan.Adapter, r remote.Config) (account, error) {
	var config mongodb.Config
	if err := a.Settings.Decode(&config); err != nil {
		return nil, err
	}
	db, err := mongodb.Open(config)
	if err != nil {
		return nil, err
	}
	c.close = append(c.close, db.Close)
	return legs(func(p *plan.Job, to *plan.Leg, leg mongodb.Leg) (*job.Leg, error) {
		d, err := db.Collection(leg, keyOf(p, to))
		if err != nil {
			return nil, err
		}
		d.Dry = r.Dry
		return &job.Leg{Name: leg.Collection + " of ", Destination: d}, nil
	}), nil
}

func (*Connector) openfn(a plan.Adapter, r remote.Config) (account, error) {
	hook := openfn.Config{Type: a.Type}
	client, err := clientOf(a, &hook, r)
	if err != nil {
		return nil, err
	}
	return legs(func(p *plan.Job, to *plan.Leg, leg openfn.Leg) (*job.Leg, error) {
		return &job.Leg{Destination: openfn.New(client, a.Type, leg, keyOf(p, to))}, nil
	}), nil
}

func (c *Connector) pulled(a plan.Adapter) (origin, error) {
	var server pulled.Config
	client, err := clientOf(a, &server, c.remote())
	if err != nil {
		return nil, err
	}
	return func(plan.Settings, *job.From) (job.Source, error) { return pulled.New(client), nil }, nil
}

func (c *Connector) paged(a plan.Adapter) (origin, error) {
	var api paged.Config
	client, err := clientOf(a, &api, c.remote())
	if err != nil {
		return nil, err
	}
	return func(s plan.Settings, from *job.From) (job.Source, error) {
		var rows paged.Rows
		if err := s.Decode(&rows); err != nil {
			return nil, err
		}
		return paged.New(client, api, rows, *from)
	}, nil
}

// reached is a service's block, which says how to reach it.
type reached interface {
	Remote(remote.Config) (remote.Config, error)
}

// clientOf decodes a service's block into its configuration, and returns a client of the service.
func clientOf(a plan.Adapter, config reached, r remote.Config) (*remote.Client, error) {
	if err := a.Settings.Decode(config); err != nil {
		return nil, err
	}
	r, err := config.Remote(r)
	if err != nil {
		return nil, err
	}
	return remote.New(r)
}

// legs returns an account whose legs are made by open, from what a job says about them.
func legs[L any](open func(*plan.Job, *plan.Leg, L) (*job.Leg, error)) account {
	return func(p *plan.Job, to *plan.Leg) (*job.Leg, error) {
		var leg L
		if err := to.Settings.Decode(&leg); err != nil {
			return nil, err
		}
		return open(p, to, leg)
	}
}

// keyOf returns the columns that identify a leg's rows: none if rows are only added.
func keyOf(p *plan.Job, to *plan.Leg) []string {
	if to.Mode == job.ModeAppend {
		return nil
	}
	return p.From.Rows.Key
}
