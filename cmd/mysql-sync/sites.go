package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/owner"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
)

func sitesCommand() *cobra.Command {
	var accept, dismiss, withdraw string
	var asJSON bool
	c := &cobra.Command{
		Use:   "sites CONFIGURATION",
		Short: "List the sites that joined this hub, let one in, or shut one out",
		Long: `List the open invitations, and the sites: those that ask to be let in, those that
are in, and those that were dismissed. Sites that the configuration itself names are
not listed.

--accept lets in a site that asks (invite --ask): first compare the eight characters
with those at the site. --dismiss shuts a site out: its key and its login at the
embedded broker are removed, the running node stops sending to it and refuses its
messages within seconds. Its data stays where it is. Only a new invitation by its
name lets it in again, and it then starts over. At another broker, remove its login
there too. While the node is stopped, run this on its machine, as its user or root.
--withdraw ends the open invitations for a name or a pattern, or the one with an id.

Exit codes: 0 done; 1 failed, or there is no such site or invitation; 2 the command
line or the configuration is wrong.`,
		Example: `  mysql-sync sites hub.json
  mysql-sync sites hub.json --accept store-17
  mysql-sync sites hub.json --dismiss store-17`,
		Args: cobra.ExactArgs(1),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, _ []string) error {
			db, err := open(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			switch {
			case accept != "":
				if err := sites.Accept(ctx, db, accept); err != nil {
					return fmt.Errorf("--accept %s: %w", accept, err)
				}
				say(out, "%s is let in", accept)
			case dismiss != "":
				return shutOut(ctx, out, cfg, db, dismiss)
			case withdraw != "":
				n, err := sites.Withdraw(ctx, db, withdraw)
				if err != nil {
					return err
				}
				if n == 0 {
					return fmt.Errorf("--withdraw: there is no open invitation for %s", command.Clean(withdraw))
				}
				say(out, "%s", command.Some(n, "invitation was withdrawn", "invitations were withdrawn"))
			default:
				return listSites(ctx, out, cfg, db, asJSON)
			}
			return nil
		}),
	}
	c.Flags().StringVar(&accept, "accept", "", "let in this `site`, which asks")
	c.Flags().StringVar(&dismiss, "dismiss", "", "shut out this `site`")
	c.Flags().StringVar(&withdraw, "withdraw", "", "end the open invitations for this `name`, pattern or id")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line, for each invitation and site")
	c.MarkFlagsMutuallyExclusive("accept", "dismiss", "withdraw", "json")
	completes(c, "dismiss", func(cfg *config.Config) (list []string) {
		for _, s := range cfg.Joined.Sites {
			list = append(list, s.Client)
		}
		return list
	})
	return c
}

// shutOut dismisses a site. It can be repeated until that is recorded in the hub's folder as well.
func shutOut(ctx context.Context, w io.Writer, cfg *config.Config, db *mysqldb.DB, client string) error {
	err := sites.Dismiss(ctx, db, client)
	if errors.Is(err, sites.ErrNoSite) && clientNamed(cfg, client) {
		return fmt.Errorf("--dismiss %s: it did not join, the configuration names it: take it out of remoteClients and acceptFrom, and reload", command.Clean(client))
	}
	if err == nil || errors.Is(err, sites.ErrDismissed) {
		news, recording := recordDismissed(ctx, cfg, db)
		if recording != nil {
			return fmt.Errorf("%s is dismissed, but an older backup of the database would let it in: %w; repeat the command on the node's machine, as the node's user or root", client, recording)
		}
		if news {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("--dismiss %s: %w", command.Clean(client), err)
	}
	say(w, "%s is dismissed: its key has ended, and a running node shuts it out within seconds", client)
	if cfg.Broker.Listen == "" && cfg.MQTT.Username != "" {
		say(w, "Remove its login at the broker as well.")
	}
	return nil
}

// recordDismissed records dismissed sites in the folder of a node that is stopped, and reports whether there was anything to
// record. A running node does so itself.
func recordDismissed(ctx context.Context, cfg *config.Config, db *mysqldb.DB) (news bool, err error) {
	if runs, err := owner.Claimed(ctx, db); err != nil || runs {
		return false, err
	}
	records, err := os.Stat(owner.RecordsFile(cfg.QueueDirectory, cfg.ClientName))
	if err != nil {
		return false, fmt.Errorf("the node does not run, and its folder is not found: %w", err)
	}
	ctx, release, err := owner.Claim(ctx, zap.NewNop(), db, cfg.ClientName) // no two write the file at once
	if errors.Is(err, owner.ErrSecondNode) {
		return false, nil // it has just started
	}
	if err != nil {
		return false, err
	}
	defer release()
	return sites.RecordDismissals(ctx, db, cfg, records)
}

func clientNamed(cfg *config.Config, client string) bool {
	return slices.Contains(cfg.Given().Clients(), client)
}

// shownSite is a line of sites --json.
type shownSite struct {
	Site  string     `json:"site"`
	State string     `json:"state"` // invited, asking, in, dismissed
	ID    string     `json:"invitation"`
	Words string     `json:"words,omitempty"` // to compare
	Uses  int        `json:"uses,omitempty"`  // that are left
	Since *time.Time `json:"since,omitempty"` // it has asked, is in, is dismissed; nil: not known
	Until *time.Time `json:"until,omitempty"` // it can be used
}

func listSites(ctx context.Context, w io.Writer, cfg *config.Config, db *mysqldb.DB, asJSON bool) error {
	open, all, now, err := sites.List(ctx, db)
	if err != nil {
		return err
	}
	var list []shownSite
	for _, i := range open {
		list = append(list, shownSite{Site: i.Site, State: "invited", ID: i.ID, Uses: i.Uses - i.Used, Until: &i.Until})
	}
	for _, s := range all {
		x := shownSite{Site: s.Client, State: s.State, ID: s.Invitation, Since: &s.Asked}
		switch s.State {
		case sites.Asking:
			x.Words = s.Words
		case sites.In:
			if x.Since = &s.Joined; slices.Contains(cfg.Joined.Dismissed, s.Client) { // the database is from before
				x.State, x.Since = sites.Dismissed, nil
			}
		case sites.Dismissed:
			x.Since = &s.Dismissed
		}
		list = append(list, x)
	}
	if asJSON {
		for _, x := range list {
			if err := command.JSON(w).Encode(x); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		say(w, "no site has joined, and none is invited")
		return nil
	}
	g := command.Grid{Columns: []command.Column{{Name: "SITE"}, {Name: "STATE"}, {Name: "SINCE", Matters: 1}, {Name: ""}}}
	for _, x := range list {
		since, more := "", ""
		if x.Since != nil {
			since = command.Ago(now, *x.Since)
		}
		switch x.State {
		case "invited":
			more = fmt.Sprintf("for %s, until %s, id %s", command.Some(int64(x.Uses), "use", "uses"), moment(*x.Until), x.ID)
		case sites.Asking:
			more = "compare " + x.Words + ", then: mysql-sync sites " + shellWord(cfg.Path) + " --accept " + x.Site
		case sites.In:
			if !joined(cfg, x.Site) {
				more = "not covered by a pattern of the configuration any more: it is no remote"
			}
		}
		g.Add(x.Site, x.State, since, more)
	}
	g.Print(w, command.Width(os.Stdout))
	return nil
}

func joined(cfg *config.Config, client string) bool {
	for _, s := range cfg.Joined.Sites {
		if s.Client == client {
			return true
		}
	}
	return false
}
