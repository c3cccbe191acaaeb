package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/daemon"
)

var errDiffer = errors.New("the tables are not equal")

func verifyCommand() *cobra.Command {
	var remote string
	var asJSON, repair bool
	c := &cobra.Command{
		Use:   "verify CONFIGURATION [TABLE…]",
		Short: "Prove that this node and its remotes hold the same rows",
		Long: `Ask the running node to compare tables with its remotes, over MQTT alone: each
server computes checksums of ranges of keys, and where they differ the rows are
found. Changes that are on their way are waited for. Remotes must be online, and
nodes of this project. Without tables, all of syncTables and receiveTables.

--repair sends the rows that differ: of two versions the later one stays, be it a
delete, and of two equal ones this node's. A row that only one of them has, in a
version that both know, is sent to the other.

Exit codes: 0 equal; 1 not equal, or not compared; 2 a mistake in the command line
or configuration.`,
		Example: `  mysql-sync verify configuration.json
  mysql-sync verify configuration.json orders --remote berlin --json
  mysql-sync verify configuration.json orders --repair`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, _, err := config.Load(args[0], os.Environ())
			if err != nil {
				return usageError{err}
			}
			remotes, err := remotesOf(cfg, remote)
			if err != nil {
				return err
			}
			body, err := ask(cmd.Context(), cfg, daemon.VerifyRequest{Tables: args[1:], Remotes: remotes, Repair: repair})
			if err != nil {
				return err
			}
			defer body.Close()
			return report(cmd.OutOrStdout(), body, asJSON)
		},
	}
	c.Flags().StringVar(&remote, "remote", "", "only with this remote")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, with the keys that differ")
	c.Flags().BoolVar(&repair, "repair", false, "send the rows that differ")
	return c
}

// ask sends a request to the running node.
func ask(ctx context.Context, cfg *config.Config, q daemon.VerifyRequest) (io.ReadCloser, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", daemon.Socket(cfg))
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://node/verify", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the running node: %w: is it running, and are you its user?", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // the status alone would do
		return nil, fmt.Errorf("the node says %s: %s", resp.Status, text)
	}
	return resp.Body, nil
}

// report prints the comparisons as they come.
func report(w io.Writer, body io.Reader, asJSON bool) error {
	equal, compared := true, 0
	d := json.NewDecoder(body)
	for {
		var l daemon.VerifyLine
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read the node's answer: %w", err)
		}
		compared++
		equal = equal && l.Equal && l.Error == ""
		if asJSON {
			if err := json.NewEncoder(w).Encode(l); err != nil {
				return err
			}
			continue
		}
		switch {
		case l.Error != "":
			fmt.Fprintf(w, "✗ %s with %s: %s\n", l.Table, l.Remote, l.Error)
		case l.Equal:
			fmt.Fprintf(w, "✓ %s with %s: equal, %d rows\n", l.Table, l.Remote, l.Rows)
		default:
			fmt.Fprintf(w, "✗ %s with %s: %d rows differ, %d sent for repair\n", l.Table, l.Remote, len(l.Differ), l.Repairs)
			for i, x := range l.Differ {
				if i == 20 {
					fmt.Fprintf(w, "    … see --json for the other %d\n", len(l.Differ)-i)
					break
				}
				pending := ""
				if x.Pending {
					pending = " (not sent yet: see sync_status)"
				}
				fmt.Fprintf(w, "    %s: %s%s\n", x.ID, x.Kind, pending)
			}
		}
	}
	if compared == 0 || !equal {
		return errDiffer
	}
	return nil
}
