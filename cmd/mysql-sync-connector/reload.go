package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// reloadTime is how long a connector may take to start with a new configuration.
const reloadTime = time.Minute

func reloadCommand() *cobra.Command {
	var state string
	c := &cobra.Command{
		Use:   "reload FILE",
		Short: "Make the running connector reread its configuration and scripts",
		Long: `Tell the running connector to reread its configuration and its scripts, like SIGHUP,
and wait until it works with them. If they contain a mistake, the command reports it
and the connector carries on as before. If it fails to start with them, it falls back
to the previous configuration. A run in progress is interrupted, and finished under
the new configuration.

Exit codes: 0 the connector works with them; 1 it is not running, takes too long, or
fell back; 2 the command line, the configuration or a script is wrong.`,
		Example: "  mysql-sync-connector reload connector.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := siteOf(args[0], state)
			if err != nil {
				return err
			}
			before, err := s.client.Status(cmd.Context())
			if err != nil {
				return said(err)
			}
			if err := s.client.Reload(cmd.Context()); err != nil {
				return said(err)
			}
			if err := reloaded(cmd.Context(), s.client, before); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the connector has reloaded")
			return nil
		},
	}
	stateFlag(c, &state)
	return c
}

// reloaded waits until a different connector answers.
func reloaded(ctx context.Context, c *api.Client, before *api.Status) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	for {
		now, err := c.Status(ctx)
		switch {
		case err != nil: // one of the two connectors is stopping or starting
		case now.ReloadError != "" && now.ReloadError != before.ReloadError:
			return fmt.Errorf("the new configuration does not work, the previous one is back: %s", now.ReloadError)
		case now.Started != nil && before.Started != nil && !now.Started.Equal(*before.Started):
			return nil
		}
		if pause.For(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("the connector does not work with the new configuration after %v: see its log", reloadTime)
		}
	}
}
