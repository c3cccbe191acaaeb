package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
)

// longestInvitation bounds how long an invitation is open.
const longestInvitation = 366 * 24 * time.Hour

// invite is what the command's flags say.
type invite struct {
	sites.Ask
	length   string
	brokers  []string
	ca, user string
	password secret
}

func inviteCommand() *cobra.Command {
	var v invite
	c := &cobra.Command{
		Use:   "invite SITE CONFIGURATION",
		Short: "Print a token with which a site can join this hub",
		Long: `Print a token, with which mysql-sync join makes another machine a site of this hub.
SITE is the name that it gets, or with --uses a pattern such as "store-*"; it must be
covered by a pattern in remoteClients or acceptFrom.

The token is a secret: anyone who has it can join under that name, until it is used
up or expired, and gets the rows that the hub sends such a site. It is printed to
standard output, everything else to standard error. A used token opens nothing: the
site's key and login are not in it. mysql-sync sites lists, dismisses and withdraws.

With the embedded broker (broker.users), the invitation and later the site get their
own logins. At another broker with logins, create one for the site first and pass it
with --broker-user; mysql-sync acl prints the rights that it needs.

Exit codes: 0 printed; 1 failed; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync invite store-17 hub.json
  mysql-sync invite store-17 hub.json --for 2h --broker mqtts://hub.example.com:8883 > store-17.token
  mysql-sync invite "store-*" hub.json --uses 20 --for 7d --ask`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load(args[1])
			if err != nil {
				return err
			}
			v.Site = args[0]
			t, err := v.broker(cfg)
			if err == nil {
				err = v.check(cfg)
			}
			if err != nil {
				return command.Usage(err)
			}
			text, err := v.token(cmd.Context(), cfg, t)
			if err != nil {
				return err
			}
			v.tell(cmd.ErrOrStderr(), text, args[1])
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text.text)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&v.length, "for", "24h", "how long the token can be used, such as 90m, 24h or 7d")
	f.IntVar(&v.Uses, "uses", 1, "how many sites may join with it")
	f.BoolVar(&v.Asks, "ask", false, "each site waits until mysql-sync sites --accept lets it in")
	f.StringArrayVar(&v.brokers, "broker", nil, "`URL` at which the site reaches the broker, such as mqtts://hub.example.com:8883; repeatable (default as in mqttConfig, or broker.listen)")
	f.StringVar(&v.ca, "broker-ca", "", "`file` with the CA of the broker's certificate (default as in mqttConfig)")
	f.StringVar(&v.user, "broker-user", "", "`user` that was made for the site, at a broker that is not embedded")
	f.StringVar(&v.password.env, "broker-password-env", "", "environment `variable` with that user's password (default MQTT_PASSWORD, if set)")
	f.StringVar(&v.password.file, "broker-password-file", "", "`file` with that user's password")
	return c
}

// check returns what is wrong with the name, the time or the uses.
func (v *invite) check(cfg *config.Config) error {
	d, err := span(v.length)
	switch v.For = d; {
	case err != nil:
		return fmt.Errorf("--for: %w", err)
	case d < time.Minute || d > longestInvitation:
		return fmt.Errorf("--for: an invitation is open for one minute to one year, not %s", v.length)
	case v.Uses < 1 || v.Uses > join.MostUses:
		return fmt.Errorf("--uses: %d is not between 1 and %d", v.Uses, join.MostUses)
	case !cfg.Invites():
		return errors.New(`no site can join: remoteClients has no pattern; add one such as "store-*", and reload the node`)
	case config.IsPattern(v.Site):
		if !cfg.MayJoin(strings.ReplaceAll(v.Site, "*", "0")) && !slices.Contains(slices.Concat(cfg.RemotePatterns, cfg.AcceptPatterns), v.Site) {
			return fmt.Errorf("%s is not covered by the patterns of this node (%s)", v.Site, strings.Join(slices.Concat(cfg.RemotePatterns, cfg.AcceptPatterns), ", "))
		}
		return nil
	case clientName(v.Site) != nil:
		return fmt.Errorf("%q is neither a client name of 2 to 32 characters of a-z A-Z 0-9 - _, nor a pattern of such names with *", v.Site)
	case v.Uses > 1:
		return fmt.Errorf("--uses: one name is for one site; for more, give a pattern such as store-*")
	case cfg.Names(v.Site):
		return fmt.Errorf("%s is named in the configuration, so it need not join; take it out there to invite it", v.Site)
	case !cfg.MayJoin(v.Site):
		return fmt.Errorf("%s is not covered by the patterns of this node (%s)", v.Site, strings.Join(slices.Concat(cfg.RemotePatterns, cfg.AcceptPatterns), ", "))
	}
	return nil
}

// broker returns the token's part about the broker.
func (v *invite) broker(cfg *config.Config) (t join.Token, err error) {
	embedded := cfg.Broker.Listen != "" && len(v.brokers) == 0
	t.Hub, t.Prefix = cfg.ClientName, cfg.TopicPrefix
	if t.Servers, err = v.servers(cfg, embedded); err != nil {
		return t, err
	}
	if t.CA, err = v.authorities(cfg, t.Servers); err != nil {
		return t, err
	}
	v.Made = cfg.Broker.Listen != "" && len(cfg.Broker.Users) > 0
	switch {
	case v.Made && v.user != "":
		return t, errors.New("--broker-user: the embedded broker makes the site's login itself; leave this out")
	case v.user != "":
		if err := v.password.find(mqttPassword, "broker"); err != nil {
			return t, err
		}
		t.Username, t.Password = v.user, join.Password(v.password.value)
		if v.Uses > 1 {
			return t, errors.New("--uses: with --broker-user, all sites would have one login, and a dismissed one would keep it; invite each by its name")
		}
	case !v.Made && cfg.MQTT.Username != "":
		return t, errors.New("--broker-user is missing: the broker has logins; make one for the site, with the rights that mysql-sync acl prints, and give it here")
	}
	return t, nil
}

// servers returns the URLs of the broker as a site reaches it.
func (v *invite) servers(cfg *config.Config, embedded bool) ([]string, error) {
	if embedded {
		host, _, err := net.SplitHostPort(cfg.Broker.Listen)
		if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
			return nil, fmt.Errorf("--broker is missing: broker.listen is %s, so say at which address the site reaches this machine, such as mqtts://hub.example.com:8883", cfg.Broker.Listen)
		}
		scheme := "tcp"
		if cfg.Broker.Cert != "" {
			scheme = "ssl"
		}
		return []string{scheme + "://" + cfg.Broker.Listen}, nil
	}
	if len(v.brokers) == 0 {
		return cfg.MQTT.Servers, nil
	}
	list := make([]string, len(v.brokers))
	for i, text := range v.brokers {
		var m mqttSetup
		if err := m.setURL(text); err != nil || m.url == "" {
			return nil, fmt.Errorf("--broker: %q is not a URL such as mqtts://hub.example.com:8883, without a login", text)
		}
		u, err := url.Parse(m.url)
		if err != nil {
			return nil, fmt.Errorf("--broker: %w", err)
		}
		u.Scheme = map[string]string{"mqtt": "tcp", "mqtts": "ssl", "ws": "ws", "wss": "wss"}[u.Scheme]
		if u.Port() == "" {
			u.Host = net.JoinHostPort(u.Hostname(), map[string]string{"tcp": "1883", "ssl": "8883", "ws": "80", "wss": "443"}[u.Scheme])
		}
		list[i] = u.String()
	}
	return list, nil
}

// authorities returns the certificates by which a site knows the broker, as PEM; none for those of its system. Of the embedded
// broker, its own is one if it signed itself.
func (v *invite) authorities(cfg *config.Config, servers []string) (string, error) {
	if !slices.ContainsFunc(servers, func(s string) bool { return strings.HasPrefix(s, "ssl:") || strings.HasPrefix(s, "wss:") }) {
		return "", nil
	}
	files := cfg.MQTT.CA
	if v.ca != "" {
		files = []string{v.ca}
	}
	var out bytes.Buffer
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("--broker-ca: %w", err)
		}
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			cert, err := x509.ParseCertificate(block.Bytes)
			if block.Type != "CERTIFICATE" || err != nil || file == cfg.Broker.Cert && v.ca == "" && !bytes.Equal(cert.RawIssuer, cert.RawSubject) {
				continue // a key that is in the same file, or a certificate that an authority renews
			}
			if err := pem.Encode(&out, &pem.Block{Type: block.Type, Bytes: block.Bytes}); err != nil {
				return "", err
			}
		}
		if v.ca != "" && out.Len() == 0 {
			return "", fmt.Errorf("--broker-ca: %s contains no PEM certificate", v.ca)
		}
	}
	return out.String(), nil
}

// written is a token as text.
type written struct {
	join.Token
	text string
}

// token makes the invitation. What would keep its token from being written is found before anything is.
func (v *invite) token(ctx context.Context, cfg *config.Config, t join.Token) (w written, err error) {
	db, err := open(ctx, cfg)
	if err != nil {
		return w, err
	}
	defer db.Close()
	_, all, _, err := sites.List(ctx, db)
	if err != nil && !mysqldb.NoTable(err) {
		return w, err
	}
	for _, s := range all {
		if s.Client == v.Site && s.State != sites.Dismissed {
			has := map[string]string{sites.In: "has joined already", sites.Asking: "asks already to be let in"}[s.State]
			return w, fmt.Errorf("%s %s, and a token made now would open nothing: first shut it out, with mysql-sync sites --dismiss %s", s.Client, has, s.Client)
		}
	}
	made, err := sites.Invite(ctx, db, v.Ask)
	if err != nil {
		return w, err
	}
	made.Hub, made.Servers, made.CA, made.Prefix = t.Hub, t.Servers, t.CA, t.Prefix
	if made.Login == join.Given {
		made.Username, made.Password = t.Username, t.Password
	}
	text, err := made.Text()
	if err != nil {
		_, end := sites.Withdraw(ctx, db, made.ID)
		return w, errors.Join(err, end)
	}
	return written{made, text}, nil
}

// tell explains the token.
func (v *invite) tell(w io.Writer, t written, path string) {
	who, name := "A site named "+t.Site, ""
	if config.IsPattern(t.Site) {
		who = fmt.Sprintf("%d %s with names such as %s", t.Uses, command.Word(int64(t.Uses), "site", "sites"), t.Site)
		name = " --client NAME"
	}
	fmt.Fprintf(w, "%s can join with this token until %s:\n\n  mysql-sync join TOKEN%s\n\nAnyone who has it can. To withdraw it: mysql-sync sites %s --withdraw %s\n\n",
		who, t.Until.Local().Format("2006-01-02 15:04:05 -0700"), name, shellWord(path), t.ID)
	if u, err := url.Parse(t.Servers[0]); err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()) {
		fmt.Fprintf(w, "It works only on this machine, since it names the broker %s. For others, give --broker.\n\n", u.Host)
	} else if err == nil && (u.Scheme == "tcp" || u.Scheme == "ws") {
		fmt.Fprint(w, "The connection to the broker is not encrypted, so its login can be read on the way; the site's key and its rows cannot.\n\n")
	}
}
