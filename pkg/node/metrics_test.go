package node_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// scraped waits until the node's metrics contain some lines.
func (s *site) scraped(lines ...string) string {
	s.t.Helper()
	var text string
	testkit.Eventually(s.t, s.Name+": metrics", func() error {
		var err error
		var code int
		if code, text, err = s.said("GET", "/metrics", nil); err != nil || code != http.StatusOK {
			return fmt.Errorf("answer %d %s %w", code, text, err)
		}
		for _, l := range lines {
			if !strings.Contains(text, "\n"+l+"\n") && !atLeast(text, l) {
				return fmt.Errorf("%s is missing in\n%s", l, strings.Join(slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool {
					return !strings.HasPrefix(l, "mysql_sync_")
				}), "\n"))
			}
		}
		return nil
	})
	return text
}

// atLeast reports whether a series has at least the value that a line ends with, followed by a plus: a batch in flight is resent
// to a remote that announces itself.
func atLeast(text, line string) bool {
	series, value, _ := strings.Cut(line, "} ")
	least, err := strconv.Atoi(strings.TrimSuffix(value, "+"))
	if err != nil || !strings.HasSuffix(value, "+") {
		return false
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, series+"} "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			return err == nil && n >= least
		}
	}
	return false
}

func TestMetricsCountTheWork(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"initialSync": "none"})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, map[string]any{"initialSync": "none"})
	c.Script("orders", `module.exports = ({entity}) => { if (entity.name === 'bad') { throw new Error('no') } return entity }`)
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	a.Exec(`INSERT INTO orders WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 30) SELECT i, 'row', i FROM n`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `30`)
	c.Exec(`INSERT INTO orders VALUES (101, 'one', 1), (102, 'two', 2)`)
	a.Expect(`SELECT COUNT(*) FROM orders`, `32`)
	a.Exec(`INSERT INTO orders VALUES (103, 'bad', 1)`)
	text := a.scraped(`mysql_sync_rows_sent_total{remote="node-b",table="orders"} 30`, `mysql_sync_rows_applied_total{remote="node-b",table="orders"} 2+`,
		`mysql_sync_remote_online{remote="node-b"} 1`, `mysql_sync_broker_connected 1`, `mysql_sync_database_connected 1`,
		`mysql_sync_pending_rows{remote="node-b"} 0`, `mysql_sync_refused_rows{remote="node-b"} 1`, `mysql_sync_conflicts_total{table="orders"} 0`,
		`mysql_sync_problems 1`)
	for _, name := range []string{"mysql_sync_apply_duration_seconds_count ", "go_goroutines ", "process_start_time_seconds ", "mysql_sync_build_info{"} {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("%s is missing", name)
		}
	}
	wrong, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(wrong) > 0 {
		t.Errorf("promlint: %v, %v", wrong, err)
	}
	text = c.scraped(`mysql_sync_rows_applied_total{remote="node-a",table="orders"} 30+`,
		`mysql_sync_rows_sent_total{remote="node-a",table="orders"} 2`)
	if strings.Contains(text, `mysql_sync_rows_rejected_total{remote="node-a",table="orders"} 0`) { // it comes again
		t.Error("the rejected row is not counted")
	}
	if !strings.Contains(text, `mysql_sync_transformer_errors_total{table="orders"} `) {
		t.Error("the transformer is missing")
	}
	c.state("the transformer's error", func(s *status.State) error {
		return wanted(len(s.Transformers) == 1 && s.Transformers[0].Errors > 0 && s.Transformers[0].File == "orders.js" && s.Transformers[0].LastRow == "103" &&
			strings.Contains(s.Transformers[0].Last, "no") && strings.Contains(strings.Join(s.Problems, "\n"), "orders.js failed on row 103"))
	})
}

func TestStrangersMakeNoSeries(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"acceptFrom": []string{"*"}, "initialSync": "none"})
	c := newSite(t, b, "node-c", []string{"node-a"}, []string{"orders"}, map[string]any{"initialSync": "none"})
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	c.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	a.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	if text := a.scraped(`mysql_sync_rows_applied_total{remote="*",table="orders"} 2+`); strings.Contains(text, "node-c") {
		t.Error("a client outside the configuration has its own series")
	}
}

// The configuration's secrets appear nowhere, whatever goes wrong.
func TestSecretsAreShownNowhere(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-31415926"
	b := testkit.AnyBrokerFor(t, map[string]string{"node": secret + "-mqtt"})
	server := testkit.Server(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	key := freshKey(t, "2026")
	sealing := key["key"].(string)
	a := newSiteOn(t, server, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{
		"http": map[string]any{"listen": address, "token": secret + "-token"}, "encryption": encrypted(key)})
	broker, login := a.Config["mqttConfig"].(map[string]any), a.Config["mysqlConfig"].(map[string]any)
	broker["username"], broker["password"] = "node", secret+"-mqtt"
	a.Exec(orders, `CREATE USER sync IDENTIFIED BY '`+secret+`-mysql'`, `GRANT ALL ON *.* TO sync`)
	login["user"], login["password"] = "sync", secret+"-mysql"
	dir := t.TempDir()
	a.Config["transformerDirectory"] = dir
	a.start()
	a.state("it works", func(s *status.State) error { return wanted(s.Broker.Online && s.Database.Online) })

	b.Kill()
	server.Kill()
	a.state("all is away", func(s *status.State) error { return wanted(!s.Broker.Online && !s.Database.Online) })
	var said strings.Builder
	for _, path := range []string{"/api/status", "/api/errors", "/api/conflicts", "/readyz"} {
		_, text, err := a.said("GET", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		said.WriteString(text)
	}
	b.Start()
	server.Start()
	a.state("all is back", func(s *status.State) error { return wanted(s.Broker.Online && s.Database.Online) })
	for _, change := range []func(){ // Each has a mistake, with a secret in it or beside it.
		func() { login["password"] = secret + "-wrong" },
		func() { login["password"], broker["password"] = secret+"-mysql", secret+"-wrong" },
		func() { broker["password"] = []string{secret} },
		func() { broker["password"] = secret + "-mqtt"; key["key"] = secret },
		func() { a.Config["http"].(map[string]any)["token"] = 31415926 },
	} {
		change()
		a.rewrite(nil)
		code, text, err := a.said("POST", "/api/reload", nil)
		if err != nil || code != http.StatusBadRequest {
			t.Errorf("a mistake got %d %s %v", code, text, err)
		}
		said.WriteString(text)
	}
	r, err := http.Get("http://" + address + "/api/status?token=" + secret)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %s %s %v", r.Status, text, err)
	}
	said.Write(text)
	for _, path := range []string{"/api/status", "/api/log", "/metrics", "/api/errors"} {
		said.WriteString(a.told(200, "", "GET", path, nil))
	}
	said.WriteString(strings.Join(a.Node.Log(), "\n"))
	files, err := filepath.Glob(filepath.Join(filepath.Dir(a.File), "queue", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			said.Write(text)
		}
	}
	for _, s := range []string{secret, "31415926", sealing} {
		for line := range strings.SplitSeq(said.String(), "\n") {
			if strings.Contains(line, s) {
				t.Errorf("the secret is in %.500s", line)
			}
		}
	}
}
