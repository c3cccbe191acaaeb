package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// leads is what the command prints as JSON.
type leads struct {
	Key      string         `json:"key"`
	Profiles []lead.Profile `json:"profiles"` // of the running node; none if it is stopped
}

func leadCommand() *cobra.Command {
	var asJSON, keyOnly, force bool
	var renew, release string
	c := &cobra.Command{
		Use:   "lead CONFIGURATION",
		Short: "Show the configurations that a hub leads, and which site has which version",
		Long: `Show the profiles by which this node leads the configurations of its sites (lead),
the public key that each site needs in configurationFrom, and, if the node is
running, which version each site has and why one refused the latest.

--renew gives a profile a new version although its content has not changed, and has
a running node publish it: after the hub was restored from a backup, its sites have
later versions than it, and keep them until then. They then take back what the hub
has now.

--release gives all sites of a profile the latest version, which so far only the
sites that try it first (first) may have, and has a running node publish it. If one
of these refuses it, nothing is released without --force.

Exit codes: 0 done; 1 the database or the node could not be reached, a profile was
never led, has nothing to release, or is refused by a site that tries it; 2 the
command line or the configuration is wrong, or the node leads none.`,
		Example: `  mysql-sync lead hub.json
  mysql-sync lead hub.json --key
  mysql-sync lead hub.json --renew store
  mysql-sync lead hub.json --release store`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, _ []string) error {
			if len(cfg.Leads) == 0 {
				return command.Usage(fmt.Errorf("lead: this node leads no configurations: set lead in %s, and reload the node", cmd.Flags().Arg(0)))
			}
			db, err := open(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			switch {
			case renew != "":
				return renewProfile(cmd, cfg, db, renew)
			case release != "":
				return releaseProfile(cmd, cfg, db, release, force)
			}
			var key profile.PrivateKey
			err = mysqldb.InTx(cmd.Context(), db, func(tx mysqldb.Tx) (err error) {
				key, err = lead.Key(cmd.Context(), tx)
				return err
			})
			if err != nil {
				return err
			}
			if keyOnly {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), key.Public())
				return err
			}
			x := leads{Key: key.Public().String(), Profiles: []lead.Profile{}}
			var s status.State
			running := apiOf(cfg).within(cmd.Context(), "/api/status", &s) == nil
			x.Profiles = append(x.Profiles, s.Leads...)
			if asJSON {
				return command.JSON(cmd.OutOrStdout()).Encode(x)
			}
			printLeads(cmd, cfg, x, running, s.Now)
			return nil
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	c.Flags().BoolVar(&keyOnly, "key", false, "only the public key, for configurationFrom.key of a site")
	c.Flags().StringVar(&renew, "renew", "", "give this `profile` a new version, with the content that it has")
	c.Flags().StringVar(&release, "release", "", "give all sites of this `profile` its latest version")
	c.Flags().BoolVar(&force, "force", false, "with --release: although a site that tries it refuses it")
	c.MarkFlagsMutuallyExclusive("renew", "release", "key", "json")
	return c
}

// renewProfile gives a profile a new version, at once if the node is running.
func renewProfile(cmd *cobra.Command, cfg *config.Config, db *mysqldb.DB, name string) error {
	if _, err := leadOf(cfg, "--renew", name); err != nil {
		return err
	}
	p, err := reportedOf(cmd, cfg, name)
	if err != nil {
		return err
	}
	if err := lead.Renew(cmd.Context(), db, name, p.Highest()); err != nil {
		return err
	}
	return published(cmd, cfg, name+" has a new version")
}

// reportedOf returns what the sites of a profile have told the running node; a stopped one has been told nothing.
func reportedOf(cmd *cobra.Command, cfg *config.Config, name string) (lead.Profile, error) {
	var s status.State
	if err := apiOf(cfg).within(cmd.Context(), "/api/status", &s); err != nil && !errors.Is(err, serve.ErrNotRunning) {
		return lead.Profile{}, err
	}
	at := slices.IndexFunc(s.Leads, func(p lead.Profile) bool { return p.Name == name })
	if at < 0 {
		return lead.Profile{}, nil
	}
	return s.Leads[at], nil
}

// leadOf returns a profile that a flag names.
func leadOf(cfg *config.Config, flag, name string) (*config.Lead, error) {
	for i := range cfg.Leads {
		if cfg.Leads[i].Name == name {
			return &cfg.Leads[i], nil
		}
	}
	return nil, command.Usage(fmt.Errorf("%s: there is no profile %q in lead", flag, name))
}

// releaseProfile gives all sites of a profile its latest version, at once if the node is running.
func releaseProfile(cmd *cobra.Command, cfg *config.Config, db *mysqldb.DB, name string, force bool) error {
	l, err := leadOf(cfg, "--release", name)
	if err != nil {
		return err
	}
	p, err := reportedOf(cmd, cfg, name)
	if err != nil {
		return err
	}
	for _, r := range p.Sites {
		if r.Refused != "" && l.Tries(r.Site) && !force {
			return fmt.Errorf("%s: %s, which is to try it, refuses the latest version: %s. Put that right, or release it all the same with --force", name, r.Site, command.Clean(r.Refused))
		}
	}
	v, err := lead.Release(cmd.Context(), db, l)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return published(cmd, cfg, fmt.Sprintf("version %s of %s is released", v, name))
}

// published has a running node publish what was done.
func published(cmd *cobra.Command, cfg *config.Config, done string) error {
	err := apiOf(cfg).call(cmd.Context(), http.MethodPost, "/api/reload", nil, nil)
	switch {
	case errors.Is(err, serve.ErrNotRunning):
		say(cmd.OutOrStdout(), "%s, from the node's next start on", done)
		return nil
	case err != nil:
		return err
	}
	say(cmd.OutOrStdout(), "%s; the sites get it now", done)
	return nil
}

func printLeads(cmd *cobra.Command, cfg *config.Config, x leads, running bool, now time.Time) {
	w, s := cmd.OutOrStdout(), screenOf(cmd.OutOrStdout())
	say(w, "Public key of %s: %s", cfg.ClientName, s.bold(x.Key))
	if !running {
		say(w, "The node is not running: which site has which version is not known.")
		return
	}
	for _, p := range x.Profiles {
		fmt.Fprintln(w)
		say(w, "%s  version %s", s.bold(p.Name), p.Version)
		if p.Released != p.Version {
			say(w, "Only %s: the others have version %s, until mysql-sync lead --release %s.", command.Clean(strings.Join(p.First, ", ")), p.Released, p.Name)
		}
		g := command.Grid{Columns: []command.Column{{Name: "SITE"}, {Name: "VERSION"}, {Name: "KEEPS"}, {Name: "TOLD", Matters: 1}}}
		for _, r := range p.Sites {
			version, told := r.Version.String(), ""
			if r.At.IsZero() {
				version = "not told"
			} else {
				told = command.Ago(now, r.At)
			}
			if r.Version == p.Version {
				version += " (latest)"
			} else if r.Waits && r.Version == p.Released {
				version += " (released)"
			}
			g.Add(r.Site, version, some(r.Local, ""), told)
		}
		section(w, s, &g, "no site is in the configuration that this profile is for")
		for _, r := range p.Sites {
			if r.Refused != "" {
				say(w, "%s %s refuses the latest: %s", s.bad("✗"), r.Site, command.Clean(r.Refused))
			}
		}
	}
}
