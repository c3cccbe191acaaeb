package node_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// rewrite writes the configuration of a site whose node is running.
func (s *site) rewrite(keys map[string]any) {
	s.t.Helper()
	maps.Copy(s.Config, keys)
	s.Write()
}

// hangUp sends SIGHUP to the node.
func (s *site) hangUp() {
	s.t.Helper()
	if err := syscall.Kill(s.Node.Pid(), syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
}

// reloads sends SIGHUP to the node, and waits until it runs anew. Two signals in a row may count as one.
func (s *site) reloads() {
	s.t.Helper()
	before := s.lines("node started")
	s.hangUp()
	testkit.Eventually(s.t, "a reload of "+s.Name, func() error { return wanted(s.lines("node started") > before) })
}

// lines counts lines of the node's log.
func (s *site) lines(text string) (n int) {
	for _, l := range s.Node.Log() {
		if strings.Contains(l, text) {
			n++
		}
	}
	return n
}

const items = `CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(40))`

func TestReloadAddsTables(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders, items)
	quiet(a, c)
	pid := a.Node.Pid()
	both := map[string]any{"syncTables": []string{"orders", "items"}, "receiveTables": []string{"orders", "items"}, "loggingLevel": "warn"}
	a.rewrite(both)
	a.hangUp() // as systemctl reload
	a.state("two tables", func(s *status.State) error { return wanted(len(s.Tables) == 2 && s.LogLevel == "warn") })
	c.rewrite(both)
	c.told(200, "{}", "POST", "/api/reload", nil)
	c.state("two tables", func(s *status.State) error { return wanted(len(s.Tables) == 2) })
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`, `INSERT INTO items VALUES (1, 'first')`)
	c.Expect(`SELECT name FROM items`, `"first"`)
	c.Expect(`SELECT name FROM orders`, `"one"`)
	if a.Node.Pid() != pid || syscall.Kill(pid, 0) != nil {
		t.Error("it is another process")
	}
	a.Stop()
}

func TestAMistakeKeepsTheOldNodeRunning(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	scripts := t.TempDir()
	good := `module.exports = ({entity}) => ({...entity, name: entity.name + '!'})`
	if err := os.WriteFile(filepath.Join(scripts, "orders.js"), []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"transformerDirectory": scripts})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	held, err := os.ReadFile(a.File)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	id := 0
	goesOn := func() {
		t.Helper()
		id++
		a.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'row', 1)`, id))
		c.Expect(fmt.Sprintf(`SELECT name FROM orders WHERE id = %d`, id), `"row!"`)
	}
	goesOn()

	write(a.File, `{"clientName": `)
	a.told(400, "the node carries on as before", "POST", "/api/reload", nil)
	a.hangUp()
	a.Node.WaitLog(`ERROR.*not reloaded; the node carries on as before`)
	goesOn()
	write(a.File, strings.Replace(string(held), `"checkInterval": `, `"checkInterval": -`, 1))
	a.told(400, "is less than 1", "POST", "/api/reload", nil)
	write(a.File, strings.Replace(string(held), `"orders"`, `"nothing"`, 1))
	a.told(400, "nothing", "POST", "/api/reload", nil)
	write(a.File, strings.Replace(string(held), `"user": "`, `"user": "nobody_`, 1))
	a.told(400, "mysqlConfig: ", "POST", "/api/reload", nil)
	write(a.File, strings.Replace(string(held), `"clientName"`, fmt.Sprintf(`"http": {"listen": "127.0.0.1:%d"}, "clientName"`, b.Port), 1))
	a.told(400, "http.listen: ", "POST", "/api/reload", nil)
	goesOn()
	write(a.File, string(held))
	write(filepath.Join(scripts, "orders.js"), `module.exports = ({entity}) => {`)
	a.told(400, "orders.js", "POST", "/api/reload", nil)
	goesOn()
	if n := a.lines("node started"); n != 1 {
		t.Errorf("the node was started %d times", n)
	}

	write(filepath.Join(scripts, "orders.js"), `module.exports = ({entity}) => ({...entity, name: entity.name + '?'})`)
	a.told(200, "{}", "POST", "/api/reload", nil)
	a.state("it runs again", func(*status.State) error { return wanted(a.lines("node started") == 2) })
	a.Exec(`INSERT INTO orders VALUES (99, 'row', 1)`)
	c.Expect(`SELECT name FROM orders WHERE id = 99`, `"row?"`)
}

func TestReloadUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	stop := make(chan struct{})
	var load sync.WaitGroup
	var written [2]int
	for k, s := range []*site{a, c} {
		load.Go(func() {
			pace := time.NewTicker(2 * time.Millisecond) // otherwise no machine keeps up
			defer pace.Stop()
			for i := 0; ; i++ {
				select {
				case <-stop:
					written[k] = i
					return
				case <-pace.C:
				}
				s.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'row', %d)`, 2*i+k, i), fmt.Sprintf(`UPDATE orders SET name = 'again' WHERE id = %d`, 2*(i/2)+k))
			}
		})
	}
	for i := range 3 {
		for _, s := range []*site{a, c} {
			s.told(200, "{}", "POST", "/api/reload", nil)
			s.state("it runs again", func(*status.State) error { return wanted(s.lines("node started") == i+2) })
		}
	}
	close(stop)
	load.Wait()
	total := fmt.Sprint(written[0] + written[1])
	a.Expect(`SELECT COUNT(*) FROM orders`, total)
	c.Expect(`SELECT COUNT(*) FROM orders`, total)
	testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, a, c)
	settle(t, []*site{a, c})
	if n := a.lines("ERROR") + c.lines("ERROR"); n != 0 {
		t.Errorf("%d errors were logged", n)
	}
}

// events listens to a node's events.
type events struct {
	s     *site
	lines *bufio.Scanner
}

// events opens one connection, through which all events come.
func (s *site) events() *events {
	s.t.Helper()
	r, err := s.ask(s.t.Context(), "GET", "/api/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = r.Body.Close() })
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	return &events{s, lines}
}

// until reads events until a state matches.
func (e *events) until(what string, right func(*status.State) bool) *status.State {
	e.s.t.Helper()
	for e.lines.Scan() {
		text, isData := strings.CutPrefix(e.lines.Text(), "data: ")
		s := &status.State{}
		if isData && json.Unmarshal([]byte(text), s) == nil && s.Client != "" && right(s) {
			return s
		}
	}
	e.s.t.Fatalf("%s: the connection ended before %s: %v", e.s.Name, what, e.lines.Err())
	return nil
}

func (e *events) started() time.Time {
	e.s.t.Helper()
	return e.until("a state", func(*status.State) bool { return true }).Started
}

// TestAReloadCutsNoConnection has listeners at the socket and at http.listen; each sees both nodes through one connection.
func TestAReloadCutsNoConnection(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	page := map[string]any{"listen": address}
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"http": page})
	a.Exec(orders, items)
	a.start()
	r, err := http.Get("http://" + address + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	both := []*events{a.events(), {a, bufio.NewScanner(r.Body)}}
	both[1].lines.Buffer(nil, 1<<20)
	before := both[0].started()
	both[1].started()
	a.rewrite(map[string]any{"syncTables": []string{"orders", "items"}})
	out := runBinary(t, "reload", a.File)
	out.expect(t, 0, "the node has reloaded")
	a.told(200, "[]", "GET", "/api/errors", nil) // it runs, but cannot start again
	for _, e := range both {
		e.until("the new node", func(s *status.State) bool { return s.Started.After(before) && len(s.Tables) == 2 && s.Database.Online })
	}

	// Another token cuts connections opened without it, but the answer still arrives.
	page["token"] = "0123456789abcdef0123456789abcdef"
	a.rewrite(nil)
	answer, err := http.Post("http://"+address+"/api/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("got %s", answer.Status)
	}
	for both[1].lines.Scan() {
	}
	both[0].until("the socket's listener goes on", func(*status.State) bool { return true })
	if answer, err = http.Get("http://" + address + "/api/status"); err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %s", answer.Status)
	}
}

// The existing listener shows a renewed certificate, and keeps its
// connections; a certificate that does not fit its key changes nothing.
func TestReloadRenewsTheCertificate(t *testing.T) {
	t.Parallel()
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	cert, key := filepath.Join(t.TempDir(), "server.crt"), filepath.Join(t.TempDir(), "server.key")
	put := func(from, to string) {
		t.Helper()
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	first, second := testkit.Certs(t), testkit.Certs(t)
	put(first.ServerCert, cert)
	put(first.ServerKey, key)
	a := newSite(t, testkit.AnyBroker(t), "node-a", []string{"node-b"}, []string{"orders"},
		map[string]any{"http": map[string]any{"listen": address, "cert": cert, "key": key}})
	a.Exec(orders)
	a.start()
	shown := func(authority string) error {
		text, err := os.ReadFile(authority)
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(text)
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "localhost"})
		if err != nil {
			return err
		}
		return conn.Close()
	}
	if err := shown(first.CA); err != nil {
		t.Fatal(err)
	}
	put(second.ServerCert, cert)
	a.told(400, "is not the key of", "POST", "/api/reload", nil)
	if err := shown(first.CA); err != nil {
		t.Errorf("after a refused reload: %v", err)
	}
	put(second.ServerKey, key)
	a.told(200, "{}", "POST", "/api/reload", nil)
	if err := shown(second.CA); err != nil || shown(first.CA) == nil {
		t.Errorf("after a reload the old certificate is still shown: %v", err)
	}
}

// A new queueDirectory moves the socket, and a new clientName creates another
// one.
func TestReloadWithAnotherFolderAndName(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT name FROM orders`, `"one"`)
	old := a.socket()
	a.rewrite(map[string]any{"queueDirectory": filepath.Join(t.TempDir(), "moved")})
	a.hangUp()
	moved := func(what string) {
		t.Helper()
		testkit.Eventually(t, what, func() error {
			out, err := testkit.Command(t, "health", a.File).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
	}
	moved("the node at its new socket")
	if _, err := os.Lstat(old); !os.IsNotExist(err) {
		t.Errorf("the old socket: %v", err)
	}
	a.Exec(`INSERT INTO orders VALUES (2, 'two', 2)`)
	c.Expect(`SELECT name FROM orders WHERE id = 2`, `"two"`)

	c.rewrite(map[string]any{"remoteClients": []string{"node-x"}})
	c.told(200, "{}", "POST", "/api/reload", nil)
	a.rewrite(map[string]any{"clientName": "node-x"})
	a.hangUp()
	moved("the node by its new name")
	a.Exec(`INSERT INTO orders VALUES (3, 'three', 3)`)
	c.Expect(`SELECT name FROM orders WHERE id = 3`, `"three"`)
	c.Exec(`INSERT INTO orders VALUES (4, 'four', 4)`)
	a.Expect(`SELECT name FROM orders WHERE id = 4`, `"four"`)
	a.Stop()
}

// If something no check can foresee fails, the old configuration comes back.
func TestAFailedReloadGoesBack(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	login := a.Config["mysqlConfig"].(map[string]any)
	login["database"] = c.Schema // on which another node works
	a.rewrite(nil)
	events := a.events()
	before := events.started()
	const why = "the previous one is back: another mysql-sync node is using this database"
	a.told(500, why, "POST", "/api/reload", nil)
	a.Node.WaitLog(`ERROR.*going back to the previous one.*another mysql-sync node is using this database`)
	a.told(200, "[]", "GET", "/api/errors", nil) // it runs, but cannot start again
	runBinary(t, "reload", a.File).expect(t, 1, why)
	events.until("the node that is back", func(s *status.State) bool { return s.Started.After(before) && s.Database.Online })
	login["database"] = a.Schema
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT name FROM orders`, `"one"`)
	a.Stop()
}
