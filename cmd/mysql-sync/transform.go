package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func transformCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "transform",
		Short: "Try a transformer on a real row",
		Long: `Try a transformer on a real row.

Exit codes: those of its subcommand.`,
		Example: "  mysql-sync transform test configuration.json orders 17 --to berlin",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(transformTestCommand())
	return c
}

func transformTestCommand() *cobra.Command {
	var to, from string
	var asJSON, deleted bool
	c := &cobra.Command{
		Use:   "test CONFIGURATION TABLE ID",
		Short: "Show what a transformer does to a row, without sending it",
		Long: `Run a table's transformer on a row of this node's database, and show the row before
and after. Nothing is sent and nothing is written: MQTT messages that the script
would publish are shown instead, as are statements that write, which the server
refuses. It works alongside a running node and reads the current files.

ID is the row's key as sync_status shows it: the parts of a composite key are joined
with commas; a comma or backslash within a part is escaped with a backslash.

If the transformer returns null, the output says whether the row is deleted at the
remote.

--to R tests sending to remote R (the default if there is only one remote); --from R
treats the row as one received from R. --delete tries onDelete; the row need not
exist.

Exit codes: 0 shown, even if the row is not sent; 1 the script fails, or there is no
such row; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync transform test configuration.json orders 17 --to berlin
  mysql-sync transform test configuration.json order_items 17,3 --from berlin
  mysql-sync transform test configuration.json orders 17 --delete --json`,
		Args: cobra.ExactArgs(3),
		ValidArgsFunction: configuration(func(cfg *config.Config, before []string) []string {
			if len(before) > 0 {
				return nil
			}
			return allTables(cfg)
		}),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, args []string) error {
			r := render.TrialRequest{Table: args[1], ID: args[2], Delete: deleted}
			var err error
			if r.Remote, r.Receive, err = way(cfg, to, from); err != nil {
				return err
			}
			if err := checkTable(cfg, r.Table); err != nil {
				return err
			}
			db, err := connect(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			t, err := render.Try(cmd.Context(), cfg, db, r)
			if asJSON {
				return errors.Join(err, command.JSON(cmd.OutOrStdout()).Encode(trialJSON(cfg, r, t, err)))
			}
			showTrial(cmd.OutOrStdout(), screenOf(cmd.OutOrStdout()), cfg, r, t, err)
			return err
		}),
	}
	c.Flags().StringVar(&to, "to", "", "the remote to send the row to")
	c.Flags().StringVar(&from, "from", "", "the client the row comes from")
	c.Flags().BoolVar(&deleted, "delete", false, "as if the row were deleted")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	completes(c, "to", remotes)
	completes(c, "from", peers)
	return c
}

// way returns the client that the row goes to, or comes from.
func way(cfg *config.Config, to, from string) (remote string, receive bool, err error) {
	switch {
	case to != "" && from != "":
		err = errors.New("--to and --from are mutually exclusive")
	case to != "" && !slices.Contains(cfg.RemoteClients, to):
		err = fmt.Errorf("--to: %s is not in remoteClients", to)
	case from != "" && !cfg.AcceptsFrom(from):
		err = fmt.Errorf("--from: %s is not in acceptFrom", from)
	case from != "":
		return from, true, nil
	case to == "" && len(cfg.RemoteClients) != 1:
		err = errors.New("expected --to REMOTE or --from CLIENT")
	case to == "":
		return cfg.RemoteClients[0], false, nil
	}
	if err != nil {
		return "", false, command.Usage(err)
	}
	return to, false, nil
}

// trialJSON returns a trial in the form printed as JSON.
func trialJSON(cfg *config.Config, r render.TrialRequest, t *render.Trial, failed error) any {
	type message struct {
		Topic   string `json:"topic"`
		Message string `json:"message"` // bytes that are not UTF-8 are replaced
		QoS     byte   `json:"qos"`
		Retain  bool   `json:"retain"`
	}
	out := struct {
		Table     string          `json:"table"`
		ID        string          `json:"id"`
		Source    string          `json:"source"`
		Target    string          `json:"target"`
		Operation string          `json:"operation"` // upsert, delete
		Result    string          `json:"result"`    // sent, deleted, not sent, written, not written, error
		Script    bool            `json:"transformed"`
		Before    json.RawMessage `json:"before"`
		After     json.RawMessage `json:"after"`
		Changed   []string        `json:"changed"` // columns
		As        string          `json:"as,omitempty"`
		Held      string          `json:"held,omitempty"`    // the id under which the target has it now
		MayHold   string          `json:"mayHold,omitempty"` // the id under which it may have it, if the node never ran a transformer for the table
		Published []message       `json:"published"`
		Writes    []string        `json:"writes"`
		Log       []string        `json:"log"`
		Error     string          `json:"error,omitempty"`
	}{
		Table: r.Table, ID: r.ID, Source: cfg.ClientName, Target: r.Remote, Operation: "upsert", Result: result(r, t, failed),
		Script: t.Transformed, Before: object(t.Before), After: object(t.After), Changed: []string{}, As: t.As, Held: t.Held, MayHold: t.MayHold,
		Published: []message{}, Writes: append([]string{}, t.Writes...), Log: append([]string{}, t.Log...),
	}
	if r.Receive {
		out.Source, out.Target = out.Target, out.Source
	}
	if r.Delete {
		out.Operation = "delete"
	}
	if failed != nil {
		out.Error = failed.Error()
	}
	for _, c := range compare(t.Before, t.After) {
		if c.mark != " " && t.After != nil {
			out.Changed = append(out.Changed, c.name)
		}
	}
	for _, p := range t.Published {
		out.Published = append(out.Published, message{p.Topic, strings.ToValidUTF8(string(p.Message), "\uFFFD"), p.QoS, p.Retain})
	}
	return out
}

// object returns an entity as JSON; null for none.
func object(e value.Entity) json.RawMessage {
	text, err := e.AppendJSON(nil)
	if err != nil {
		return json.RawMessage("null") // a value has no JSON form; only the text for people shows it
	}
	return text
}

// result says in a word what becomes of the row.
func result(r render.TrialRequest, t *render.Trial, failed error) string {
	switch {
	case failed != nil:
		return "error"
	case t.Sent && t.After == nil:
		return "deleted"
	case r.Receive && t.Sent:
		return "written"
	case r.Receive:
		return "not written"
	case t.Sent:
		return "sent"
	}
	return "not sent"
}

// showTrial prints a trial for people.
func showTrial(w io.Writer, s screen, cfg *config.Config, r render.TrialRequest, t *render.Trial, failed error) {
	from, to := cfg.ClientName, r.Remote
	if r.Receive {
		from, to = to, from
	}
	say(w, "%s %s  %s → %s", command.Clean(r.Table), s.bold(command.Clean(r.ID)), from, to)
	if failed == nil && !t.Transformed {
		say(w, "The table has no transformer%s: the row is sent unchanged.", in(cfg))
	}
	switch {
	case failed != nil:
	case t.Sent && t.After != nil:
		showColumns(w, s, t)
		if t.As != r.ID {
			say(w, "Its id there is %s.", command.Clean(t.As))
		}
		if t.Held != "" && t.Held != t.As {
			say(w, "%s currently has it as %s: that row is deleted there first.", r.Remote, command.Clean(t.Held))
		}
		if t.MayHold != "" && t.MayHold != t.As {
			say(w, "%s may have had it as %s since before: that row is deleted there first.", r.Remote, command.Clean(t.MayHold))
		}
	case t.Sent && t.HeldBack && t.Held != "":
		say(w, "%s: the transformer returned null. %s currently has the row as %s: it is deleted there.", s.bold("not sent"), r.Remote, command.Clean(t.As))
	case t.Sent && t.HeldBack && t.MayHold != "":
		say(w, "%s: the transformer returned null. %s may have had the row as %s since before: it is deleted there when it is next due.", s.bold("not sent"), r.Remote, command.Clean(t.As))
	case t.Sent && t.HeldBack:
		say(w, "%s: the transformer returned null. %s wrote the row before this node did: %s is deleted there.", s.bold("not sent"), r.Remote, command.Clean(t.As))
	case t.Sent:
		say(w, "Deletes the row %s.", command.Clean(t.As))
	case t.Own:
		say(w, "%s: the transformer returned null. %s wrote the row itself, and no one has since: it stays there.", s.bold("not sent"), r.Remote)
	case t.HeldBack:
		say(w, "%s: the transformer returned null. %s does not have the row and does not get it.", s.bold("not sent"), r.Remote)
	case r.Receive:
		say(w, "%s: the transformer returned null.", s.bold("not written"))
	default:
		say(w, "%s: the transformer returned null.", s.bold("not sent"))
	}
	for _, p := range t.Published {
		text := command.Clean(string(p.Message))
		if !utf8.Valid(p.Message) {
			text = fmt.Sprintf("%d bytes", len(p.Message))
		}
		say(w, "would publish %s (qos %d, retain %t): %s", command.Clean(p.Topic), p.QoS, p.Retain, text)
	}
	for _, q := range t.Writes {
		say(w, "would run: %s", command.Clean(q))
	}
	for _, l := range t.Log {
		say(w, "log: %s", command.Clean(l))
	}
}

// in says where there could be one.
func in(cfg *config.Config) string {
	switch {
	case !cfg.HasScripts():
		return " (transformerDirectory is not set)"
	case cfg.TransformerDirectory == "":
		return " from its hub"
	}
	return " in " + cfg.TransformerDirectory
}

// showColumns prints the row before and after, column by column.
func showColumns(w io.Writer, s screen, t *render.Trial) {
	g := command.Grid{Columns: []command.Column{{Name: ""}, {Name: "COLUMN"}, {Name: "BEFORE"}, {Name: "AFTER"}}}
	for _, c := range compare(t.Before, t.After) {
		g.Add(c.mark, c.name, c.before, c.after)
	}
	g.Print(w, s.width)
}

// columnChange is a column before and after; mark is " ", ~ (changed), - or +.
type columnChange struct{ mark, name, before, after string }

// compare compares two rows in the form in which they go over the wire.
func compare(before, after value.Entity) []columnChange {
	var list []columnChange
	for _, f := range before {
		c := columnChange{" ", f.Name, text(f.Value), ""}
		if v, ok := after.Value(f.Name); !ok {
			c.mark = "-"
		} else if c.after = text(v); c.after != c.before {
			c.mark = "~"
		}
		list = append(list, c)
	}
	for _, f := range after {
		if _, ok := before.Value(f.Name); !ok {
			list = append(list, columnChange{"+", f.Name, "", text(f.Value)})
		}
	}
	return list
}

// text returns a value as JSON.
func text(v any) string {
	e := value.Entity{{Name: "v", Value: v}}
	b, err := e.AppendJSON(nil)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(b), `{"v":`), "}")
}
