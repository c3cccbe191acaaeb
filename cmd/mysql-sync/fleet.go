package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// fleetEvery is the interval of --watch; the node itself asks the sites once a minute.
const fleetEvery = 5 * time.Second

func fleetCommand() *cobra.Command {
	var asJSON, watch bool
	var find, of string
	c := &cobra.Command{
		Use:   "fleet CONFIGURATION",
		Short: "Show the state of all partners of a node, worst first",
		Long: `Show all sites as a running node sees them, worst first: those that are offline,
whose database is down, that have problems or refused rows, whose rows have waited
long, or whose clock is off; then what each site says about its problems, and what is
paused there or for it.

The node asks its partners once a minute if "fleet": true is in its configuration.

--history shows how a site, or the node itself, was in the last 30 days, and when it
was last offline. It reads the node's file, so the node may be stopped.

Exit codes: 0 the sites were shown; 1 the node is not running, or could not be
reached; 2 the command line or the configuration is wrong, or the node does not
collect.`,
		Example: `  mysql-sync fleet configuration.json
  mysql-sync fleet configuration.json --watch --find store-1
  mysql-sync fleet configuration.json --history store-17
  mysql-sync fleet configuration.json --json | jq '.sites[] | select(.standing != "no problems") | .name'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, _ []string) error {
			if of != "" {
				return showHistory(cmd, cfg, of, asJSON)
			}
			if !cfg.Fleet {
				return command.Usage(fmt.Errorf(`fleet: this node does not ask its partners for their state; set "fleet": true in %s, and reload the node`, cmd.Flags().Arg(0)))
			}
			show := func(ctx context.Context, w io.Writer, s screen) error {
				var f fleet.Fleet
				if err := apiOf(cfg).within(ctx, "/api/fleet", &f); err != nil {
					return err
				}
				total := len(f.Sites)
				f.Sites = f.Matching(find)
				if asJSON {
					return command.JSON(w).Encode(f)
				}
				printFleet(w, s, &f, total)
				return nil
			}
			if watch {
				return repeat(cmd.Context(), cmd.OutOrStdout(), fleetEvery, asJSON, show)
			}
			return show(cmd.Context(), cmd.OutOrStdout(), screenOf(cmd.OutOrStdout()))
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object, like GET /api/fleet or GET /api/history")
	c.Flags().BoolVar(&watch, "watch", false, "refresh every five seconds")
	c.Flags().StringVar(&find, "find", "", "only sites with this `text` in their name, state, version, server, problems or pauses")
	c.Flags().StringVar(&of, "history", "", "how the `site` was in the last 30 days")
	return c
}

// problemsShown is how many problems are printed below the sites.
const problemsShown = 40

// printFleet prints sites for people; total is how many there are before filtering.
func printFleet(w io.Writer, s screen, f *fleet.Fleet, total int) {
	count := map[string]int{}
	for i := range f.Sites {
		count[f.Sites[i].Standing]++
	}
	var said []string
	for _, standing := range fleet.Standings() {
		if n := count[standing]; n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, sitesThat(standing)))
		}
	}
	if len(f.Sites) < total {
		say(w, "%s  %s of %d", s.bold(command.Clean(f.Client)), command.Some(int64(len(f.Sites)), "site", "sites"), total)
	} else {
		say(w, "%s  %s: %s", s.bold(command.Clean(f.Client)), command.Some(int64(total), "site", "sites"), strings.Join(said, ", "))
	}
	g := command.Grid{Columns: []command.Column{{Name: "SITE"}, {Name: "STATE"}, {Name: "REFUSED", Right: true}, {Name: "TO SEND", Right: true, Matters: 1}, {Name: "FOR IT", Right: true, Matters: 2},
		{Name: "WAITS", Right: true, Matters: 1}, {Name: "CONFLICTS", Right: true, Matters: 4}, {Name: "DIFFER", Right: true, Matters: 5}, {Name: "CLOCK", Right: true, Matters: 6}, {Name: "FREE DISK", Right: true, Matters: 7},
		{Name: "CONFIGURATION", Matters: 3}, {Name: "VERSION", Matters: 8}, {Name: "HEARD", Matters: 3}, {Name: "TOLD", Matters: 9}}}
	for i := range f.Sites {
		g.Add(fleetRow(f.Sites[i], f.Now)...)
	}
	section(w, s, &g, "no site matches")
	printProblems(w, s, f)
	printPauses(w, s, f)
}

// printPauses prints what is paused at the sites and, unless this node is shown to have paused it, here for them.
func printPauses(w io.Writer, s screen, f *fleet.Fleet) {
	own := slices.ContainsFunc(f.Sites, func(x *fleet.Site) bool { return x.Own })
	left := problemsShown
	for _, x := range f.Sites {
		for _, p := range x.Pauses {
			if p.Here && own {
				continue
			}
			if left--; left < 0 {
				say(w, "… more pauses: name a site with --find, or use --json")
				return
			}
			where := x.Name
			if p.Here {
				where = f.Client
			}
			line := status.Pause{Remote: p.Remote, Table: p.Table, By: p.By, Reason: p.Reason}
			if !p.Until.IsZero() {
				line.Until = &p.Until
			}
			say(w, "%s %s: %s", s.bold("paused at"), command.Clean(where), pauseLine(line, f.Now))
		}
	}
}

// sitesThat says in a list of numbers of sites which these are.
func sitesThat(standing string) string {
	switch standing {
	case fleet.Problems:
		return "with problems"
	case fleet.Paused:
		return "with pauses"
	case fleet.NoProblems:
		return "without problems"
	}
	return standing
}

func fleetRow(x *fleet.Site, now time.Time) []string {
	name := x.Name
	if x.Own {
		name += " (this node)"
	}
	cells := []string{name, x.Standing, command.Number(x.Refused), "", waiting(x.Here.Pending, x.Here.NeverSent, "table", "tables"), "", "", "", "", "", configurationOf(x.Led), "", "never", ""}
	if x.Own {
		cells[4] = ""
	}
	if x.Lag > 0 {
		cells[5] = command.Span(seconds(x.Lag))
	}
	if x.Heard != nil {
		cells[12] = command.Ago(now, *x.Heard)
	}
	if x.Told == nil {
		return cells
	}
	t := &x.Told.Summary
	cells[3] = command.Number(t.Rows.Pending)
	if t.Rows.AtLeast {
		cells[3] = ">" + cells[3]
	}
	cells[6], cells[7] = command.Number(t.Rows.Conflicts), command.Number(int64(t.Verified.Differ))
	if !x.Own {
		cells[8], cells[13] = clockOf(x.Told), command.Ago(now, x.Told.At)
	}
	if t.FreeDisk >= 0 {
		cells[9] = bytesOf(t.FreeDisk)
	}
	cells[11] = t.Version
	return cells
}

// configurationOf shows which version of its profile a site has.
func configurationOf(l *fleet.Led) string {
	switch {
	case l == nil:
		return ""
	case l.Refused != "" || l.Newer:
		return "refused"
	case l.At.IsZero():
		return "not told"
	case l.Version == l.Latest:
		return "latest"
	case l.Waits:
		return "waits"
	case l.Version == 0:
		return "none yet"
	}
	return "of " + l.Version.String()
}

// clockOf shows how far a site's clock is off, if by more than the measurement's error.
func clockOf(t *fleet.Told) string {
	switch d := seconds(max(t.Clock, -t.Clock)).Round(time.Second); {
	case d < time.Second || d <= seconds(t.Took/2):
		return ""
	case t.Clock < 0:
		return "-" + command.Span(d)
	default:
		return "+" + command.Span(d)
	}
}

// namesShown is how many sites are named that have the same problem.
const namesShown = 3

// printProblems prints what the sites say, the worst first, and why others say nothing. What several say is printed once.
func printProblems(w io.Writer, s screen, f *fleet.Fleet) {
	fmt.Fprintln(w)
	var said []string // in the order of the first site that says it
	sites := map[string][]string{}
	for _, x := range f.Sites {
		list := []string{}
		if x.Why != "" {
			list = append(list, x.Why)
		}
		if x.Led != nil && x.Led.Refused != "" && !x.Led.Newer {
			list = append(list, fmt.Sprintf("refuses version %s of the profile %s: %s", x.Led.Latest, x.Led.Profile, x.Led.Refused))
		}
		if x.Told != nil {
			list = append(list, problemsOf(&x.Told.Summary)...)
		}
		for _, p := range list {
			if sites[p] == nil {
				said = append(said, p)
			}
			sites[p] = append(sites[p], x.Name)
		}
	}
	for i, p := range said {
		if i == problemsShown {
			say(w, "… more: name a site with --find, or use --json")
			return
		}
		names := strings.Join(sites[p][:min(len(sites[p]), namesShown)], ", ")
		if n := len(sites[p]) - namesShown; n > 0 {
			names += fmt.Sprintf(" and %d more", n)
		}
		say(w, "%s %s: %s", s.bad("✗"), command.Clean(names), command.Clean(p))
	}
}

func problemsOf(t *wire.Summary) []string {
	list := append([]string(nil), t.Problems...)
	if t.More > 0 {
		list = append(list, command.Some(int64(t.More), "problem", "problems")+" more: see mysql-sync status there")
	}
	return list
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// bytesOf shows a number of bytes for people.
func bytesOf(n int64) string {
	const gib = 1 << 30
	if n >= 10*gib {
		return fmt.Sprintf("%d GiB", n/gib)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/gib)
}
