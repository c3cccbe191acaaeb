package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// site is a configuration and its state, whether or not a connector runs with them.
type site struct {
	plan   *plan.Plan
	state  string
	client *api.Client
}

// siteOf reads the configuration that a command names. state is the flag's value, or "".
func siteOf(path, state string) (*site, error) {
	p, _, err := connector.Load(path) // a start shows the warnings
	if err != nil {
		return nil, command.Usage(err)
	}
	if state == "" {
		state = stateFile(path)
	}
	return &site{p, state, api.NewClient(connector.Socket(state))}, nil
}

// stateFlag adds the flag that names the state file.
func stateFlag(c *cobra.Command, state *string) {
	c.Flags().StringVar(state, "state", "", "state file (default: FILE with the extension .db)")
}

// look calls running or, if no connector is running, f with the state.
func (s *site) look(ctx context.Context, running func() error, f func(*connector.Desk) error) error {
	err := running()
	if !errors.Is(err, api.ErrNotRunning) {
		return said(err)
	}
	state, err := ledger.View(ctx, s.state, ledger.Config{})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return said(f(connector.NewDesk(s.plan, s.state, nil)))
	case err != nil:
		return err
	}
	return errors.Join(said(f(connector.NewDesk(s.plan, s.state, state))), state.Close())
}

// write calls f with the state, which no connector may be using.
func (s *site) write(ctx context.Context, f func(*ledger.Ledger) error) error {
	state, err := ledger.Open(ctx, s.state, ledger.Config{})
	if err != nil {
		return err
	}
	return errors.Join(f(state), state.Close())
}

// has returns a usage error if there is no such job.
func (s *site) has(job string) error {
	_, err := connector.NewDesk(s.plan, s.state, nil).Runs(context.Background(), api.Which{Job: job, Limit: 1})
	return said(err)
}

// said turns an error caused by the caller into a usage error.
func said(err error) error {
	if errors.Is(err, api.ErrNoJob) || errors.Is(err, api.ErrRequest) {
		return command.Usage(err)
	}
	return err
}

// encode prints values as JSON, one per line.
func encode[T any](w io.Writer, list ...T) error {
	e := command.JSON(w)
	for _, v := range list {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// width returns the width of a line in characters; 0: unlimited.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	return command.Width(f)
}

// stateFile returns a configuration's state file, unless a flag names another.
func stateFile(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".db" }
