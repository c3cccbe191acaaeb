package node_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// socket is the path of the node's Unix socket.
func (s *site) socket() string {
	return filepath.Join(filepath.Dir(s.File), "queue", s.Name+".sock")
}

// ask sends a request to the node's API through its Unix socket. The caller closes the
// body of the answer.
func (s *site) ask(ctx context.Context, method, path string, body any) (*http.Response, error) {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.socket())
	}}}
	var text io.Reader
	if body != nil {
		text = strings.NewReader(encoded(s.t, body))
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://node"+path, text)
	if err != nil {
		return nil, err
	}
	return client.Do(r)
}

// said returns the status and the body of an answer.
func (s *site) said(method, path string, body any) (int, string, error) {
	s.t.Helper()
	r, err := s.ask(s.t.Context(), method, path, body)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return r.StatusCode, string(text), err
}

// told fails the test unless a request is answered with a status and with a text in the body.
func (s *site) told(status int, text, method, path string, body any) string {
	s.t.Helper()
	got, said, err := s.said(method, path, body)
	if err != nil || got != status || !strings.Contains(said, text) {
		s.t.Fatalf("%s: %s %s got %d %s %v, want %d %s", s.Name, method, path, got, said, err, status, text)
	}
	return said
}

// state waits until the node's state satisfies a function.
func (s *site) state(what string, right func(*status.State) error) *status.State {
	s.t.Helper()
	var state *status.State
	testkit.Eventually(s.t, s.Name+": "+what, func() error {
		code, text, err := s.said("GET", "/api/status", nil)
		if err != nil {
			return err
		}
		state = &status.State{}
		if code != http.StatusOK {
			return fmt.Errorf("answer %d %s", code, text)
		}
		if err := json.Unmarshal([]byte(text), state); err != nil {
			return err
		}
		if err := right(state); err != nil {
			return fmt.Errorf("%w in %s", err, text)
		}
		return nil
	})
	return state
}

func wanted(ok bool) error {
	if !ok {
		return fmt.Errorf("condition not met")
	}
	return nil
}

func TestStateShowsWhatARemoteNeeds(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	changesOnly := map[string]any{"initialSync": "none"}
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, changesOnly)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, changesOnly)
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	info, err := os.Stat(a.socket())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	a.state("both online", func(s *status.State) error {
		return wanted(s.Client == "node-a" && s.Database.Online && s.Database.Server != "" && s.Broker.Online && len(s.Remotes) == 1 && s.Remotes[0].Online &&
			s.Remotes[0].Protocol == 2 && len(s.Tables) == 1 && s.Tables[0].Sends && s.Tables[0].Receives && s.Tables[0].Policy == "lastWriteWins")
	})
	c.Node.Stop()
	a.state("the remote is away", func(s *status.State) error {
		return wanted(!s.Remotes[0].Online && strings.Contains(strings.Join(s.Problems, "\n"), "node-b has been offline since "))
	})
	a.Exec(`INSERT INTO orders WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 149)
		SELECT 150 * x.i + y.i, 'row', x.i FROM n x, n y WHERE 150 * x.i + y.i < 12000`)
	a.state("a long backlog is counted up to a bound", func(s *status.State) error {
		r := s.Remotes[0]
		return wanted(r.Pending.AtLeast && r.Pending.Rows >= 10_000 && r.Pending.Rows < 30_000 && r.Lag > 0 && r.Oldest != nil)
	})
	c.start()
	paced := false // rows of the last ten seconds, at every look
	s := a.state("nothing is pending", func(s *status.State) error {
		paced = paced || s.Streams[0].Sent.PerSecond > 0
		return wanted(s.Remotes[0].Pending == status.Count{} && s.Remotes[0].Sent.Rows == 12000 && s.Remotes[0].Lag == 0 && s.Remotes[0].InFlight == 0)
	})
	if x := s.Streams[0]; x.Table != "orders" || x.Remote != "node-b" || x.Sent.Rows != 12000 || !paced || x.Last == nil || s.Remotes[0].Messages.Sent < 24 {
		t.Errorf("the stream is %+v", x)
	}
	c.state("all is received", func(s *status.State) error {
		return wanted(s.Remotes[0].Received.Rows >= 12000 && s.Remotes[0].Messages.Received >= 24 && s.Uncaptured.Rows == 0)
	})
}

func TestErrorsAreShownAndRetried(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	c.Exec(`ALTER TABLE orders ADD CONSTRAINT small CHECK (amount < 100)`)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (7, 'seven', 700)`)
	a.state("one row is refused", func(s *status.State) error {
		return wanted(s.Remotes[0].Errors == 1 && s.Streams[0].Refused > 0 && s.Streams[0].Errors == 1 && strings.Contains(strings.Join(s.Problems, "\n"), "1 row for node-b is refused"))
	})
	var list []status.RowError
	if err := json.Unmarshal([]byte(a.told(200, "small", "GET", "/api/errors?table=orders&limit=10", nil)), &list); err != nil || len(list) != 1 ||
		list[0].ID != "7" || list[0].Remote != "node-b" || list[0].Attempts < 1 || list[0].At.IsZero() || list[0].RetryAt.Before(list[0].At) {
		t.Errorf("the errors are %+v, %v", list, err)
	}
	a.told(200, "[]", "GET", "/api/errors?table=orders&id=1", nil)
	a.told(400, "not between", "GET", "/api/errors?limit=100000", nil)
	a.told(404, "remoteClients", "GET", "/api/errors?remote=node-x", nil)
	c.state("it is counted here", func(s *status.State) error {
		return wanted(s.Streams[0].Rejected > 0 && s.Streams[0].Received.Rows == 1)
	})
	c.Exec(`ALTER TABLE orders DROP CONSTRAINT small`)
	a.told(400, "requires its table", "POST", "/api/retry", status.Rows{ID: "7"})
	a.told(200, "rows", "POST", "/api/retry", status.Rows{Remote: "node-b", Table: "orders", ID: "7"})
	c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	a.state("no errors", func(s *status.State) error { return wanted(s.Remotes[0].Errors == 0 && s.Remotes[0].Pending.Rows == 0) })
}

func TestConflictsAreShownAndPutBack(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'first', 1)`)
	c.Expect(`SELECT name FROM orders`, `"first"`)
	settle(t, []*site{a, c})
	b.Stop()
	a.Exec(`UPDATE orders SET name = 'early' WHERE id = 1`)
	c.Exec(`UPDATE orders SET name = 'late' WHERE id = 1`)
	b.Start()
	a.Expect(`SELECT name FROM orders`, `"late"`)
	// It is recorded where the two versions meet: at the node that was first sent the other's.
	testkit.Eventually(t, "the conflict", func() error {
		for _, s := range []*site{a, c} {
			if got, err := s.Rows(`SELECT COUNT(*) FROM sync_conflicts`); err != nil || got == "1\n" {
				a, c = s, map[*site]*site{a: c, c: a}[s]
				return err
			}
		}
		return errors.New("no node has it")
	})
	a.state("one conflict", func(s *status.State) error {
		return wanted(s.Conflicts.Kept == 1 && s.Conflicts.Found == 1 && s.Tables[0].Conflicts == 1)
	})
	var list []status.Conflict
	if err := json.Unmarshal([]byte(a.told(200, "early", "GET", "/api/conflicts", nil)), &list); err != nil || len(list) != 1 {
		t.Fatalf("the conflicts are %+v, %v", list, err)
	}
	x := list[0]
	if x.Table != "orders" || x.Row != "1" || x.Winner.Origin != "node-b" || x.Loser.Origin != "node-a" || !strings.Contains(string(x.Loser.Row), "early") ||
		!x.Standing || x.PutBack != nil || x.At.IsZero() || !x.Loser.At.Before(x.Winner.At) {
		t.Errorf("the conflict is %+v", x)
	}
	a.told(200, "[]", "GET", fmt.Sprintf("/api/conflicts?before=%d", x.ID), nil)
	a.told(404, "no such conflict", "POST", "/api/conflicts/4711/put-back", nil)
	a.told(400, "number of a conflict", "POST", "/api/conflicts/x/put-back", nil)
	a.told(200, "{}", "POST", fmt.Sprintf("/api/conflicts/%d/put-back", x.ID), nil)
	c.Expect(`SELECT name FROM orders`, `"early"`)
	a.told(200, `"standing":false`, "GET", "/api/conflicts", nil)
}

func TestTablesAreResentAndCompared(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `3`)
	a.state("the initial sync has ended", func(s *status.State) error {
		return wanted(len(s.Transfers) == 1 && s.Transfers[0].Finished != nil && s.Transfers[0].Mode == "missing")
	})
	settle(t, []*site{a, c})
	c.behind(`DELETE FROM orders WHERE id < 3`)
	a.told(200, `"kind":"missing there"`, "POST", "/api/verify", status.Verify{Tables: []string{"orders"}})
	a.state("the comparison is remembered", func(s *status.State) error {
		return wanted(len(s.Verified) == 1 && !s.Verified[0].Equal && s.Verified[0].Differs == 2 && len(s.Verified[0].Differ) == 2 &&
			strings.Contains(strings.Join(s.Problems, "\n"), "orders differs from that of node-b in 2 rows"))
	})
	a.told(200, `"error":"`, "POST", "/api/verify", status.Verify{Tables: []string{"nothing"}})
	a.told(404, "syncTables", "POST", "/api/resync", status.Resync{Table: "nothing"})
	a.told(400, "mode", "POST", "/api/resync", status.Resync{Table: "orders", Mode: "some"})
	a.told(400, "where: ", "POST", "/api/resync", status.Resync{Table: "orders", Where: "no_column = 1"})
	a.told(200, "{}", "POST", "/api/resync", status.Resync{Table: "orders", Mode: "all", Where: "id = 2"})
	c.Expect(`SELECT id FROM orders ORDER BY id`, `2`, `3`)
	a.told(200, "{}", "POST", "/api/resync", status.Resync{Table: "orders", Remote: "node-b", Mode: "all"})
	c.Expect(`SELECT id FROM orders ORDER BY id`, `1`, `2`, `3`)
	a.told(200, `"equal":true`, "POST", "/api/verify", nil)
}

func TestReadyFollowsDatabaseAndBroker(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	server := testkit.Server(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	a := newSiteOn(t, server, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"http": map[string]any{"listen": address}})
	a.Exec(orders)
	a.start()
	ready := func(status int, text string) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprint("readyz ", status, " ", text), func() error {
			r, err := http.Get("http://" + address + "/readyz")
			if err != nil {
				return err
			}
			defer r.Body.Close()
			said, err := io.ReadAll(r.Body)
			if err == nil && (r.StatusCode != status || !strings.Contains(string(said), text)) {
				err = fmt.Errorf("got %d %s", r.StatusCode, said)
			}
			return err
		})
		a.told(200, "ok", "GET", "/healthz", nil)
	}
	ready(200, "ok")
	b.Kill()
	ready(503, "the broker "+b.Host)
	a.state("the broker is away", func(s *status.State) error {
		return wanted(!s.Broker.Online && s.Broker.Error != "" && s.Database.Online && strings.Contains(s.Problems[0], "The broker"))
	})
	b.Start()
	ready(200, "ok")
	server.Kill()
	ready(503, "the database at "+server.Addr())
	a.state("the database is away, and the rest is shown all the same", func(s *status.State) error {
		return wanted(!s.Database.Online && s.Database.Error != "" && s.Broker.Online && strings.Contains(s.Problems[0], "The database") && len(s.Streams) == 1)
	})
	server.Start()
	ready(200, "ok")
	a.state("no problem but the remote", func(s *status.State) error {
		return wanted(len(s.Problems) == 1 && strings.Contains(s.Problems[0], "node-b has not been heard"))
	})
}

// Supervisors need no token, and learn no addresses.
func TestReadyShowsTheReasonWithTheToken(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef"
	server := testkit.Server(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	a := newSiteOn(t, server, testkit.AnyBroker(t), "node-a", []string{"node-b"}, []string{"orders"},
		map[string]any{"http": map[string]any{"listen": address, "token": token}})
	a.Exec(orders)
	server.Stop()
	a.Write()
	a.Node = testkit.Node(t, a.File)
	ready := func(shown string, status int, want string) (text string) {
		t.Helper()
		testkit.Eventually(t, "GET /readyz", func() error {
			r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/readyz", nil)
			if err != nil {
				return err
			}
			if shown != "" {
				r.Header.Set("Authorization", "Bearer "+shown)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			said, err := io.ReadAll(resp.Body)
			if text = string(said); err == nil && (resp.StatusCode != status || !strings.Contains(text, want)) {
				err = fmt.Errorf("%s %s", resp.Status, said)
			}
			return err
		})
		return text
	}
	ready(token, 503, "the node is starting")
	for _, shown := range []string{"", "another-one-of-16"} {
		if text := ready(shown, 503, "not ready"); strings.Contains(text, "starting") || strings.Contains(text, server.Addr()) {
			t.Errorf("with the token %q: %s", shown, text)
		}
	}
	server.Start()
	ready("", 200, "ok")
	ready(token, 200, "ok")
}

// If a reload ends a comparison, the answer says so: what came before is incomplete.
func TestAnInterruptedVerifySaysSo(t *testing.T) {
	t.Parallel()
	a, c := pair(t, testkit.AnyBroker(t), []string{"items", "orders"}, orders, items)
	a.Exec(`INSERT INTO items VALUES (1, 'first')`)
	c.Expect(`SELECT name FROM items`, `"first"`)
	a.state("the remote", func(s *status.State) error { return wanted(s.Remotes[0].Online && s.Remotes[0].Protocol == 2) })
	lock, err := c.DB.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(t.Context(), `LOCK TABLES orders WRITE`); err != nil { // so that its comparison waits
		t.Fatal(err)
	}
	cmd := testkit.Command(t, "verify", a.File)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), "items with node-b: equal") {
		t.Errorf("the first line is %q", lines.Text())
	}
	a.told(200, "{}", "POST", "/api/reload", nil)
	for lines.Scan() {
		t.Errorf("a further line: %q", lines.Text())
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "stopped after 1 comparison: the node stopped or was reloaded meanwhile") {
		t.Errorf("%v: %s", err, said.String())
	}
}

// A node that waits for its database is alive but not ready; SQL is
// accepted only at the socket.
func TestANodeThatWaitsForItsDatabaseSaysSo(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	server := testkit.Server(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	a := newSiteOn(t, server, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"http": map[string]any{"listen": address}})
	a.Exec(orders)
	server.Stop()
	a.Write()
	a.Node = testkit.Node(t, a.File)
	asked := func(method, path, body string, status int, want string) {
		t.Helper()
		testkit.Eventually(t, method+" "+path, func() error {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
			if err != nil {
				return err
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			said, err := io.ReadAll(resp.Body)
			if err == nil && (resp.StatusCode != status || !strings.Contains(string(said), want)) {
				err = fmt.Errorf("%s %s", resp.Status, said)
			}
			return err
		})
	}
	asked("GET", "/healthz", "", 200, "ok")
	asked("GET", "/readyz", "", 503, "the node is starting")
	asked("GET", "/api/status", "", 200, "The database at "+server.Addr()+" has been unreachable")
	asked("GET", "/metrics", "", 200, "mysql_sync_database_connected 0")
	asked("GET", "/api/errors", "", 503, "the node is starting")
	asked("POST", "/api/resync", `{"table": "orders"}`, 503, "the node is starting")
	server.Start()
	asked("GET", "/readyz", "", 200, "ok")
	asked("POST", "/api/resync", `{"table": "orders", "where": "SLEEP(1)"}`, 403, "Unix socket")
	asked("POST", "/api/resync", `{"table": "orders"}`, 200, "{}")
}

func TestTheLogIsShownAndItsLevelChanged(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"loggingLevel": "info", "loggingFormat": "json"})
	a.Exec(orders)
	a.start()
	a.Node.WaitLog(`^\{"level":"info",.*"msg":"node started"`)
	var lines []logging.Line
	if err := json.Unmarshal([]byte(a.told(200, "node started", "GET", "/api/log", nil)), &lines); err != nil || len(lines) < 3 {
		t.Errorf("the log is %+v, %v", lines, err)
	}
	for _, l := range lines {
		if l.Message == "" || l.Level == "" || l.Time.IsZero() || l.Level == "debug" {
			t.Errorf("a line is %+v", l)
		}
	}
	a.told(400, "not one of error", "PUT", "/api/log-level", web.LogLevel{Level: "loud"})
	a.told(400, "unknown field", "PUT", "/api/log-level", map[string]int{"volume": 11})
	a.told(200, "{}", "PUT", "/api/log-level", web.LogLevel{Level: "debug"})
	a.told(200, `"logLevel":"debug"`, "GET", "/api/status", nil)
	a.told(404, "is not a command", "DELETE", "/api/status", nil)
	a.told(413, "too large", "POST", "/api/retry", status.Rows{Table: strings.Repeat("x", 2<<20)})
}

func TestEventsTellStateAndLog(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	a.Exec(orders)
	a.start()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var listeners []io.Closer
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	var events *bufio.Scanner
	for i := 0; ; i++ {
		r, err := a.ask(ctx, "GET", "/api/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, r.Body)
		if r.StatusCode == http.StatusTooManyRequests && i == 32 {
			break
		}
		if r.StatusCode != http.StatusOK || i == 32 {
			t.Fatalf("listener %d got %s", i, r.Status)
		}
		if i == 0 {
			events = bufio.NewScanner(r.Body)
			events.Buffer(nil, 1<<20)
		}
	}
	states := 0
	for a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`); events.Scan(); {
		name, ok := bytes.CutPrefix(events.Bytes(), []byte("event: "))
		if !ok {
			continue
		}
		kind := string(name)
		events.Scan()
		data, ok := bytes.CutPrefix(events.Bytes(), []byte("data: "))
		if !ok {
			t.Fatalf("%s is followed by %s", kind, events.Bytes())
		}
		switch kind {
		case "status":
			var s status.State
			if err := json.Unmarshal(data, &s); err != nil || s.Client != "node-a" {
				t.Fatalf("a state is %s: %v", data, err)
			}
			if states++; states == 2 {
				b.Kill() // which is logged
			}
		case "log":
			var l logging.Line
			if err := json.Unmarshal(data, &l); err != nil || l.Message == "" {
				t.Fatalf("a line is %s: %v", data, err)
			}
			if states >= 2 && l.Logger == "transport" {
				return
			}
		}
	}
	t.Fatalf("the events ended after %d states: %v", states, events.Err())
}
