package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func aclCommand() *cobra.Command {
	var clients []string
	var prefix, joins string
	var noVersion1 bool
	c := &cobra.Command{
		Use:   "acl [CONFIGURATION…]",
		Short: "Print a Mosquitto ACL for a set of clients",
		Long: `Print an ACL file for Mosquitto (acl_file) that gives each client the topics it
needs and no others: it publishes only as itself and reads only what is meant for
it. The clients are those of the configuration files, with the login in mqttConfig
(or else clientName), and those given by --client.

With --joins, the clients given by --client also get the topics on which they ask
that hub to let them in; see mysql-sync invite. A hub whose remoteClients have
patterns gets the other side of these.

Version-1 topics do not name their sender, so a client can impersonate another
there. --no-version-1 leaves out the right to write them, if all clients are nodes
of this program.

Exit codes: 0 printed; 2 the command line or a configuration is wrong.`,
		Example: `  mysql-sync acl berlin.json boston.json > /etc/mosquitto/acl.txt
  mysql-sync acl --client berlin --client boston=boston-login
  mysql-sync acl --client berlin --client boston --topic-prefix acme --no-version-1
  mysql-sync acl hub.json --client store-17 --joins hq`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json", "yaml", "yml", "toml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			accounts, err := accounts(args, clients, prefix, joins)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), wire.MosquittoACL(accounts, !noVersion1))
			return err
		},
	}
	c.Flags().StringArrayVar(&clients, "client", nil, "a client, `NAME` or NAME=LOGIN; repeatable")
	c.Flags().StringVar(&joins, "joins", "", "`hub` that the clients given by --client are to join")
	c.Flags().StringVar(&prefix, "topic-prefix", "", "topicPrefix of the clients given by --client")
	c.Flags().BoolVar(&noVersion1, "no-version-1", false, "leave out the right to write version-1 topics")
	return c
}

// validPrefix matches what a configuration's topicPrefix may be.
var validPrefix = regexp.MustCompile(`^/?[a-zA-Z0-9_-]+(/[a-zA-Z0-9_-]+)*$`)

// accounts returns the accounts of configuration files and of clients, each once.
func accounts(files, clients []string, prefix, joins string) ([]wire.Account, error) {
	var list []wire.Account
	var mistakes []error
	if prefix != "" && !validPrefix.MatchString(prefix) {
		mistakes = append(mistakes, fmt.Errorf("--topic-prefix: expected names of letters, digits, - or _, separated by slashes, not %q", prefix))
	}
	if joins != "" && !wire.ValidClient(joins) {
		mistakes = append(mistakes, fmt.Errorf("--joins: %q is not 2 to 32 letters, digits, - or _", joins))
	}
	seen := map[string]string{}
	add := func(from string, a wire.Account) {
		key := string(a.Topics) + " " + a.Client
		switch {
		case !wire.ValidClient(a.Client):
			mistakes = append(mistakes, fmt.Errorf("%s: %q is not 2 to 32 letters, digits, - or _", from, a.Client))
		case !wire.ValidLogin(a.Login):
			mistakes = append(mistakes, fmt.Errorf("%s: the login %q is not allowed in an ACL file", from, a.Login))
		case seen[key] != "":
			mistakes = append(mistakes, fmt.Errorf("%s: the client %s is also in %s", from, a.Client, seen[key]))
		case seen["login "+a.Login] != "":
			mistakes = append(mistakes, fmt.Errorf("%s: the login %s is also used by %s: clients that share a login can impersonate each other; give each its own", from, a.Login, seen["login "+a.Login]))
		default:
			seen[key], seen["login "+a.Login] = from, from
			list = append(list, a)
		}
	}
	for _, file := range files {
		cfg, err := load(file)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", file, err))
			continue
		}
		add(file, wire.Account{Client: cfg.ClientName, Login: cmp.Or(cfg.MQTT.Username, cfg.ClientName), Topics: wire.Topics(cfg.TopicPrefix), Hub: cfg.Invites()})
	}
	for _, c := range clients {
		name, login, given := strings.Cut(c, "=")
		if !given {
			login = name
		}
		add("--client "+c, wire.Account{Client: name, Login: login, Topics: wire.Topics(prefix), Joins: joins})
	}
	if len(list) == 0 && len(mistakes) == 0 {
		mistakes = append(mistakes, errors.New("name the clients by their configuration files or by --client NAME"))
	}
	if len(mistakes) > 0 {
		return nil, command.Usage(errors.Join(mistakes...))
	}
	return list, nil
}
