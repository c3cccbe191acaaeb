package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
)

// loginTime is how long the broker may take to accept the site's login: the hub makes it within a second or two.
const loginTime = 20 * time.Second

// login is the site's login at the broker from now on.
func (j *joining) login() (user string, password join.Password) {
	if j.token.Login == join.Made {
		return j.client, j.shared.Password()
	}
	return j.token.Username, j.token.Password
}

// write writes the configuration, readable only by its owner, once the broker accepts the site's login.
func (j *joining) write(ctx context.Context, w io.Writer) error {
	if err := awaitLogin(ctx, j.brokerConfig(j.login())); err != nil {
		return err
	}
	text, err := encode(j.configuration(w))
	if err != nil {
		return err
	}
	made, err := draft(j.path, text)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	defer os.Remove(made)
	return place(made, j.path)
}

// written reports whether an earlier run with this token has written the configuration, and was killed before it ended.
func (j *joining) written() (bool, error) {
	key, found, err := findKey(keyFile(j.path), j.token.ID)
	if err != nil || !found {
		return false, err
	}
	if _, err := os.Lstat(j.path); err != nil {
		return false, nil
	}
	shared, err := key.With(j.token.HubKey, key.Public(), j.token.ID)
	if err != nil {
		return false, err
	}
	cfg, _, err := config.Load(j.path, os.Environ())
	if err != nil {
		return false, err
	}
	j.client = cfg.ClientName
	pair := config.PairKey(j.token.Hub, shared.Key())
	return slices.ContainsFunc(cfg.Encryption.Keys, func(k seal.Key) bool { return k.ID == pair.ID }), nil
}

// awaitLogin waits until the broker accepts the site's login.
func awaitLogin(ctx context.Context, m config.MQTT) error {
	limited, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	for {
		err := check.BrokerAnswers(limited, m)
		if err == nil {
			return nil
		}
		if pause.For(limited, time.Second) != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("the hub has let this site in, but the broker does not take its login: repeat the command, and see the hub's log: %w", err)
		}
	}
}

// configuration returns the site's configuration, as JSON has it.
func (j *joining) configuration(w io.Writer) map[string]any {
	user, password := j.login()
	hub := j.token.Hub
	mqtt := map[string]any{}
	var servers []any
	for _, s := range j.token.Servers {
		scheme, rest, _ := strings.Cut(s, "://")
		servers = append(servers, map[string]any{"host": literal(map[string]string{"tcp": "mqtt", "ssl": "mqtts", "ws": "ws", "wss": "wss"}[scheme] + "://" + rest)})
	}
	if len(servers) == 1 {
		mqtt["host"] = servers[0].(map[string]any)["host"]
	} else {
		mqtt["servers"] = servers
	}
	if j.profile.Session {
		mqtt["clean"] = false
	}
	if j.ca != "" {
		mqtt["ca"] = literal(j.ca)
	}
	if user != "" {
		mqtt["username"], mqtt["password"] = literal(user), literal(string(password))
	}
	pair := config.PairKey(hub, j.shared.Key())
	block := map[string]any{
		"$schema": schemaURL, "clientName": j.client, "remoteClients": []string{hub}, "syncTables": literals(j.profile.SyncTables), "receiveTables": literals(j.profile.ReceiveTables),
		"mqttConfig": mqtt, "mysqlConfig": j.mysql.block(),
		"encryption": map[string]any{"keys": []any{map[string]any{"id": pair.ID, "key": pair.Secret.Reveal(), "clients": []string{hub}}}, "required": []string{"*"}},
	}
	if j.token.Prefix != "" {
		block["topicPrefix"] = literal(j.token.Prefix)
	}
	if j.queue != "" {
		block["queueDirectory"] = literal(j.queue)
	}
	if f := j.profile.ForeignKeyConflict; f != "" {
		block["foreignKeyConflict"] = literal(f)
	}
	if l := j.profile.Lead; l != nil {
		block["configurationFrom"] = map[string]any{"client": hub, "profile": literal(l.Profile), "key": literal(l.Key)}
		say(w, "%s leads a part of this configuration from now on, by its profile %s: see configurationFrom, whose key local keeps what you name.", hub, command.Clean(l.Profile))
	}
	policies, counters := map[string]any{}, map[string]any{}
	for table, p := range j.profile.Policies {
		switch {
		case len(p.Counters) > 0:
			counters[literal(table)] = literals(p.Counters)
		case p.Name == "priority":
			policies[literal(table)] = map[string]any{"priority": literals(p.Priority)}
		case p.Name == "script":
			say(w, "Note: conflicts in %s are decided by a script at the hub; copy it here, and see conflictPolicy.", command.Clean(table))
		default:
			policies[literal(table)] = literal(p.Name)
		}
	}
	if len(policies) > 0 {
		block["conflictPolicy"] = policies
	}
	if len(counters) > 0 {
		block["counters"] = counters
	}
	return block
}
