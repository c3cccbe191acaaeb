package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// firstPause is roughly how long to wait before a failed request is retried, and minute how often published tables are
// updated. 0: the defaults; tests use less.
var firstPause, minute time.Duration

func startCommand() *cobra.Command {
	var o connector.Options
	var logFile string
	c := &cobra.Command{
		Use:   "start FILE",
		Short: "Start the jobs of a configuration",
		Long: `Start the jobs of a configuration (JSON, YAML or TOML) and run them on their
schedules. With --once each job runs once.

A Fliplet Agent configuration, in YAML or JavaScript, works as it is: its jobs run at
startup and then at their frequency; without a frequency they run once.

With --test it connects, reads, compares, and prints what it would send, but sends
nothing.

A run deletes nothing if the query returned no rows, or an unusable row, or if it
would delete more than 20 rows and more than a fifth. --approve-deletes overrides
that.

The state file, next to the configuration with the extension .db, records what each
destination has acknowledged. Keep it: without it the connector has to compare
everything again.

Exit codes: 0 done, or stopped by a signal; 1 a job failed; 2 the configuration is
wrong.`,
		Example: `  mysql-sync-connector start connector.yaml
  mysql-sync-connector start sample.yml --test
  mysql-sync-connector start sample.yml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, end, err := logTo(logFile)
			if err != nil {
				return command.Usage(err)
			}
			defer end()
			log := logging.New(out)
			o.Log, o.Version, o.Pause, o.Minute = log.Logger, version, firstPause, minute
			if o.State == "" {
				o.State = stateFile(args[0])
			}
			o.Sent = func(s remote.Sent) {
				fmt.Fprintf(cmd.OutOrStdout(), "would %s: %s %s\n%s\n", s.Operation, s.Method, s.Host, s.Body)
			}
			o.File = args[0]
			s, err := connector.NewService(func(p *plan.Plan, warnings []string) error {
				if err := errors.Join(log.SetLevel(cmp.Or(p.Level, "info")), log.SetFormat(cmp.Or(p.Format, "console"))); err != nil {
					return command.Usage(err)
				}
				for _, w := range warnings {
					log.Warn(w)
				}
				return nil
			}, o)
			if err != nil {
				return command.Usage(err)
			}
			return s.Run(cmd.Context())
		},
	}
	c.Flags().BoolVar(&o.Once, "once", false, "run each job once, then exit")
	c.Flags().BoolVar(&o.Test, "test", false, "print what would be sent, but send nothing")
	c.Flags().BoolVar(&o.Approve, "approve-deletes", false, "delete even what the guard would stop")
	c.Flags().StringVar(&logFile, "log-file", "", "file to append a copy of the log to")
	c.Flags().StringVar(&o.State, "state", "", "state file (default: FILE with the extension .db)")
	return c
}

// logTo returns where the log goes: to standard error and, if a file is named, to the end of that.
func logTo(file string) (out io.Writer, end func(), err error) {
	if file == "" {
		return os.Stderr, func() {}, nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("--log-file: %w", err)
	}
	return io.MultiWriter(os.Stderr, f), func() { _ = f.Close() }, nil
}
