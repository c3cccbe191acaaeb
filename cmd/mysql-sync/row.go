package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

func rowCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "row CONFIGURATION TABLE ID",
		Short: "Show one row here and at each remote, who wrote it, and what became of it",
		Long: `Show a row as a running node has it, with who wrote it and when, and how it compares
at each remote: the same, different in which columns, missing, on its way, or refused
and why. Then the conflicts in which a version of it lost here, latest first.

The remotes are asked in the same way as by verify, so they reveal only what this
node may know. A remote that is offline, does not answer within ten seconds, or is an
existing peer of version 1 is shown with the reason.

ID is the row's key as sync_status shows it: the parts of a composite key are joined
with commas; a comma or backslash within a part is escaped with a backslash. Binary
values that are not text are 0x and hexadecimal digits. Write -- before an id that
begins with a dash.

Exit codes: 0 shown, even if no one has the row; 1 the node is not running, or its
database is down; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync row configuration.json orders 17
  mysql-sync row configuration.json order_items 17,3
  mysql-sync row configuration.json temperatures -- -5
  mysql-sync row configuration.json orders 17 --json | jq '.sites[] | select(.is != "same")'`,
		Args: cobra.ExactArgs(3),
		ValidArgsFunction: configuration(func(cfg *config.Config, before []string) []string {
			if len(before) > 0 {
				return nil
			}
			return allTables(cfg)
		}),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, args []string) error {
			if err := checkTable(cfg, args[1]); err != nil {
				return err
			}
			var row status.Row
			q := url.Values{"table": {args[1]}, "id": {args[2]}}
			if err := apiOf(cfg).call(cmd.Context(), http.MethodGet, "/api/row?"+q.Encode(), nil, &row); err != nil {
				return err
			}
			if asJSON {
				return command.JSON(cmd.OutOrStdout()).Encode(row)
			}
			printRow(cmd.OutOrStdout(), screenOf(cmd.OutOrStdout()), &row)
			return nil
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object, like GET /api/row")
	return c
}

// hereText says what became of a row here.
var hereText = map[string]string{
	"there": "is there", "deleted": "was deleted", "withdrawn": "was taken back by the node that sent it", "unknown": "has never been here",
	"vanished": "vanished without firing a trigger, as with TRUNCATE",
}

// printRow prints a row for people.
func printRow(w io.Writer, s screen, row *status.Row) {
	h := &row.Here
	say(w, "%s  %s at %s", s.bold(command.Clean(row.Table+" "+row.ID)), hereText[h.Is], command.Clean(row.Client))
	if h.Written != nil {
		from := ""
		if h.From != "" {
			from = ", received from " + command.Clean(h.From)
		}
		say(w, "written  %s%s", writtenText(h.Written), from)
	}
	if h.Uncaptured > 0 {
		say(w, "%s to be captured", command.Some(int64(h.Uncaptured), "write waits", "writes wait"))
	}
	if len(h.Row) > 0 {
		say(w, "%s", command.Clean(string(h.Row)))
	}
	g := command.Grid{Columns: []command.Column{{Name: "REMOTE"}, {Name: "STATE"}, {Name: "WRITTEN", Matters: 1}}}
	for i := range row.Sites {
		x := &row.Sites[i]
		written := ""
		if x.Written != nil {
			written = writtenText(x.Written)
		}
		g.Add(x.Client, siteText(x), written)
	}
	section(w, s, &g, "this node sends to no one")
	for i := range row.Sites {
		x := &row.Sites[i]
		for _, d := range x.Columns {
			say(w, "%s %s: %s is %s here and %s there", s.bad("✗"), command.Clean(x.Client), command.Clean(d.Column), valueText(d.Here), valueText(d.There))
		}
		if r := x.Refused; r != nil {
			state := "refused"
			if r.Waits {
				state = "waits"
			}
			say(w, "%s %s: %s after %s, next at %s: %s", s.bad("✗"), command.Clean(x.Client), state, command.Some(int64(r.Attempts), "attempt", "attempts"), moment(r.RetryAt), command.Clean(r.Message))
		}
	}
	if len(row.Conflicts) > 0 {
		fmt.Fprintln(w)
		showConflicts(w, row.Conflicts)
	}
}

func writtenText(v *status.Written) string {
	by := command.Clean(v.By)
	if v.Decided {
		if by = "a conflict policy"; v.By != "" {
			by += ", for " + command.Clean(v.By)
		}
	}
	return moment(v.At) + " by " + by
}

func siteText(x *status.RowSite) string {
	if x.Error != "" {
		return "not known: " + x.Error
	}
	text := x.Is
	if x.NotIts {
		switch x.Is { // the row here, if any, is not compared
		case "nowhere":
			text = "not in its part"
		case "missing here":
			text = "there, but not in its part"
		default:
			text += ", not in its part"
		}
	}
	if x.Pending {
		text += ", on its way"
	}
	return text
}

// valueText shows a column's value, shortened.
func valueText(v *string) string {
	const most = 60
	if v == nil {
		return "NULL"
	}
	if r := []rune(*v); len(r) > most {
		return command.Clean(string(r[:most])) + "…"
	}
	return command.Clean(*v)
}
