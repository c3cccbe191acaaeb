package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const (
	users  = 2000 // rows of the table
	edited = 1000 // rows that change before the connector is killed
	source = 123  // the id of the data source at the service
	token  = "eu--demo"
	widest = 130 // bytes of a line printed by the connector
)

// sample is a configuration of Fliplet Agent, like those of its users.
const sample = `auth_token: %s
base_url: %s
datasource_id: %d
database_driver: mysql
database_host: 127.0.0.1
database_port: %d
database_username: %s
database_name: %s
query: SELECT id, name AS 'Full Name', email AS 'Email' FROM users
primary_column: id
mode: replace
batch_size: 50
`

// carrying is the stage of the connector's story: a table, a service, and the program that carries rows from one to the
// other.
type carrying struct {
	tb      testkit.TB
	screen  *screen
	db      *sqlx.DB
	service *standin.Fliplet
	program string
	file    string // the configuration
}

// carry tells the story of the connector. It fails tb unless the service has the rows of the table at the end.
func carry(ctx context.Context, tb testkit.TB, s *screen) {
	s.caption("1 of 4: a database with 2,000 users, and a service: a local server that accepts what Fliplet accepts, and no more")
	c := begin(tb, s)

	s.caption("2 of 4: with --test the connector says what it would send, and sends nothing")
	c.told(c.start(ctx, "--test"), 3)
	s.note("the service has %s and got %d requests that write", rows(len(c.entries())), c.writes())

	s.caption("3 of 4: the rows go to the service; afterwards only what has changed")
	c.told(c.start(ctx), 1)
	s.note("the service has %s, sent in %d requests", rows(len(c.entries())), c.writes())
	before := c.writes()
	c.exec(`UPDATE users SET email = CONCAT('new-', email) WHERE id IN (7, 8, 9)`)
	c.exec(`INSERT INTO users VALUES (2001, 'Ada Lovelace', 'ada@example.com')`)
	c.exec(`DELETE FROM users WHERE id = 1`)
	s.note("three users change their address, one is new, one leaves")
	c.told(c.start(ctx), 1)
	s.note("the service has %s, and got %d more requests that write", rows(len(c.entries())), c.writes()-before)

	s.caption("4 of 4: 1,000 rows change, the service fails now and then, and the connector is killed in the middle")
	c.kill(ctx)
	c.told(c.start(ctx), 3)
	s.note("all changes have arrived: %d; each run counts the rows that it read", c.arrived())
	c.compare()
}

// begin starts the database and the service and writes the configuration.
func begin(tb testkit.TB, s *screen) *carrying {
	server := testkit.MariaDB(tb)
	schema := server.Create(tb)
	c := &carrying{tb: tb, screen: s, db: server.Open(tb, schema), service: standin.NewFliplet(token, source)}
	tb.Cleanup(c.service.Close)
	c.exec(`CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, email VARCHAR(60) NOT NULL) CHARACTER SET utf8mb4`)
	for first := 1; first <= users; first += 1000 {
		values := make([]string, 1000)
		for i := range values {
			values[i] = fmt.Sprintf("(%d, 'User %[1]d', 'user-%[1]d@example.com')", first+i)
		}
		c.exec(`INSERT INTO users VALUES ` + strings.Join(values, ","))
	}
	text := fmt.Sprintf(sample, token, c.service.URL, source, server.Port, server.User, schema)
	c.file = filepath.Join(filepath.Dir(testkit.ConfigFile(tb, nil)), "sample.yml")
	if err := os.WriteFile(c.file, []byte(text), 0o600); err != nil {
		tb.Fatalf("write the configuration: %v", err)
	}
	c.program = testkit.Connector(tb)
	s.note("sample.yml, a configuration of Fliplet Agent, is used unchanged:")
	for line := range strings.Lines(text) {
		s.note("    %s", strings.TrimSuffix(line, "\n"))
	}
	return c
}

// exec writes to the database, as its users would.
func (c *carrying) exec(statement string) {
	if _, err := c.db.Exec(statement); err != nil {
		c.tb.Fatalf("write to the database: %v", err)
	}
}

// start runs the connector to its end, and returns what it printed.
func (c *carrying) start(ctx context.Context, more ...string) string {
	c.screen.note("$ %s", strings.Join(append([]string{"mysql-sync-connector start sample.yml"}, more...), " "))
	out, err := exec.CommandContext(ctx, c.program, append([]string{"start", c.file}, more...)...).CombinedOutput()
	if ctx.Err() != nil {
		c.tb.Fatalf("interrupted")
	}
	if err != nil {
		c.tb.Fatalf("run the connector: %v\n%s", err, out)
	}
	return string(out)
}

// stamp begins a line of a log.
var stamp = regexp.MustCompile(`^\S+Z\s+`)

// told shows the last lines that the connector printed, as many as fit.
func (c *carrying) told(out string, shown int) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines[max(0, len(lines)-shown):] {
		if line = stamp.ReplaceAllString(line, ""); len(line) > widest {
			line = line[:widest] + " ..."
		}
		c.screen.note("    %s", line)
	}
}

// kill starts the connector after many rows have changed and kills it once half of them have arrived.
func (c *carrying) kill(ctx context.Context) {
	c.exec(fmt.Sprintf(`UPDATE users SET name = CONCAT(name, ' Jr.') WHERE id <= %d`, edited+1))
	c.service.Fail(func(w http.ResponseWriter, r *http.Request, n int) bool {
		if r.Method == http.MethodPost && n%5 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	c.screen.note("$ mysql-sync-connector start sample.yml")
	var out bytes.Buffer
	command := exec.CommandContext(ctx, c.program, "start", c.file)
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		c.tb.Fatalf("start the connector: %v", err)
	}
	for deadline := time.Now().Add(limit); c.arrived() < edited/2; {
		if time.Now().After(deadline) {
			c.tb.Fatalf("the rows did not arrive: %s", out.String())
		}
		if pause.For(ctx, glance) != nil {
			c.tb.Fatalf("interrupted")
		}
	}
	err := command.Process.Kill()
	_ = command.Wait() // it was killed
	if err != nil {
		c.tb.Fatalf("kill the connector: %v", err)
	}
	c.screen.note("killed with kill -9 when %d of %d changes had arrived", c.arrived(), edited)
}

// entry is a row at the service.
type entry struct {
	ID    int    `json:"id"`
	Name  string `json:"Full Name"`
	Email string `json:"Email"`
}

// entries returns the service's rows.
func (c *carrying) entries() []entry {
	stored := c.service.Entries(source)
	list := make([]entry, len(stored))
	for i, e := range stored {
		if err := json.Unmarshal(e.Data, &list[i]); err != nil {
			c.tb.Fatalf("read an entry of the service: %v", err)
		}
	}
	return list
}

// arrived returns how many of the changes before the kill reached the service.
func (c *carrying) arrived() (n int) {
	for _, e := range c.entries() {
		if strings.HasSuffix(e.Name, " Jr.") {
			n++
		}
	}
	return n
}

// writes returns how many writing requests the service received.
func (c *carrying) writes() (n int) {
	for _, r := range c.service.Requests() {
		if r.Method != http.MethodGet {
			n++
		}
	}
	return n
}

// compare reports the outcome.
func (c *carrying) compare() {
	var want []entry
	if err := c.db.Select(&want, `SELECT id, name, email FROM users ORDER BY id`); err != nil {
		c.tb.Fatalf("read the table: %v", err)
	}
	byID := map[int]entry{}
	got := c.entries()
	for _, e := range got {
		byID[e.ID] = e
	}
	wrong := 0
	for _, e := range want {
		if byID[e.ID] != e {
			wrong++
		}
	}
	c.screen.result("table: %s; service: %d, of them %d with a key of their own", rows(len(want)), len(got), len(byID))
	if wrong > 0 || len(got) != len(want) || len(byID) != len(want) {
		c.screen.result("equal: no")
		c.tb.Fatalf("the service does not have the rows of the table: %d of them differ", wrong)
	}
	c.screen.result("equal: yes")
}
