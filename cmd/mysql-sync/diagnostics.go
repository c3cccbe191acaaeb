package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/diagnostics"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

func diagnosticsCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "diagnostics CONFIGURATION",
		Short: "Pack what a report about a problem needs into a ZIP file",
		Long: `Write a ZIP file to send with a report: the configuration, version, state, refused
rows, last log lines, metrics, the definitions and sizes of the tables, triggers, and
the server's variables that matter. Its README says what each file is.

Secrets, row keys, and what may be the value of a row are left out. Names of tables,
columns, sites and hosts are in it: look through it before you send it.

With a stopped node, the file has what the configuration and the database tell, and
its README says what is missing.

Exit codes: 0 the file was written; 1 it could not be written; 2 the command line or
the configuration is wrong.`,
		Example: `  mysql-sync diagnostics configuration.json
  mysql-sync diagnostics configuration.json --output /tmp/berlin.zip`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, _ []string) error {
			if output == "" {
				output = diagnostics.Name(cfg.ClientName, time.Now())
			}
			return saveDiagnostics(cmd, cfg, output)
		}),
	}
	c.Flags().StringVar(&output, "output", "", "the `file` to write, which must not exist; default: named after the node and the time, in this folder")
	return c
}

// saveDiagnostics writes the file, readable only by its owner.
func saveDiagnostics(cmd *cobra.Command, cfg *config.Config, output string) error {
	f, err := os.OpenFile(output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return command.Usage(fmt.Errorf("--output: %s exists: name another file, or remove it", command.Clean(output)))
	}
	if err != nil {
		return fmt.Errorf("write the diagnostics: %w", err)
	}
	missing, err := writeDiagnostics(cmd.Context(), f, cfg)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(output))
	}
	if missing != nil {
		cmd.PrintErrf("Without log, metrics and what else only a running node knows: %v\n", missing)
	}
	say(cmd.OutOrStdout(), "%s", command.Clean(output))
	return nil
}

// writeDiagnostics has the running node write, or writes without it: missing says why.
func writeDiagnostics(ctx context.Context, w io.Writer, cfg *config.Config) (missing, err error) {
	body, err := apiOf(cfg).stream(ctx, http.MethodGet, "/api/diagnostics", nil)
	if err == nil {
		defer body.Close()
		_, err = io.Copy(w, body)
		return nil, err
	}
	missing = err
	n := diagnostics.Node{Config: cfg, Environ: os.Environ(), Version: command.Version(version)}
	if db, failed := open(ctx, cfg); failed == nil {
		defer db.Close()
		node := stopped(cfg, db)
		n.State, n.Errors = node, node.Errors
	}
	if !errors.Is(missing, serve.ErrNotRunning) {
		missing = fmt.Errorf("asking it failed: %w", missing)
	}
	return missing, diagnostics.Write(ctx, w, n)
}
