package node_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// secrets are what a node in these tests must not reveal, by where the configuration has
// them.
type secrets map[string]string

// marked returns a secret for each place; each is unique.
func marked() secrets {
	s := secrets{}
	for i, place := range []string{"database", "broker", "token", "login", "query", "user", "environ"} {
		s[place] = fmt.Sprintf("Mark3r-%s-%d-9f8e7d6c5b4a", place, i)
	}
	s["key"] = base64.StdEncoding.EncodeToString([]byte("Mark3r-key-0123456789abcdefghijk"))
	return s
}

// keeps checks that a text contains none of the secrets, in any form in which
// programs like to print them.
func (s secrets) keeps(t *testing.T, where, text string) {
	t.Helper()
	for place, secret := range s {
		raw := []byte(secret)
		if place == "key" {
			raw, _ = base64.StdEncoding.DecodeString(secret)
		}
		numbers := strings.Trim(fmt.Sprint(raw[:8]), "[]")
		for _, form := range []string{secret, url.QueryEscape(secret), string(raw), hex.EncodeToString(raw[:8]), base64.StdEncoding.EncodeToString(raw)[:8],
			numbers, strings.ReplaceAll(numbers, " ", ",")} {
			if at := strings.Index(text, form); at >= 0 {
				t.Errorf("%s reveals the secret of %s: …%s…", where, place, text[max(0, at-80):min(len(text), at+80)])
			}
		}
	}
}

// said runs a command of the real binary, whatever its outcome, and returns its
// output. Environment is NAME=value.
func said(t *testing.T, environment []string, args ...string) string {
	t.Helper()
	c := testkit.Command(t, args...)
	c.Env = append(c.Env, environment...)
	out, _ := c.CombinedOutput() // most of them fail, on purpose
	return string(out)
}

// secretive returns a site with a secret in each place where the configuration can have
// one.
func secretive(t *testing.T, b *testkit.Broker, s secrets) *site {
	t.Helper()
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	a.Exec(orders)
	user := "secret_" + a.Schema
	a.Exec(`SET GLOBAL log_bin_trust_function_creators = 1`) // it lacks SUPER, and MySQL has a binary log
	a.Exec(fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", user, s["database"]), fmt.Sprintf("GRANT ALL ON %s.* TO %s@'%%'", a.Schema, user))
	login := a.Config["mysqlConfig"].(map[string]any)
	login["user"], login["password"] = user, s["database"]
	mqtt := a.Config["mqttConfig"].(map[string]any)
	mqtt["username"], mqtt["password"] = "node-a", s["broker"]
	a.Config["encryption"] = map[string]any{"keys": []any{map[string]any{"id": "k", "key": s["key"]}}}
	a.Config["http"] = map[string]any{"listen": fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)), "token": s["token"]}
	a.Config["broker"] = map[string]any{"listen": fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)),
		"users": []any{map[string]any{"username": "u", "password": s["user"]}}}
	a.Config["loggingLevel"] = "trace"
	return a
}

// A working node at the level trace, whose scripts throw everything that they can
// reach, reveals none of its secrets.
func TestRunningNodeShowsNoSecret(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // its login cannot read the log
	s := marked()
	b := testkit.AnyBrokerFor(t, map[string]string{"node-a": s["broker"], "node-b": "other", "peer": "peer"})
	a := secretive(t, b, s)
	a.Script("orders", `
		const seen = (o, depth) => {
			if (o === null || (typeof o !== 'object' && typeof o !== 'function')) return String(o);
			if (depth > 3) return typeof o;
			return Object.getOwnPropertyNames(o).map(k => { try { return k + '=' + seen(o[k], depth + 1) } catch (e) { return k + '!' + e } }).join(' ');
		};
		module.exports = async context => {
			console.log(seen(globalThis, 0), seen(context, 0), seen(this, 0));
			for (const q of ['SELECT CURRENT_USER(), @@hostname', 'SELECT nonsense FROM', 'SHOW GRANTS'])
				try { console.log(JSON.stringify(await context.database.query(q))) } catch (e) { console.error(e, e.stack, seen(e, 0)) }
			for (const f of [() => require('../configuration.json'), () => require('/etc/passwd'), () => process.env, () => require('child_process')])
				try { console.log(seen(f(), 0)) } catch (e) { console.error(String(e)) }
			if (context.entity.name === 'throw') throw new Error(seen(context, 0) + seen(globalThis, 0));
			return context.entity;
		}`)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, map[string]any{"encryption": a.Config["encryption"]})
	mqtt := c.Config["mqttConfig"].(map[string]any)
	mqtt["username"], mqtt["password"] = "node-b", "other"
	c.Exec(orders)
	a.start()
	c.start()
	a.Exec(`INSERT INTO orders VALUES (1, 'throw', 1), (2, 'well', 2)`)
	c.Expect(`SELECT id FROM orders`, `2`)
	a.Expect(`SELECT status FROM sync_status WHERE primary_key = '1'`, `"error"`)
	// The connections to the broker and the database are lost and restored.
	b.Kill()
	b.Start()
	c.Exec(`INSERT INTO orders VALUES (3, 'after', 3)`)
	a.Expect(`SELECT COUNT(*) FROM orders`, `3`)

	status, err := a.Rows(`SELECT * FROM sync_status`)
	if err != nil {
		t.Fatal(err)
	}
	s.keeps(t, "sync_status", status)
	for _, command := range [][]string{{"status"}, {"status", "--json"}, {"check"}, {"check", "--json"}, {"errors"}, {"conflicts"}, {"verify"}, {"acl"},
		{"transform", "test", "orders", "1", "--to", "node-b"}} {
		args := append([]string{command[0]}, append([]string{a.File}, command[1:]...)...)
		if command[0] == "transform" {
			args = append([]string{"transform", "test", a.File}, command[2:]...)
		}
		text := said(t, nil, args...)
		if text == "" && command[0] == "status" {
			t.Errorf("%v prints nothing", args)
		}
		s.keeps(t, strings.Join(command, " "), text)
	}
	address := a.Config["http"].(map[string]any)["listen"].(string)
	for _, path := range []string{"/", "/api/status", "/api/errors", "/api/conflicts", "/api/log", "/metrics", "/healthz", "/readyz", "/debug/pprof/cmdline", "/nothing"} {
		for _, token := range []string{s["token"], "wrong"} {
			s.keeps(t, path, get(t, "http://"+address+path, token))
		}
	}
	a.Stop()
	s.keeps(t, "the log", strings.Join(a.Node.Log(), "\n"))
	s.keeps(t, "the other's log", strings.Join(c.Node.Log(), "\n"))
}

// get returns what a node answers to a request with a token.
func get(t *testing.T, address, token string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(answer.Status, answer.Header, string(text))
}

// Nor does a node that cannot work, whatever the reason.
func TestFailingNodeShowsNoSecret(t *testing.T) {
	t.Parallel()
	s := marked()
	b := testkit.AnyBrokerFor(t, map[string]string{"node-a": "another password"})
	// Mosquitto: it does not matter which broker shows the certificate.
	secure := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true})
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.pem")
	if err := os.WriteFile(broken, []byte("-----BEGIN PRIVATE KEY-----\n"+s["key"]+"\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	closed := testkit.FreePort(t)
	for name, change := range map[string]func(block func(string) map[string]any, a *site){
		"the broker refuses the login": func(block func(string) map[string]any, _ *site) {},
		"the database refuses the login": func(block func(string) map[string]any, _ *site) {
			block("mysqlConfig")["password"] = s["database"] + "x"
		},
		"a URL with a login, refused": func(block func(string) map[string]any, _ *site) {
			m := block("mqttConfig")
			clear(m)
			m["host"] = "mqtt://node-a:" + s["login"] + "@" + b.Addr()
		},
		"a URL with a login, nobody there": func(block func(string) map[string]any, _ *site) {
			m := block("mqttConfig")
			clear(m)
			m["host"] = fmt.Sprintf("ws://node-a:%s@127.0.0.1:%d/mqtt?token=%s", s["login"], closed, s["query"])
		},
		"a URL that is none": func(block func(string) map[string]any, _ *site) {
			block("mqttConfig")["host"] = "mqtt://node-a:" + s["login"] + "@[::1/%zz"
		},
		"TLS to who has none": func(block func(string) map[string]any, _ *site) {
			block("mqttConfig")["protocol"] = "mqtts"
		},
		"TLS with an authority that is not known": func(block func(string) map[string]any, _ *site) {
			m := block("mqttConfig")
			m["protocol"], m["host"], m["port"] = "mqtts", secure.Host, secure.Port
		},
		"a key that is none": func(block func(string) map[string]any, _ *site) {
			block("mqttConfig")["cert"], block("mqttConfig")["key"] = broken, broken
		},
		"TLS to a database that has none": func(block func(string) map[string]any, _ *site) {
			block("mysqlConfig")["ssl"] = map[string]any{}
		},
		"nobody where the database is": func(block func(string) map[string]any, _ *site) {
			block("mysqlConfig")["port"] = closed
		},
		"a database name that no DSN takes": func(block func(string) map[string]any, _ *site) {
			block("mysqlConfig")["database"] = "a/b?c=d&e@f:" + "`"
		},
		"a host that no DSN takes": func(block func(string) map[string]any, _ *site) {
			block("mysqlConfig")["host"] = "a)b/c?d"
		},
		"a table that is not there": func(_ func(string) map[string]any, a *site) { a.Config["syncTables"] = []string{"nope"} },
		"an encryption key that is none": func(_ func(string) map[string]any, a *site) {
			a.Config["encryption"] = map[string]any{"keys": []any{map[string]any{"id": "k", "key": s["key"][:40]}, map[string]any{"id": s["environ"] + "@", "key": s["environ"]}}}
		},
		"secrets from the environment in the wrong places": func(_ func(string) map[string]any, a *site) {
			maps.Copy(a.Config, map[string]any{"loggingLevel": "${SECRET}", "checkInterval": "${SECRET}", "clientName": "${SECRET} ${SECRET}"})
		},
		"a script that does not load": func(_ func(string) map[string]any, a *site) {
			a.Script("orders", `throw new Error(JSON.stringify([this, module, typeof process, Object.keys(globalThis)]))`)
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			a := secretive(t, b, s)
			change(func(name string) map[string]any { return a.Config[name].(map[string]any) }, a)
			file := a.Write()
			environment := []string{"SECRET=" + s["environ"]}
			s.keeps(t, "check", said(t, environment, "check", file))
			s.keeps(t, "check --json", said(t, environment, "check", file, "--json"))
			s.keeps(t, "status", said(t, environment, "status", file))
			text, err := json.Marshal(a.Config)
			if err != nil || !strings.Contains(string(text), "Mark3r") {
				t.Fatalf("the configuration has no secret: %v", err)
			}
			// A node that waits for a missing server is ended once it has said so.
			a.Node = testkit.Process(t, func() *exec.Cmd {
				c := testkit.Command(t, file)
				c.Env = append(c.Env, environment...)
				return c
			})
			a.Node.WaitLog(`(?i)warn|error|mysql-sync: |refused|retrying|trying again|waiting`)
			a.Node.Kill()
			s.keeps(t, "the log", strings.Join(a.Node.Log(), "\n"))
		})
	}
}
