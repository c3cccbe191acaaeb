package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
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
	ca, err := j.authority()
	if err != nil {
		return err
	}
	user, password := j.login()
	if err := awaitLogin(ctx, j.brokerConfig(ca, user, password)); err != nil {
		return err
	}
	block, err := j.configuration(ca, w)
	if err != nil {
		return err
	}
	text, err := encode(block)
	if err == nil {
		text, err = keys.Format(j.path, text)
	}
	if err != nil {
		return err
	}
	probe, err := os.CreateTemp(filepath.Dir(j.path), ".mysql-sync-*"+filepath.Ext(j.path)) // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(probe.Name())
	if _, err = probe.Write(text); err == nil {
		err = probe.Sync()
	}
	if err := errors.Join(err, probe.Close()); err != nil {
		return err
	}
	if _, _, err := config.Load(probe.Name(), os.Environ()); err != nil {
		return fmt.Errorf("what the hub says makes no valid configuration: %w", err)
	}
	if err := place(probe.Name(), j.path); err != nil {
		return err
	}
	say(w, "%s has joined %s: %s is written, readable only by its owner.", j.client, j.token.Hub, j.path)
	return nil
}

// place gives a file its final name, unless that exists: as a whole or, if the file system has no links, by copying it.
func place(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// awaitLogin waits until the broker accepts the site's login.
func awaitLogin(ctx context.Context, m config.MQTT) error {
	m.ClientID = "mysql-sync-join"
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
func (j *joining) configuration(ca string, w io.Writer) (map[string]any, error) {
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
	if ca != "" {
		mqtt["ca"] = literal(ca)
	}
	if user != "" {
		mqtt["username"], mqtt["password"] = literal(user), literal(string(password))
	}
	mysql := map[string]any{"user": literal(j.mysql.user), "database": literal(j.mysql.database)}
	if j.mysql.socket != "" {
		mysql["socketPath"] = literal(j.mysql.socket)
	} else {
		mysql["host"], mysql["port"] = literal(j.mysql.host), j.mysql.port
	}
	if p := j.mysql.password.key(); p != nil {
		mysql["password"] = p
	}
	pair := config.PairKey(hub, j.shared.Key())
	block := map[string]any{
		"$schema": schemaURL, "clientName": j.client, "remoteClients": []string{hub}, "syncTables": literals(j.profile.SyncTables), "receiveTables": literals(j.profile.ReceiveTables),
		"mqttConfig": mqtt, "mysqlConfig": mysql,
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
	policies := map[string]any{}
	for table, p := range j.profile.Policies {
		switch {
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
	return block, nil
}
