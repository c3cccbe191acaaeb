package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

func conflictsCommand() *cobra.Command {
	var w conflictsWork
	c := &cobra.Command{
		Use:   "conflicts CONFIGURATION",
		Short: "List the versions that lost a conflict, and decide about them",
		Long: `List the conflicts this node found, latest first: two versions of a row, neither of
which knew of the other, with both rows. Each is kept at the node where the two met.
--table, --row and --find select some of them. Works on a running or stopped node.

--put-back N shows the row as it is now, as it won and as it lost, and writes the
losing one over the current one, as a write of this node: it goes to all remotes.
--columns restores only some of its columns. If the row was written since the
conflict, the command asks first; without a terminal it needs --yes. If the row
changes between the check and the write, nothing is written. The overwritten row is
kept as a conflict with the policy putBack, and can be restored in turn.

--keep-both N inserts the losing row under a new key, next to the other: the server
numbers it if the key is AUTO_INCREMENT; otherwise --key gives the key's columns, as
in an id: binary values that are not text as 0x and hexadecimal digits. A row that
was already put back or inserted is inserted again only with --yes.

--dismiss takes conflicts off the list and the count, by number or, with all, those
that the other options select. They stay in the table: --dismissed lists them, and
--dismiss with --undo brings them back.

Exit codes: 0 done; 1 failed, or declined; 2 the command line or the configuration
is wrong.`,
		Example: `  mysql-sync conflicts configuration.json
  mysql-sync conflicts configuration.json --table orders --find "Miller"
  mysql-sync conflicts configuration.json --put-back 17 --columns price,name --yes
  mysql-sync conflicts configuration.json --keep-both 17
  mysql-sync conflicts configuration.json --keep-both 18 --key code=A-102
  mysql-sync conflicts configuration.json --table carts --dismiss all --yes
  mysql-sync conflicts configuration.json --json | jq .loser.row`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := w.check(); err != nil {
				return command.Usage(err)
			}
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			if err := checkTable(cfg, w.of.Table); err != nil {
				return err
			}
			n, _, done, err := reach(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer done()
			return w.run(cmd, n)
		},
	}
	f := c.Flags()
	f.BoolVar(&w.asJSON, "json", false, "one JSON object per line")
	f.IntVar(&w.of.Limit, "limit", 100, "maximum number to list, up to 1000")
	f.StringVar(&w.of.Table, "table", "", "only conflicts of this table")
	f.StringVar(&w.of.Row, "row", "", "only conflicts of the row with this `id`, as sync_status shows it")
	f.StringVar(&w.of.Find, "find", "", "only conflicts with this `text` in the id or in a value of one of the rows")
	f.BoolVar(&w.of.Dismissed, "dismissed", false, "list the dismissed conflicts instead of the others")
	f.StringVar(&w.putBack, "put-back", "", "restore the row that lost conflict `N`")
	f.StringSliceVar(&w.columns, "columns", nil, "restore only these columns")
	f.StringVar(&w.keepBoth, "keep-both", "", "insert the row that lost conflict `N` under a new key")
	f.StringArrayVar(&w.key, "key", nil, "a column of the new key, as `COLUMN=VALUE`; once for each")
	f.StringSliceVar(&w.dismiss, "dismiss", nil, "take conflicts off the list: their numbers, or all")
	f.BoolVar(&w.undo, "undo", false, "with --dismiss: list them again")
	f.BoolVar(&w.yes, "yes", false, "do not ask: overwrite a row written since the conflict, insert one again, dismiss all selected")
	completes(c, "table", allTables)
	return c
}

// conflictsWork is what the command is to do.
type conflictsWork struct {
	of       status.ConflictsAsk
	asJSON   bool
	yes      bool
	putBack  string
	columns  []string
	keepBoth string
	key      []string
	dismiss  []string
	undo     bool

	id       uint64            // of the conflict to decide about
	newKey   map[string]string // by column
	numbers  []uint64          // of the conflicts to dismiss
	selected bool              // dismiss all selected conflicts
}

// check parses and checks the flags.
func (w *conflictsWork) check() error {
	decisions := 0
	for _, given := range []bool{w.putBack != "", w.keepBoth != "", len(w.dismiss) > 0} {
		if given {
			decisions++
		}
	}
	var err error
	switch {
	case decisions > 1:
		return errors.New("--put-back, --keep-both and --dismiss are mutually exclusive")
	case w.putBack == "" && len(w.columns) > 0:
		return errors.New("--columns requires --put-back")
	case w.keepBoth == "" && len(w.key) > 0:
		return errors.New("--key requires --keep-both")
	case len(w.dismiss) == 0 && w.undo:
		return errors.New("--undo requires --dismiss")
	case w.yes && decisions == 0:
		return errors.New("--yes requires --put-back, --keep-both or --dismiss")
	case len(w.of.Find) > status.MostFind:
		return fmt.Errorf("--find: the text has more than %d bytes", status.MostFind)
	case w.putBack != "":
		w.id, err = conflictNumber("--put-back", w.putBack)
	case w.keepBoth != "":
		if w.id, err = conflictNumber("--keep-both", w.keepBoth); err == nil {
			w.newKey, err = keyColumns(w.key)
		}
	case slices.Equal(w.dismiss, []string{"all"}):
		w.selected = true
	default:
		w.numbers = make([]uint64, len(w.dismiss))
		for i, text := range w.dismiss {
			if w.numbers[i], err = conflictNumber("--dismiss", text); err != nil {
				break
			}
		}
	}
	return errors.Join(err, checkLimit(w.of.Limit))
}

func conflictNumber(flag, text string) (uint64, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not the number of a conflict", flag, text)
	}
	return id, nil
}

// keyColumns reads --key.
func keyColumns(list []string) (map[string]string, error) {
	key := map[string]string{}
	for _, text := range list {
		column, value, ok := strings.Cut(text, "=")
		if !ok || column == "" {
			return nil, fmt.Errorf("--key: %q must be COLUMN=VALUE", text)
		}
		key[column] = value
	}
	return key, nil
}

func (w *conflictsWork) run(cmd *cobra.Command, n status.Node) error {
	out := cmd.OutOrStdout()
	switch {
	case w.putBack != "":
		return restore(cmd, n, w.id, w.columns, w.yes, w.asJSON)
	case w.keepBoth != "":
		row, err := n.KeepBoth(cmd.Context(), w.id, status.KeepBoth{Key: w.newKey, Again: w.yes})
		if err != nil {
			return err
		}
		if w.asJSON {
			return lines(out, []struct {
				ID string `json:"id"`
			}{{row}})
		}
		say(out, "inserted the row that lost conflict %d as %s", w.id, command.Clean(row))
		return nil
	case len(w.dismiss) > 0:
		return w.dismissAll(cmd.Context(), out, n)
	}
	return w.list(cmd.Context(), out, n)
}

// dismissAtOnce is how many conflicts one request dismisses.
const dismissAtOnce = 1000

// dismissAll dismisses the conflicts that are named or selected.
func (w *conflictsWork) dismissAll(ctx context.Context, out io.Writer, n status.Node) error {
	var done int64
	if w.selected {
		w.of.Dismissed = w.undo
		if !w.yes {
			return command.Usage(errors.New("--dismiss all needs --yes; without --dismiss the command lists what would be dismissed"))
		}
		w.of.Limit = dismissAtOnce
	}
	for {
		numbers := w.numbers
		if w.selected {
			list, err := n.Conflicts(ctx, w.of)
			if err != nil {
				return err
			}
			numbers = nil
			for _, c := range list {
				numbers, w.of.Before = append(numbers, c.ID), c.ID
			}
		}
		if len(numbers) == 0 {
			break
		}
		part := numbers[:min(len(numbers), dismissAtOnce)]
		count, err := n.Dismiss(ctx, status.Dismiss{Conflicts: part, Undo: w.undo})
		if err != nil {
			return err
		}
		done += count
		w.numbers = numbers[len(part):]
	}
	if w.asJSON {
		return lines(out, []struct {
			Conflicts int64 `json:"conflicts"`
		}{{done}})
	}
	verb := "dismissed"
	if w.undo {
		verb = "brought back"
	}
	say(out, "%s %s", verb, command.Some(done, "conflict", "conflicts"))
	return nil
}

// list prints the latest conflicts. If rows are large, the node answers with fewer than requested, and is asked for the
// rest.
func (w *conflictsWork) list(ctx context.Context, out io.Writer, n status.Node) error {
	listed, of := 0, w.of
	for listed < w.of.Limit {
		of.Limit = w.of.Limit - listed
		list, err := n.Conflicts(ctx, of)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		listed, of.Before = listed+len(list), list[len(list)-1].ID
		if !w.asJSON {
			showConflicts(out, list)
		} else if err := lines(out, list); err != nil {
			return err
		}
	}
	switch {
	case w.asJSON:
	case listed == 0:
		fmt.Fprintln(out, "no conflicts")
	case listed == w.of.Limit:
		fmt.Fprintln(out, "… there may be more: see --limit")
	}
	return nil
}

func showConflicts(w io.Writer, list []status.Conflict) {
	for _, c := range list {
		fmt.Fprintf(w, "%d  %s  %s  (%s)\n", c.ID, moment(c.At), command.Clean(c.Table+" "+c.Row), command.Clean(c.Policy))
		fmt.Fprintf(w, "    stands: %-32s %s\n    lost:   %-32s %s\n", whoWrote(c.Winner.Origin), rowText(c.Winner), whoWrote(c.Loser.Origin), rowText(c.Loser))
		if c.PutBack != nil {
			as := "put back"
			if c.InsertedAs != "" {
				as = "inserted as " + command.Clean(c.InsertedAs)
			}
			fmt.Fprintf(w, "    %s at %s\n", as, moment(*c.PutBack))
		}
		if c.Dismissed != nil {
			fmt.Fprintf(w, "    dismissed at %s\n", moment(*c.Dismissed))
		}
	}
}

// whoWrote shows the author of a version; a merged one has none.
func whoWrote(origin string) string {
	if origin == "" {
		return "(made of both)"
	}
	return command.Clean(origin)
}

func rowText(v status.Version) string {
	if len(v.Row) == 0 || string(v.Row) == "null" {
		return "(deleted)"
	}
	return command.Clean(string(v.Row))
}
