package main

import (
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// meshed is a connector that receives the node berlin's table a into a SQLite database.
type meshed struct {
	*testkit.Site
	broker *testkit.Broker
	file   string
	to     *sql.DB
	proc   *exec.Cmd
}

// newMeshed makes both; block has further keys of the source, and columns are the table's at the destination.
func newMeshed(t *testing.T, columns string, block map[string]any, extra map[string]any) *meshed {
	t.Helper()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	site := testkit.NewSite(t, testkit.Shared(t), b, "berlin", []string{"sheets"}, []string{"a"}, extra)
	site.Config["receiveTables"] = []string{}
	path := filepath.Join(t.TempDir(), "to.db")
	to, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.Close() })
	if _, err := to.ExecContext(t.Context(), "PRAGMA journal_mode = wal; CREATE TABLE a "+columns); err != nil {
		t.Fatal(err)
	}
	source := map[string]any{"type": "mesh", "clientName": "sheets", "acceptFrom": []string{"berlin"}, "mqttConfig": b.Keys()}
	maps.Copy(source, block)
	m := &meshed{Site: site, broker: b, to: to}
	t.Cleanup(func() {
		if text, err := os.ReadFile(m.file + ".log"); err == nil && t.Failed() {
			t.Logf("the connector says\n%s", text)
		}
	})
	m.file = write(t, "connector.yaml", map[string]any{
		"sources": map[string]any{"stock": source}, "destinations": map[string]any{"lake": map[string]any{"type": "sqlite", "database": path}},
		"http": map[string]any{"listen": "127.0.0.1:0"},
		"jobs": map[string]any{"rows": map[string]any{
			"from": map[string]any{"source": "stock", "table": "a", "key": "id"}, "to": map[string]any{"destination": "lake", "table": "a"}, "guard": map[string]any{"off": true},
		}},
	})
	return m
}

// start starts the connector.
func (m *meshed) start(t *testing.T) {
	t.Helper()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	m.proc = exec.Command(exe, "start", m.file)
	log, err := os.OpenFile(m.file+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	m.proc.Stdout, m.proc.Stderr = log, log
	if err := m.proc.Start(); err != nil {
		t.Fatal(err)
	}
	proc := m.proc
	t.Cleanup(func() {
		_ = proc.Process.Kill()
		_ = proc.Wait()
		_ = log.Close()
	})
}

// kill ends it like a crash.
func (m *meshed) kill() {
	_ = m.proc.Process.Kill()
	_ = m.proc.Wait()
}

// has waits until the destination has the rows.
func (m *meshed) has(t *testing.T, query string, want ...string) {
	t.Helper()
	testkit.Eventually(t, query, func() error {
		got, err := lines(t, m.to, query)
		if err == nil && got != strings.Join(want, "\n") {
			err = fmt.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
		return err
	})
}

// lines returns the rows of a query, one per line.
func lines(t *testing.T, db *sql.DB, query string) (string, error) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var line sql.NullString
		if err := rows.Scan(&line); err != nil {
			return "", err
		}
		list = append(list, line.String)
	}
	return strings.Join(list, "\n"), rows.Err()
}

// A mesh's table arrives as a whole, then each change, with the types it has.
func TestATableOfAMeshGoesToADestination(t *testing.T) {
	t.Parallel()
	m := newMeshed(t, "(id INTEGER PRIMARY KEY, v TEXT, f REAL, price TEXT, at TEXT, raw BLOB, n TEXT, j TEXT)", nil, nil)
	m.Exec("CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(40), f FLOAT, price DECIMAL(20,4), at DATETIME, raw VARBINARY(10), n BIGINT UNSIGNED, j JSON)",
		`INSERT INTO a VALUES (1, 'ä', 0.1, 12345678901234.5678, '2024-02-29 12:00:00', x'00ff', 18446744073709551615, '{"a": [1]}'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
	m.Start()
	m.start(t)
	const all = "SELECT id || ' ' || coalesce(v, '-') || ' ' || coalesce(f, '-') || ' ' || coalesce(price, '-') || ' ' || coalesce(at, '-') || ' ' || coalesce(hex(raw), '-') || ' ' || coalesce(n, '-') || ' ' || coalesce(j, '-') FROM a ORDER BY id"
	m.has(t, all, `1 ä 0.1 12345678901234.5678 2024-02-29 12:00:00 00FF 18446744073709551615 {"a": [1]}`, "2 - - - -  - -")
	m.Exec("UPDATE a SET v = 'b', n = 7 WHERE id = 1", "DELETE FROM a WHERE id = 2", "INSERT INTO a (id, v) VALUES (3, '')")
	m.has(t, "SELECT id || v || coalesce(n, '') FROM a ORDER BY id", "1b7", "3")
	// The node's table definition changes.
	m.Exec("ALTER TABLE a ADD COLUMN w INT, MODIFY n VARCHAR(30)")
	if _, err := m.to.ExecContext(t.Context(), "ALTER TABLE a ADD COLUMN w INT"); err != nil {
		t.Fatal(err)
	}
	m.Exec("INSERT INTO a (id, v, w, n) VALUES (4, 'x', 9, 'many')", "UPDATE a SET w = 1 WHERE id = 1")
	m.has(t, "SELECT id || coalesce(v, '') || coalesce(w, '') FROM a ORDER BY id", "1b1", "3", "4x9")
	// Columns are dropped and renamed; the connector restarts, and knows only what it is told then.
	m.Exec("ALTER TABLE a DROP COLUMN raw, CHANGE w size INT")
	if _, err := m.to.ExecContext(t.Context(), "ALTER TABLE a DROP COLUMN raw; ALTER TABLE a RENAME COLUMN w TO size"); err != nil {
		t.Fatal(err)
	}
	m.Exec("UPDATE a SET v = 'y' WHERE id = 4")
	m.has(t, "SELECT id || coalesce(v, '') || coalesce(size, '') FROM a ORDER BY id", "1b1", "3", "4y9")
	m.kill()
	m.Exec("ALTER TABLE a DROP COLUMN f")
	if _, err := m.to.ExecContext(t.Context(), "ALTER TABLE a DROP COLUMN f"); err != nil {
		t.Fatal(err)
	}
	m.Exec("UPDATE a SET v = 'z' WHERE id IN (1, 4)")
	m.start(t)
	m.has(t, "SELECT id || coalesce(v, '') || coalesce(size, '') FROM a ORDER BY id", "1z1", "3", "4z9")
	m.Exec("ALTER TABLE a MODIFY v VARBINARY(40)", "UPDATE a SET v = x'ff00fe' WHERE id = 4")
	m.has(t, "SELECT hex(v) FROM a WHERE id = 4", "FF00FE")
	if status := m.Run(0, "errors"); strings.Contains(status, "sheets") {
		t.Errorf("the node still has errors:\n%s", status)
	}
}

// Changes are neither lost nor reordered, whichever of the two dies, and whenever.
func TestAMeshAndItsConnectorAreKilled(t *testing.T) {
	t.Parallel()
	m := newMeshed(t, "(id INTEGER PRIMARY KEY, v INTEGER)", nil, nil)
	m.Exec("CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a SELECT seq, 0 FROM "+series(3000))
	m.Start()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 8 {
		m.start(t)
		for k := range 10 {
			m.Exec(fmt.Sprintf("UPDATE a SET v = v + 1 WHERE id %% 53 = %d", (7*i+k)%53), fmt.Sprintf("DELETE FROM a WHERE id = %d", 10*i+k+1),
				fmt.Sprintf("INSERT INTO a VALUES (%d, %d)", 10000+10*i+k, i))
			time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
		}
		m.kill()
		if i%3 == 2 {
			m.Node.Kill()
			m.Node.Start()
		}
	}
	m.start(t)
	want, err := m.Rows("SELECT CONCAT(id, ' ', v) FROM a ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	m.has(t, "SELECT id || ' ' || v FROM a ORDER BY id", strings.Split(strings.TrimSpace(strings.ReplaceAll(want, `"`, "")), "\n")...)
}

// The death of a node or a connector is reported by those that are left, and its return too.
func TestR05PeersReportThatOneIsOffline(t *testing.T) {
	t.Parallel()
	m := newMeshed(t, "(id INTEGER PRIMARY KEY)", nil, nil)
	m.Exec("CREATE TABLE a (id INT PRIMARY KEY)")
	slack := standin.NewSlack()
	t.Cleanup(slack.Close)
	other := write(t, "other.yaml", map[string]any{
		"connector": map[string]any{"name": "other"},
		"sources": map[string]any{"stock": map[string]any{
			"type": "mesh", "clientName": "other", "mqttConfig": m.Block("mqttConfig"),
			"acceptFrom": map[string]any{"berlin": map[string]any{}, "sheets": map[string]any{"write": false, "delete": false, "read": false}},
		}},
		"destinations": map[string]any{"lake": map[string]any{"type": "sqlite", "database": filepath.Join(t.TempDir(), "other.db")}},
		"alerts":       map[string]any{"slack": slack.Webhook(), "offlineAfter": "1s"},
		"http":         map[string]any{"listen": "127.0.0.1:0"},
		"jobs":         map[string]any{"rows": map[string]any{"from": map[string]any{"source": "stock", "table": "a", "key": "id"}, "to": map[string]any{"destination": "lake", "table": "a"}}},
	})
	said := func(want string, times int) {
		t.Helper()
		sees(t, want, func() bool { return strings.Count("\n"+strings.Join(slack.Texts(), "\n"), want) >= times })
	}
	const berlin, sheets = "Client berlin of stock is offline", "Client sheets of stock is offline"
	process(t, other)
	said(berlin+": not heard since", 1)
	said(sheets+": not heard since", 1)
	// It hears them come: of one that came before, it would have only what the broker keeps, which counts for 40 s.
	m.Start()
	m.start(t)
	said("Over: "+berlin+".", 1)
	said("Over: "+sheets+".", 1)
	m.kill()
	m.Node.Kill()
	said(berlin+": not heard since", 2)
	said(sheets+": not heard since", 2)
	m.start(t)
	m.Node.Start()
	said("Over: "+berlin+".", 2)
	said("Over: "+sheets+".", 2)
}

// insist repeats a statement on many rows until no deadlock with received rows ends it, as an application does.
func insist(s *testkit.Site, q string) {
	s.TB.Helper()
	testkit.Eventually(s.TB, q, func() error {
		_, err := s.DB.Exec(q)
		return err
	})
}

// Two nodes write the same rows, sealed: the connector ends up with what both have.
func TestTwoNodesOfAMeshWithKeys(t *testing.T) {
	t.Parallel()
	key := map[string]any{"keys": []map[string]any{{"id": "2026", "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}, "required": []string{"*"}}
	m := newMeshed(t, "(id INTEGER PRIMARY KEY, v TEXT)", map[string]any{"acceptFrom": []string{"berlin", "bonn"}, "encryption": key}, map[string]any{"encryption": key})
	m.Config["remoteClients"], m.Config["receiveTables"] = []string{"bonn", "sheets"}, []string{"a"}
	bonn := testkit.NewSite(t, m.Server, m.broker, "bonn", []string{"berlin", "sheets"}, []string{"a"}, map[string]any{"encryption": key})
	const table = "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20))"
	m.Exec(table, "INSERT INTO a SELECT seq, 'first' FROM "+series(300))
	bonn.Exec(table)
	m.Start()
	bonn.Start()
	m.start(t)
	for i := range 30 {
		insist(m.Site, fmt.Sprintf("UPDATE a SET v = 'berlin %d' WHERE id %% 7 = %d", i, i%7))
		insist(bonn, fmt.Sprintf("UPDATE a SET v = 'bonn %d' WHERE id %% 5 = %d", i, i%5))
		insist(bonn, fmt.Sprintf("DELETE FROM a WHERE id = %d", 300-i))
	}
	const all = "SELECT id, v FROM a ORDER BY id"
	testkit.Eventually(t, "both nodes have the same", func() error {
		here, err := m.Rows(all)
		there, also := bonn.Rows(all)
		if here != there || err != nil || also != nil {
			return fmt.Errorf("%v, %v", err, also)
		}
		return nil
	})
	m.Exec("INSERT INTO a VALUES (1000, 'end')") // and nothing is in flight
	bonn.Expect("SELECT v FROM a WHERE id = 1000", `"end"`)
	want, err := bonn.Rows("SELECT CONCAT(id, ' ', v) FROM a ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	m.has(t, "SELECT id || ' ' || v FROM a ORDER BY id", strings.Split(strings.TrimSpace(strings.ReplaceAll(want, `"`, "")), "\n")...)
	if said := m.Run(1, "verify", "a", "--remote", "sheets"); !strings.Contains(said, "is a connector") {
		t.Errorf("verify printed\n%s", said)
	}
}

// An existing peer speaks only the documented protocol.
func TestAnExistingPeerSendsToAConnector(t *testing.T) {
	t.Parallel()
	m := newMeshed(t, "(id INTEGER PRIMARY KEY, v TEXT, n REAL)", map[string]any{"acceptFrom": []string{"old"}}, nil)
	client := testkit.MQTTClient(t, m.broker, "old")
	answers := make(chan string, 100)
	client.Subscribe("/info/old", 1, func(_ mqtt.Client, d mqtt.Message) { answers <- string(d.Payload()) }).Wait()
	m.start(t)
	say := func(topic, payload string) {
		t.Helper()
		if token := client.Publish(topic, 1, false, payload); token.Wait() && token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	beat := func() {
		say("/info", fmt.Sprintf(`{"sender":"old","message":"connected","args":{"until":%d}}`, time.Now().Add(time.Minute).UnixMilli()))
	}
	answered := func(want ...string) {
		t.Helper()
		beat()
		var got string
		sees(t, strings.Join(want, " "), func() bool {
			select {
			case got = <-answers:
			default:
				return false
			}
			return !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(got, w) })
		})
	}
	sees(t, "the connector is online", func() bool {
		text, err := os.ReadFile(m.file + ".log")
		return err == nil && strings.Contains(string(text), "connected to the broker")
	})
	at := time.Now().UnixMilli()
	say("/change/sheets", fmt.Sprintf(`{"table":"a","id":"7","date":%d,"sender":"old","entity":{"id":7,"v":"x","n":2.5}}`, at))
	answered("data_received", `"7"`)
	m.has(t, "SELECT id || v || n FROM a", "7x2.5")
	say("/change/sheets", fmt.Sprintf(`{"table":"a","id":"7","date":%d,"sender":"old","entity":{"id":7,"v":"older"}}`, at-1000))
	say("/change/sheets", fmt.Sprintf(`{"table":"b","id":"7","date":%d,"sender":"old","entity":{"id":7}}`, at))
	say("/change/sheets", fmt.Sprintf(`{"table":"a","id":"8","date":%d,"sender":"old","entity":{"id":9,"v":"y"}}`, at))
	answered("error", "does not match")
	say("/change/sheets", fmt.Sprintf(`{"table":"a","id":"9","date":%d,"sender":"old","entity":{"id":9,"v":"y"}}`, at))
	m.has(t, "SELECT id || v FROM a ORDER BY id", "7x", "9y")
	say("/change/sheets", fmt.Sprintf(`{"table":"a","id":"7","date":%d,"sender":"old","entity":null}`, at+1000))
	m.has(t, "SELECT id || v FROM a ORDER BY id", "9y")
}

// Rights by table must name tables that jobs receive.
func TestRightsOfAMeshNameTablesOfJobs(t *testing.T) {
	t.Parallel()
	m := newMeshed(t, "(id INTEGER PRIMARY KEY)", map[string]any{"acceptFrom": map[string]any{"berlin": map[string]any{"write": []string{"a"}, "columns": map[string]any{"a": []string{"id"}}}}}, nil)
	if said, err := execute(t, "start", m.file, "--once", "--test"); err != nil {
		t.Errorf("%s%v", said, err)
	}
	m = newMeshed(t, "(id INTEGER PRIMARY KEY)", map[string]any{"acceptFrom": map[string]any{"berlin": map[string]any{"write": []string{"as"}}}}, nil)
	if _, err := execute(t, "start", m.file, "--once", "--test"); err == nil || !strings.Contains(err.Error(), `sources.stock.acceptFrom.berlin.write: no job receives the table "as"; did you mean "a"?`) {
		t.Errorf("%v", err)
	}
}

// What arrived while a job was paused is carried when it resumes, even after a restart.
func TestAPausedJobOfAMeshIsResumed(t *testing.T) {
	t.Parallel()
	m := newMeshed(t, "(id INTEGER PRIMARY KEY)", nil, nil)
	m.Exec("CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)")
	m.Start()
	m.start(t)
	m.has(t, "SELECT id FROM a", "1")
	tell := func(command string) {
		t.Helper()
		if said, err := execute(t, command, m.file, "rows"); err != nil {
			t.Fatal(said, err)
		}
	}
	tell("pause")
	m.Exec("INSERT INTO a VALUES (2)", "DELETE FROM a WHERE id = 1")
	state, err := sql.Open("sqlite", "file:"+strings.TrimSuffix(m.file, ".yaml")+".db?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	sees(t, "the changes are in the state", func() bool {
		got, err := lines(t, state, "SELECT CAST(key AS TEXT) || deleted FROM inbox ORDER BY key")
		return err == nil && got == "11\n20"
	})
	m.kill()
	m.start(t)
	sees(t, "the job is paused", func() bool {
		text, err := os.ReadFile(m.file + ".log")
		return err == nil && strings.Contains(string(text), "job is paused")
	})
	tell("resume")
	m.has(t, "SELECT id FROM a", "2")
}
