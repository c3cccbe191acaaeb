package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/backup"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

func backupCommand() *cobra.Command {
	var o backupOptions
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Back up the state to S3, list the backups, or verify one",
		Long: `Make a backup of the state now and upload it to the bucket in the configuration's
backup block, whether or not the connector is running. A running connector makes
backups by itself, at startup and every 24 hours.

--list shows the backups in the bucket, newest first. --verify downloads one and
checks its SHA-256, pages and version, without restoring anything.

Exit codes: 0 done; 1 it failed; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync-connector backup connector.yaml
  mysql-sync-connector backup connector.yaml --list
  mysql-sync-connector backup connector.yaml --verify --copy 20261127T140000Z`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, s, err := o.open(args[0])
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), b, s.state)
		},
	}
	c.Flags().BoolVar(&o.list, "list", false, "list the backups")
	c.Flags().BoolVar(&o.verify, "verify", false, "check a backup")
	c.Flags().BoolVar(&o.asJSON, "json", false, "one JSON object per backup and line")
	o.flags(c)
	c.MarkFlagsMutuallyExclusive("list", "verify")
	return c
}

func restoreCommand() *cobra.Command {
	var o backupOptions
	var as, to string
	var force, resumed bool
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore the state from a backup",
		Long: `Replace the state with a backup: the newest, or the one that --copy names. This is
refused while the connector is running, and, without --force, if the state is newer
than the backup. The previous state is kept next to it, under a name that ends in
.replaced- and the time.

All jobs are paused: check, then resume each of them. A destination that can be read
is compared before anything is sent; a job that only adds rows would add those again
that it has added since the backup.

--as restores the backup of FILE's connector as another connector's: its ids are
rewritten. --to is that connector's state file.

Exit codes: 0 restored; 1 it failed, and the state is as it was; 2 the command line
or the configuration is wrong.`,
		Example: `  mysql-sync-connector restore connector.yaml
  mysql-sync-connector restore connector.yaml --copy 20261127T140000Z
  mysql-sync-connector restore old.yaml --as acme/h-2/c-8 --to /var/lib/c-8.db`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (as == "") != (to == "") {
				return command.Usage(errors.New("--as and --to require each other: another connector, and its state file"))
			}
			b, s, err := o.open(args[0])
			if err != nil {
				return err
			}
			r := backup.Restore{Copy: o.copy, To: cmp.Or(to, s.state), Force: force}
			if as != "" {
				if r.As, err = identityOf(as, s.plan.Identity); err != nil {
					return command.Usage(err)
				}
			}
			if !resumed {
				r.Pause = "restored from a backup"
			}
			var stop func()
			r.Progress, stop = progress(cmd.OutOrStdout(), "downloading")
			back, err := b.Restore(cmd.Context(), r)
			stop()
			if err != nil {
				return restoreError(err)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s is restored from %s, made at %s\n", r.To, back.Copy.Key, back.Copy.At.Format(time.RFC3339))
			if back.Kept != "" {
				fmt.Fprintf(out, "the previous state is kept as %s\n", back.Kept)
			}
			if !resumed {
				fmt.Fprintln(out, "its jobs are paused: check, then resume each of them")
			}
			return nil
		},
	}
	c.Flags().StringVar(&as, "as", "", "the connector whose state it becomes: ID, HUB/ID or ORG/HUB/ID")
	c.Flags().StringVar(&to, "to", "", "that connector's state file")
	c.Flags().BoolVar(&force, "force", false, "also replace a newer state")
	c.Flags().BoolVar(&resumed, "resumed", false, "do not pause the jobs")
	o.flags(c)
	return c
}

// restoreError adds the remedy to an error.
func restoreError(err error) error {
	if _, is := errors.AsType[*ledger.AheadError](err); is {
		return fmt.Errorf("%w; --force replaces it anyway", err)
	}
	if _, is := errors.AsType[*ledger.LockedError](err); is {
		return fmt.Errorf("%w: stop the connector first", err)
	}
	return err
}

// backupOptions are the flags of both commands.
type backupOptions struct {
	state, copy, keyFile string
	list, verify, asJSON bool
}

func (o *backupOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.copy, "copy", "", "backup to use, as shown by backup --list (default: the newest)")
	c.Flags().StringVar(&o.keyFile, "key", "", "file with the secret age key that decrypts it")
	stateFlag(c, &o.state)
}

// open returns the backups that a configuration names.
func (o *backupOptions) open(path string) (*backup.Backups, *site, error) {
	s, err := siteOf(path, o.state)
	if err != nil {
		return nil, nil, err
	}
	b, err := connector.Backups(s.plan, s.state)
	switch {
	case err != nil:
		return nil, nil, command.Usage(err)
	case b == nil:
		return nil, nil, command.Usage(fmt.Errorf("%s has no backup block", path))
	}
	if o.keyFile != "" {
		secret, err := os.ReadFile(o.keyFile)
		if err == nil {
			err = b.DecryptWith(string(secret))
		}
		if err != nil {
			return nil, nil, command.Usage(fmt.Errorf("--key: %w", err))
		}
	}
	return b, s, nil
}

// run makes, lists or verifies backups.
func (o *backupOptions) run(ctx context.Context, w io.Writer, b *backup.Backups, state string) error {
	if o.list {
		list, err := b.List(ctx)
		if err != nil {
			return err
		}
		if o.asJSON {
			return encode(w, list...)
		}
		printBackups(w, list)
		return nil
	}
	what, f := "uploading", func(p backup.Progress) (backup.Copy, error) { return b.Save(ctx, p) }
	if o.verify {
		what, f = "downloading", func(p backup.Progress) (backup.Copy, error) { return b.Verify(ctx, o.copy, p) }
	}
	told, stop := progress(w, what)
	c, err := f(told)
	stop()
	switch {
	case err != nil:
		return err
	case o.asJSON:
		return encode(w, c)
	case o.verify:
		fmt.Fprintf(w, "%s is good: %s of %s\n", c.Key, megabytes(c.Size), c.At.Format(time.RFC3339))
	default:
		fmt.Fprintf(w, "%s is backed up to %s: %s\n", state, c.Key, megabytes(c.Size))
	}
	return nil
}

func printBackups(w io.Writer, list []backup.Copy) {
	g := command.Grid{Columns: []command.Column{{Name: "MADE"}, {Name: "SIZE", Right: true}, {Name: "KEY", Matters: 1}}}
	for i := range list {
		g.Add(list[i].At.Local().Format(time.DateTime), megabytes(list[i].Size), list[i].Key)
	}
	g.Print(w, width(w))
}

// megabytes shows a size for people.
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// progress shows the progress of an upload or a download on a terminal, until stop is called.
func progress(w io.Writer, what string) (told backup.Progress, stop func()) {
	if width(w) == 0 {
		return nil, func() {}
	}
	var done, total atomic.Int64
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(progressTime)
		defer t.Stop()
		for {
			select {
			case <-over:
				fmt.Fprint(w, "\r\x1b[K")
				return
			case <-t.C:
				if total.Load() > 0 {
					fmt.Fprintf(w, "\r\x1b[K%s: %s of %s", what, megabytes(done.Load()), megabytes(total.Load()))
				}
			}
		}
	}()
	return func(d, t int64) { done.Store(d); total.Store(t) }, func() { close(over); <-ended }
}

// identityOf parses the new owner of a state. Omitted parts stay the same.
func identityOf(text string, was plan.Identity) (*ledger.Identity, error) {
	parts := strings.Split(text, "/")
	if len(parts) > 3 {
		return nil, fmt.Errorf("--as %s: expected ID, HUB/ID or ORG/HUB/ID", text)
	}
	for _, p := range parts {
		if p == "" || len(p) > 64 || strings.Trim(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return nil, fmt.Errorf("--as %s: expected names of 1 to 64 letters, digits, - or _", text)
		}
	}
	i := &ledger.Identity{Connector: parts[len(parts)-1], Hub: was.Hub, Org: was.Org}
	if len(parts) > 1 {
		i.Hub = parts[len(parts)-2]
	}
	if len(parts) > 2 {
		i.Org = parts[0]
	}
	return i, nil
}
