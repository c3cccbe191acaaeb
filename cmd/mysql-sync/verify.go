package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// The failures of verify.
var (
	errDiffer   = errors.New("the tables are not equal")
	errNoAnswer = errors.New("not everything was compared")
)

func verifyCommand() *cobra.Command {
	var remote, at string
	var asJSON, repair bool
	c := &cobra.Command{
		Use:   "verify CONFIGURATION [TABLE…]",
		Short: "Prove that this node and its remotes hold the same rows",
		Long: `Ask the running node to compare tables with its remotes, over MQTT alone: each
server computes checksums of key ranges, and narrows down those that differ to
single rows. It waits for changes in transit. Remotes must be online and run this
program. Without TABLE, all of syncTables and receiveTables are compared.

If the table has a transformer, its results are compared: it runs, but nothing it
writes or publishes takes effect. Rows that it holds back are counted, and are not a
difference unless the remote has them; a row that it gives another key cannot be
compared. A remote that does not send the table here reveals no rows, only whether
those of this node are the same.

--repair sends the rows that differ: of two versions, the later one stays, even if it
is a delete; if the versions are equal, this node's row stays. A row that only one
side has, in a version that both know, is sent to the other.

--at has a site compare its tables with its own remotes, and lists at most 20 rows
of each that differ; with --repair, the site must also allow resync.

Exit codes: 0 equal; 1 not equal, or not everything was compared; 2 the command line
or the configuration is wrong.`,
		Example: `  mysql-sync verify configuration.json
  mysql-sync verify configuration.json orders --remote berlin --json
  mysql-sync verify hub.json --at store-17
  mysql-sync verify configuration.json orders --repair`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: anyOf(allTables),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, args []string) error {
			mistakes := []error{checkRemote(cfg, remote)}
			for _, table := range args[1:] {
				mistakes = append(mistakes, checkTable(cfg, table))
			}
			if err := unless(at, mistakes...); err != nil {
				return err
			}
			q := status.Verify{Tables: args[1:], Repair: repair}
			if at != "" {
				return verifyAt(cmd, cfg, at, remote, q, asJSON)
			}
			if remote != "" {
				q.Remotes = []string{remote}
			}
			body, err := apiOf(cfg).stream(cmd.Context(), http.MethodPost, "/api/verify", q)
			if errors.Is(err, serve.ErrNotRunning) {
				err = fmt.Errorf("%w: start it first, since the node does the comparing", err)
			}
			if err != nil {
				return err
			}
			defer body.Close()
			return report(cmd.OutOrStdout(), body, asJSON)
		}),
	}
	atFlag(c, &at)
	c.Flags().StringVar(&remote, "remote", "", "only compare with this remote")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line, with the keys that differ")
	c.Flags().BoolVar(&repair, "repair", false, "send the rows that differ")
	completes(c, "remote", remotes)
	return c
}

// verifyAt has a site compare tables. Its answer comes as a whole.
func verifyAt(cmd *cobra.Command, cfg *config.Config, at, remote string, q status.Verify, asJSON bool) error {
	s, err := siteAt(cfg, at)
	if err != nil {
		return err
	}
	list, err := s.verify(cmd.Context(), q, remote)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := lines(&text, list); err != nil {
		return err
	}
	return report(cmd.OutOrStdout(), &text, asJSON)
}

// report prints the comparisons as they arrive.
func report(w io.Writer, body io.Reader, asJSON bool) error {
	equal, whole, compared := true, true, int64(0)
	d := json.NewDecoder(body)
	for {
		var l status.Comparison
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read the node's answer: %w", err)
		}
		if l.Table == "" { // the line that says why there are no more
			return fmt.Errorf("stopped after %d %s: %s", compared, command.Word(compared, "comparison", "comparisons"), command.Clean(l.Error))
		}
		l.Table, l.Remote = command.Clean(l.Table), command.Clean(l.Remote)
		compared++
		whole = whole && l.Error == "" && l.Incomparable == 0
		equal = equal && (l.Differs == 0 || l.Error != "")
		if asJSON {
			if err := command.JSON(w).Encode(l); err != nil {
				return err
			}
			continue
		}
		switch {
		case l.Error != "":
			fmt.Fprintf(w, "✗ %s with %s: %s\n", l.Table, l.Remote, command.Clean(l.Error))
		case l.Equal:
			fmt.Fprintf(w, "✓ %s with %s: equal, %d %s%s\n", l.Table, l.Remote, l.Rows, command.Word(l.Rows, "row", "rows"), transformed(l))
		case l.Differs == 0:
			fmt.Fprintf(w, "✗ %s with %s: no differing row found%s\n", l.Table, l.Remote, transformed(l))
		default:
			fmt.Fprintf(w, "✗ %s with %s: %d %s, %d sent for repair%s\n", l.Table, l.Remote, l.Differs, command.Word(l.Differs, "row differs", "rows differ"), l.Repairs, transformed(l))
			for i, x := range l.Differ {
				if i == 20 {
					fmt.Fprintf(w, "    … see --json for the other %d\n", l.Differs-int64(i))
					break
				}
				pending := ""
				if x.Pending {
					pending = " (not sent yet: see sync_status)"
				}
				fmt.Fprintf(w, "    %s: %s%s\n", command.Clean(x.ID), command.Clean(x.Kind), pending)
			}
		}
	}
	switch {
	case !equal:
		return errDiffer
	case compared == 0 || !whole:
		return errNoAnswer
	}
	return nil
}

// transformed says how many rows a transformer affects.
func transformed(l status.Comparison) string {
	text := ""
	if l.HeldBack > 0 {
		text += fmt.Sprintf("; %d %s held back by the transformer", l.HeldBack, command.Word(l.HeldBack, "row is", "rows are"))
	}
	if l.Incomparable > 0 {
		text += fmt.Sprintf("; %d %s be compared, since a transformer changes %s or the remote does not tell", l.Incomparable,
			command.Word(l.Incomparable, "row cannot", "rows cannot"), command.Word(l.Incomparable, "it", "them"))
	}
	return text
}
