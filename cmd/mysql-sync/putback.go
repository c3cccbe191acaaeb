package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// restore shows a conflict next to the current row, and writes the losing row back. The node ensures that no one writes
// the row in between.
func restore(cmd *cobra.Command, n status.Node, id uint64, columns []string, yes, asJSON bool) error {
	c, err := n.Conflict(cmd.Context(), id)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if !asJSON {
		showNow(w, screenOf(w), c)
	}
	if c.Later && !yes {
		if err := agreed(cmd.Context(), os.Stdin, w, c); err != nil {
			return err
		}
	}
	if err := n.PutBack(cmd.Context(), id, status.PutBack{Columns: columns, Seen: c.Seen}); err != nil {
		return err
	}
	switch {
	case asJSON:
		return lines(w, []*status.ConflictNow{c})
	case len(columns) > 0:
		say(w, "restored the columns %s of the row that lost conflict %d", command.Clean(strings.Join(columns, ", ")), id)
	default:
		say(w, "restored the row that lost conflict %d", id)
	}
	return nil
}

// agreed asks whether to overwrite a row that was written since the conflict.
func agreed(ctx context.Context, in *os.File, w io.Writer, c *status.ConflictNow) error {
	if !term.IsTerminal(int(in.Fd())) {
		return errors.New("the row was written since the conflict: use --yes to overwrite it; the overwritten row is kept and can be restored")
	}
	answer := ""
	err := newDialog(in, w).until(ctx, &answer, false, "The row was written since the conflict. Overwrite it? The current row is kept [y/N]", "", func(string) error { return nil })
	if err != nil {
		return err
	}
	if a := strings.ToLower(answer); a != "y" && a != "yes" {
		return errors.New("nothing was written")
	}
	return nil
}

// showNow prints the current row, the winner and the loser, column by column.
func showNow(w io.Writer, s screen, c *status.ConflictNow) {
	say(w, "%s %s  conflict %d of %s", command.Clean(c.Table), s.bold(command.Clean(c.Row)), c.ID, moment(c.At))
	g := command.Grid{Columns: []command.Column{{Name: ""}, {Name: "COLUMN"}, {Name: "NOW"}, {Name: "WON THEN"}, {Name: "LOST"}}}
	rows := [3]value.Entity{}
	var names []string
	for i, raw := range []json.RawMessage{c.Now, c.Winner.Row, c.Loser.Row} {
		rows[i], _ = value.DecodeEntity(raw) // if edited by hand, it may be shown as empty
		for _, f := range rows[i] {
			if !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	for _, name := range names {
		cells := [3]string{}
		for i, row := range rows {
			if v, ok := row.Value(name); ok {
				cells[i] = command.Clean(text(v))
			}
		}
		mark := " "
		if cells[0] != cells[2] {
			mark = "~"
		}
		g.Add(mark, command.Clean(name), cells[0], cells[1], cells[2])
	}
	g.Print(w, s.width)
	for i, word := range []string{"There is no row with this key now.", "The version that won is a delete.", "The version that lost is a delete."} {
		if rows[i] == nil {
			say(w, "%s", word)
		}
	}
	say(w, "won: %s at %s   lost: %s at %s", whoWrote(c.Winner.Origin), moment(c.Winner.At), whoWrote(c.Loser.Origin), moment(c.Loser.At))
	if c.Later {
		say(w, "The row was written since the conflict.")
	}
}
