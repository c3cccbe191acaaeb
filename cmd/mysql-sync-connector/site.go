package main

import (
	"context"
	"encoding/json"
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

// site is a configuration and its state, whether a connector runs with them or not.
type site struct {
	plan   *plan.Plan
	state  string
	client *api.Client
}

// siteOf reads the configuration that a command names. state is the flag's, or "".
func siteOf(path, state string) (*site, error) {
	p, _, err := connector.Load(path) // a start tells the warnings
	if err != nil {
		return nil, command.Usage(err)
	}
	if state == "" {
		state = stateFile(path)
	}
	return &site{p, state, api.NewClient(connector.Socket(state))}, nil
}

// stateFlag adds the flag that says where the state is.
func stateFlag(c *cobra.Command, state *string) {
	c.Flags().StringVar(state, "state", "", "state file (default: FILE with the extension .db)")
}

// look calls f with what is known: by the running connector, or else by the state.
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

// write calls f with the state, of a connector that does not run.
func (s *site) write(ctx context.Context, f func(*ledger.Ledger) error) error {
	state, err := ledger.Open(ctx, s.state, ledger.Config{})
	if err != nil {
		return err
	}
	return errors.Join(f(state), state.Close())
}

// has is a usage error if there is no such job.
func (s *site) has(job string) error {
	_, err := connector.NewDesk(s.plan, s.state, nil).Runs(context.Background(), api.Which{Job: job, Limit: 1})
	return said(err)
}

// said is an error that the caller has caused as a usage error.
func said(err error) error {
	if errors.Is(err, api.ErrNoJob) || errors.Is(err, api.ErrRequest) {
		return command.Usage(err)
	}
	return err
}

// encode prints values as JSON, one a line.
func encode[T any](w io.Writer, list ...T) error {
	e := json.NewEncoder(w)
	for _, v := range list {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// width is how many characters a line may have; 0: any number.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	return command.Width(f)
}

// stateFile is where the state of a configuration is, unless a flag says otherwise.
func stateFile(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".db" }
