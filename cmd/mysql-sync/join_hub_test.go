package main_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// answering is a hub that answers each request for tables from a number on as it likes. It returns its token.
func answering(t *testing.T, b *testkit.Broker, prefix string, answers func(from int) []join.Answer) string {
	t.Helper()
	key, err := join.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := seal.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := join.Token{ID: fmt.Sprintf("0123456789abc%03x", len(prefix)), Hub: "hq", Site: "store-1", Servers: []string{fmt.Sprintf("tcp://%s:%d", b.Host, b.Port)}, Prefix: prefix, Login: join.Given,
		Secret: secret, HubKey: key.Public(), Until: time.Now().Add(time.Hour).UTC().Truncate(time.Second), Uses: 1}
	subscribed := testkit.MQTTClient(t, b, "hub"+strings.Trim(prefix, "${}")).Subscribe(prefix+"/join/hq/+/+", 1, func(c mqtt.Client, m mqtt.Message) {
		r, _, shared, err := join.OpenRequest(m.Payload(), key, x.ID)
		if err != nil {
			t.Error(err)
			return
		}
		for _, a := range answers(r.From) {
			sealed, err := a.Seal(shared, r.Ask)
			if err != nil {
				t.Error(err)
			}
			c.Publish(strings.Replace(m.Topic(), "/join/", "/joined/", 1), 1, false, sealed)
		}
	})
	if subscribed.Wait(); subscribed.Error() != nil {
		t.Fatal(subscribed.Error())
	}
	text, err := x.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// page is an answer with the definition of one of a profile's tables.
func page(p join.Profile, from int) join.Answer {
	const table = `{"name":%q,"columns":[{"name":"id","type":"int"}],"indexes":[{"name":"PRIMARY","kind":"","fields":[{"column":"id"}]}]}`
	names := p.Tables()
	return join.Answer{Profile: &p, Tables: []json.RawMessage{fmt.Appendf(nil, table, names[min(from, len(names)-1)])}, Count: len(names)}
}

// A request that takes long is sent again, so the same answer comes twice.
func TestAnAnswerThatComesTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	p := join.Profile{SyncTables: []string{"one", "two", "three"}}
	token := answering(t, testkit.Mosquitto(t, testkit.MosquittoOptions{}), "", func(from int) []join.Answer {
		return []join.Answer{page(p, from), page(p, from), page(p, from)}
	})
	_, args := store(t)
	has(t, joins(t, 0, token, args, "--yes"), "Created: one, two, three")
}

// Nothing that a hub says is read as a reference to the environment of the store: it would learn what is there.
func TestNoHubReadsTheStoresEnvironment(t *testing.T) {
	t.Setenv("STORE_SECRET", "hunter2")
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	policy := join.Profile{SyncTables: []string{"one"}, ReceiveTables: []string{"one"}, Policies: map[string]join.Policy{"one": {Name: "priority", Priority: []string{"${STORE_SECRET}", "hq"}}}}
	for prefix, p := range map[string]join.Profile{"${STORE_SECRET}": {SyncTables: []string{"one"}}, "acme": policy} {
		s, args := store(t)
		code, out, said := testkit.Output(t, append([]string{"join", answering(t, b, prefix, func(from int) []join.Answer { return []join.Answer{page(p, from)} }), "--yes"}, args...)...)
		text, err := os.ReadFile(s.File)
		if code == 0 && (err != nil || bytes.Contains(bytes.ReplaceAll(text, []byte("$${"), nil), []byte("${"))) {
			t.Errorf("%s: exit code %d, %v\n%s%s\n%s", prefix, code, err, out, said, text)
		}
	}
}

// Tables that are there already are named, and no hub gets those of mysql-sync itself, which hold keys.
func TestTablesThatAHubNames(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	naming := func(prefix string, p join.Profile) string {
		return answering(t, b, prefix, func(from int) []join.Answer { return []join.Answer{page(p, from)} })
	}
	s, args := store(t)
	s.Exec("CREATE TABLE employees (id INT PRIMARY KEY)")
	has(t, joins(t, 0, naming("one", join.Profile{SyncTables: []string{"employees"}}), args), "already, and in sync with the hub once the node runs: employees")
	_, args = store(t)
	code, out, said := testkit.Output(t, append([]string{"join", naming("other", join.Profile{ReceiveTables: []string{"Sync_Sites"}}), "--yes"}, args...)...)
	if code == 0 || !strings.Contains(out+said, "the table Sync_Sites, which is mysql-sync's own") {
		t.Errorf("exit code %d\n%s%s", code, out, said)
	}
}

// Whoever may publish at the broker can send a store anything while it waits, but not end its join.
func TestForgedAnswersEndNoJoin(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	forger := testkit.MQTTClient(t, b, "forger")
	key, err := join.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	site := key.Public()
	own, err := key.With(site, site, "0123456789abc000")
	if err != nil {
		t.Fatal(err)
	}
	refusal, err := join.Answer{Refused: join.UsedUp}.Seal(own, "0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	subscribed := forger.Subscribe("/join/hq/+/+", 1, func(c mqtt.Client, m mqtt.Message) {
		for _, forged := range [][]byte{join.UnknownInTheClear, nil, []byte("{}"), bytes.Repeat([]byte{7}, join.AnswerBytes+1), refusal} {
			c.Publish(strings.Replace(m.Topic(), "/join/", "/joined/", 1), 1, false, forged)
		}
	})
	if subscribed.Wait(); subscribed.Error() != nil {
		t.Fatal(subscribed.Error())
	}
	p := join.Profile{SyncTables: []string{"one", "two"}}
	asked := 0
	token := answering(t, b, "", func(from int) []join.Answer {
		switch asked++; asked {
		case 1, 3: // only the forger answers
			return nil
		case 2:
			return []join.Answer{{Waits: true}}
		}
		return []join.Answer{page(p, from)}
	})
	_, args := store(t)
	out := joins(t, 0, token, args, "--yes")
	has(t, out, "Note: an answer says that the hub does not know this invitation", "Note: an answer came that is not from the hub", "A person at the hub", "Created: one, two")
	if strings.Count(out, "Note: ") != 2 {
		t.Errorf("a note is repeated:\n%s", out)
	}
}

// A join that is killed when the configuration is written, but not yet everything else done, goes on when it is repeated. It
// touches no configuration that is not its own.
func TestAJoinKilledAtItsEndGoesOn(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s, args := store(t)
	var key []byte
	p := join.Profile{SyncTables: []string{"one"}}
	token := answering(t, b, "", func(from int) []join.Answer {
		var err error
		if key, err = os.ReadFile(s.File + ".joining"); err != nil {
			t.Error(err)
		}
		return []join.Answer{page(p, from)}
	})
	joins(t, 0, token, args, "--yes")
	written, err := os.ReadFile(s.File)
	if err != nil {
		t.Fatal(err)
	}
	put := func(path string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(s.File+".joining", key)
	put(s.File+".new.json", written)
	has(t, joins(t, 0, token, args), "store-1 has joined hq", "mysql-sync run ")
	if left, err := filepath.Glob(s.File + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	has(t, joins(t, 2, token, args), "already exists", "mysql-sync run ")

	// Once a join has begun, the hub says whether the token still counts, not this machine's clock.
	x, err := join.ParseToken(token)
	if err != nil {
		t.Fatal(err)
	}
	x.Until = x.Until.Add(-2 * time.Hour)
	expired, err := x.Text()
	if err != nil {
		t.Fatal(err)
	}
	put(s.File+".joining", key)
	has(t, joins(t, 0, expired, args), "store-1 has joined hq")
	if err := os.Remove(s.File); err != nil {
		t.Fatal(err)
	}
	put(s.File+".joining", key)
	has(t, joins(t, 0, expired, args), "store-1 has joined hq")
	has(t, joins(t, 2, expired, append([]string{s.File + ".other.json"}, args[1:]...)), "the token has expired")

	put(s.File+".joining", key)
	other := answering(t, b, "other", func(int) []join.Answer { return nil })
	has(t, joins(t, 2, other, args), "already exists")
	if now, err := os.ReadFile(s.File); err != nil || !bytes.Equal(now, written) {
		t.Errorf("the configuration was changed: %v\n%s", err, now)
	}
	for text, want := range map[string]string{
		"{": "store.json", `{"clientName": "store-1", "remoteClients": ["hq"], "syncTables": ["one"], "mqttConfig": {"host": "h"}, "mysqlConfig": {"user": "u", "database": "d"}}`: "already exists",
	} {
		put(s.File, []byte(text))
		has(t, joins(t, 2, token, args), want)
		if now, err := os.ReadFile(s.File); err != nil || string(now) != text {
			t.Errorf("another configuration was changed: %v\n%s", err, now)
		}
	}
}
