package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
)

var errMistakes = errors.New("check found errors")

func checkCommand() *cobra.Command {
	var asJSON bool
	var state string
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Find out what keeps the jobs from working",
		Long: `Look at everything the jobs of a configuration need, and report each item as fine
(✓), working but worth knowing (!), or wrong (✗), with what to do about it: the
configuration, all errors at once; the scripts; the state file; whether each source
and destination answers and accepts the login.

Nothing is changed, and a running connector is not disturbed.

Exit codes: 0 fine, or warnings only; 1 something is wrong; 2 the command line or
the configuration is wrong, and nothing else was checked.`,
		Example: `  mysql-sync-connector check connector.yaml
  mysql-sync-connector check connector.yaml --json | jq 'select(.level != "right")'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, wrong := checkFile(cmd, args[0], state)
			if asJSON {
				if err := finding.Encode(command.Safe(cmd.OutOrStdout()), found); err != nil {
					return err
				}
			} else {
				finding.Print(cmd.OutOrStdout(), found, true)
			}
			switch {
			case cmd.Context().Err() != nil:
				return cmd.Context().Err()
			case wrong:
				return command.Usage(errMistakes)
			case finding.Worst(found) == finding.Mistake:
				return errMistakes
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line: level (right, warning, mistake), area, about, text, do")
	stateFlag(c, &state)
	return c
}

// checkFile checks a configuration and, if it has no mistakes, everything it names.
func checkFile(cmd *cobra.Command, path, state string) (found []finding.Finding, wrong bool) {
	l := &finding.List{Area: "configuration"}
	p, warnings, err := connector.Load(path)
	for _, w := range warnings {
		l.Warnf(path, "", "%s", w)
	}
	if state == "" {
		state = stateFile(path)
	}
	var con *connector.Connector
	if err == nil {
		con, err = connector.New(p, connector.Options{Log: logging.New(cmd.ErrOrStderr()).Logger, Version: version, State: state, Test: true})
	}
	if mistakes, ok := errors.AsType[keys.Mistakes](err); ok {
		for _, m := range mistakes {
			l.Wrongf(m.Key, "", "%s", m.Explained())
		}
		return l.Found, true
	}
	if err != nil {
		l.Wrongf(path, "", "%v", err)
		return l.Found, true
	}
	l.Rightf(path, "%s", command.Some(int64(len(p.Jobs)), "job", "jobs"))
	return append(l.Found, con.Check(cmd.Context())...), false
}
