package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/history"
)

// showHistory prints how a site was.
func showHistory(cmd *cobra.Command, cfg *config.Config, site string, asJSON bool) error {
	if site != cfg.ClientName && !slices.Contains(cfg.Clients(), site) && !asJSON {
		cmd.PrintErrf("%s is no partner of this node any more, or never was.\n", command.Clean(site))
	}
	h, err := fleet.ReadHistory(cfg.QueueDirectory, cfg.ClientName, site, time.Now())
	if errors.Is(err, history.ErrNone) && !cfg.Fleet && site != cfg.ClientName {
		err = fmt.Errorf(`%w: this node records its sites only with "fleet": true`, err)
	}
	if err != nil {
		return fmt.Errorf("history of %.64s: %w", command.Clean(site), err)
	}
	if asJSON {
		return command.JSON(cmd.OutOrStdout()).Encode(h)
	}
	printHistory(cmd.OutOrStdout(), screenOf(cmd.OutOrStdout()), h)
	return nil
}

// printHistory prints the last day by the hour and the days before by the day, the latest first.
func printHistory(w io.Writer, s screen, h *fleet.History) {
	say(w, "%s  as %s recorded it", s.bold(command.Clean(h.Site)), command.Clean(h.Client))
	switch a := h.Away; {
	case a == nil && h.Site != h.Client:
		say(w, "not offline in the last 30 days, while this node was watching")
	case a == nil:
	case a.Until.IsZero():
		say(w, "offline for about %s", command.Span(h.Now.Sub(a.From)))
	default:
		say(w, "last offline: about %s, for about %s", command.Ago(h.Now, a.Until), command.Span(time.Duration(a.Minutes)*time.Minute))
	}
	recent := slices.IndexFunc(h.Month, func(r history.Record) bool { return h.Now.Sub(r.At) < 24*time.Hour })
	if recent < 0 {
		recent = len(h.Month)
	}
	g := command.Grid{Columns: []command.Column{{Name: "FROM"}, {Name: "OFFLINE", Right: true}, {Name: "SENT", Right: true}, {Name: "RECEIVED", Right: true}, {Name: "TO SEND", Right: true},
		{Name: "FOR IT", Right: true, Matters: 2}, {Name: "WAITS", Right: true, Matters: 1}, {Name: "REFUSED", Right: true}, {Name: "CONFLICTS", Right: true, Matters: 3}, {Name: "FREE DISK", Right: true, Matters: 4}}}
	for _, x := range slices.Backward(h.Month[recent:]) {
		g.Add(historyRow(&x, x.At.Local().Format("2006-01-02 15:04"))...)
	}
	for _, x := range slices.Backward(history.By(h.Month[:recent], 24*time.Hour)) {
		g.Add(historyRow(&x, x.At.Format("2006-01-02 UTC"))...)
	}
	section(w, s, &g, "nothing has been recorded in the last 30 days")
}

func historyRow(r *history.Record, from string) []string {
	cells := []string{from, "", command.Number(r.Sent), command.Number(r.Received), command.Number(r.Pending), command.Number(r.ForIt), "", command.Number(r.Refused), command.Number(r.Conflicts), ""}
	if r.Offline > 0 {
		cells[1] = command.Span(time.Duration(r.Offline) * time.Minute)
	}
	if r.Waits > 0 {
		cells[6] = command.Span(time.Duration(r.Waits) * time.Second)
	}
	if r.FreeDisk >= 0 {
		cells[9] = bytesOf(r.FreeDisk)
	}
	return cells
}
