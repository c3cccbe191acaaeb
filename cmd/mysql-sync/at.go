package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/user"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// atFlag adds the flag --at to a command.
func atFlag(c *cobra.Command, at *string) {
	c.Flags().StringVar(at, "at", "", "do this at that `site`, which the running node asks; see actionsFrom there")
	completes(c, "at", func(cfg *config.Config) []string { return cfg.Clients() })
}

// unless returns what is wrong with names that this node's configuration must have, unless they are those of a site.
func unless(at string, mistakes ...error) error {
	if at != "" {
		return nil
	}
	return errors.Join(mistakes...)
}

// reachAt is reach or, with the name of a site, returns that, asked by the running node.
func reachAt(ctx context.Context, cfg *config.Config, at string) (n status.Node, running bool, done func(), err error) {
	if at == "" {
		return reach(ctx, cfg)
	}
	s, err := siteAt(cfg, at)
	return s, true, func() {}, err
}

// site is another node, which the running node asks over the broker.
type site struct {
	*api
	name string
	last status.Afar // its last answer
}

// siteAt returns a site.
func siteAt(cfg *config.Config, at string) (*site, error) {
	switch {
	case at == cfg.ClientName:
		return nil, command.Usage(fmt.Errorf("--at: %s is this node itself: leave --at out", at))
	case !slices.Contains(cfg.Clients(), at):
		return nil, command.Usage(fmt.Errorf("--at: %s is in neither remoteClients nor acceptFrom%s", at, meant(at, cfg.Clients())))
	}
	return &site{api: apiOf(cfg), name: at}, nil
}

// act has the site do something.
func (s *site) act(ctx context.Context, a wire.Act) error {
	if u, err := user.Current(); err == nil {
		a.By = u.Username
	}
	s.last = status.Afar{}
	err := s.call(ctx, http.MethodPost, "/api/at/"+url.PathEscape(s.name), a, &s.last)
	if errors.Is(err, serve.ErrNotRunning) {
		err = fmt.Errorf("%w: start it first, since it asks %s", err, s.name)
	}
	return err
}

// State returns what the site has said about its pauses.
func (s *site) State(context.Context) (*status.State, error) {
	return &status.State{Now: s.last.Now, Pauses: s.last.Pauses}, nil
}

// Errors returns rows that are refused there.
func (s *site) Errors(ctx context.Context, of status.Rows, limit int) ([]status.RowError, error) {
	list := []status.RowError{}
	for len(list) < limit {
		if err := s.act(ctx, wire.Act{Do: wire.ActLook, Remote: of.Remote, Table: of.Table, Row: of.ID, Skip: len(list)}); err != nil {
			return nil, err
		}
		list = append(list, s.last.Errors...)
		if !s.last.More || len(s.last.Errors) == 0 {
			break
		}
	}
	return list[:min(len(list), limit)], nil
}

// Retry resends refused rows there.
func (s *site) Retry(ctx context.Context, of status.Rows) (int64, error) {
	err := s.act(ctx, wire.Act{Do: wire.ActRetry, Remote: of.Remote, Table: of.Table, Row: of.ID})
	return s.last.Rows, err
}

// Pause pauses sending there.
func (s *site) Pause(ctx context.Context, p status.PauseAsk) error {
	return s.act(ctx, wire.Act{Do: wire.ActPause, Remote: p.Remote, Table: p.Table, Seconds: p.Seconds, Reason: p.Reason})
}

// Resume ends pauses there.
func (s *site) Resume(ctx context.Context, of status.ResumeAsk) ([]status.Pause, error) {
	err := s.act(ctx, wire.Act{Do: wire.ActResume, Remote: of.Remote, Table: of.Table, Exactly: of.Exactly})
	return s.last.Ended, err
}

// Resync has the site send a table again.
func (s *site) Resync(ctx context.Context, r status.Resync) error {
	return s.act(ctx, wire.Act{Do: wire.ActResync, Remote: r.Remote, Table: r.Table, Mode: r.Mode})
}

// verify has the site compare tables.
func (s *site) verify(ctx context.Context, v status.Verify, remote string) ([]status.Comparison, error) {
	err := s.act(ctx, wire.Act{Do: wire.ActVerify, Remote: remote, Tables: v.Tables, Repair: v.Repair})
	return s.last.Compared, err
}

// sendsTo returns the remotes to which the site sends a table again.
func (s *site) sendsTo() (names []string) {
	for _, r := range s.last.Remotes {
		names = append(names, r.Name)
	}
	return names
}
