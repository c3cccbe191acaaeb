package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// carrier is the connector between a table of MariaDB and a destination.
type carrier struct {
	b       *bench
	program string
	file    string
	peak    float64 // peak memory of a run so far, in MiB
	cpu     float64 // that its process took for the last run, in s
}

// newCarrier makes a table of n rows and a configuration: destination and to are its blocks, and script is a transformer
// of rows, or empty.
func newCarrier(b *bench, n int, destination, to map[string]any, script string) *carrier {
	server := b.newServer(false)
	schema := server.Create(b)
	db := server.Open(b, schema)
	_, err := db.Exec(fmt.Sprintf(createOrders, "orders"))
	b.must("create the table", err)
	_, err = db.Exec(fmt.Sprintf(`INSERT INTO orders SELECT seq, CONCAT('customer number ', seq %% 5000), 'shipped', seq %% 5000 + 0.25, 0,
		'2026-01-02' + INTERVAL seq SECOND, '2026-01-02' + INTERVAL seq SECOND,
		'a comment that is as long as such comments are, so that the row has its bytes' FROM seq_1_to_%d`, n))
	b.must("fill the table", err)
	to["destination"] = "there"
	if script != "" {
		to["transform"] = "orders.js"
	}
	c := &carrier{b: b, program: testkit.Connector(b), file: testkit.ConfigFile(b, map[string]any{
		"sources":      map[string]any{"shop": map[string]any{"type": "mariadb", "host": server.Host, "port": server.Port, "user": server.User, "database": schema}},
		"destinations": map[string]any{"there": destination},
		"jobs": map[string]any{"orders": map[string]any{
			"from": map[string]any{"source": "shop", "table": "orders", "key": "id"}, "to": to, "schedule": map[string]any{"disable": true},
		}},
	})}
	if script != "" {
		b.must("write the script", os.WriteFile(filepath.Join(filepath.Dir(c.file), "orders.js"), []byte(script), 0o600))
	}
	return c
}

// order runs the job with a command, run or retry, and returns the rows read, the rows sent, and
// the time taken. mayFail is whether the run may fail.
func (c *carrier) order(command string, mayFail bool) (read, sent int, took time.Duration) {
	run := exec.CommandContext(c.b.ctx, c.program, command, c.file, "orders")
	run.Env = append(os.Environ(), "GOMEMLIMIT=90MiB")
	out, err := run.CombinedOutput()
	if err != nil && !mayFail {
		c.b.Fatalf("%s: %v\n%s", command, err, out)
	}
	if u, ok := run.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = max(c.peak, float64(u.Maxrss)/1024)
		c.cpu = (run.ProcessState.UserTime() + run.ProcessState.SystemTime()).Seconds()
	}
	list, err := exec.CommandContext(c.b.ctx, c.program, "runs", c.file, "orders", "--json", "--limit", "1").Output()
	c.b.must("list the runs", err)
	var last struct {
		Read, Sent     int
		Started, Ended time.Time
	}
	c.b.must("list the runs", json.Unmarshal(bytes.TrimSpace(list), &last))
	return last.Read, last.Sent, last.Ended.Sub(last.Started)
}

// want aborts the measure unless a run processed all rows.
func (c *carrier) want(what string, got, n int) {
	if got != n {
		c.b.Fatalf("%s: %d rows of %d", what, got, n)
	}
}

// each is what the connector's process took of the processors in its last run for each of n rows, in µs.
func (c *carrier) each(n int) float64 { return c.cpu * 1e6 / float64(n) }

// perSecond is a rate.
func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// swallow is a service that accepts each request once it is open; before that, it refuses the credentials.
type swallow struct {
	*httptest.Server
	open atomic.Bool
}

func newSwallow(b *bench) *swallow {
	s := &swallow{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the client is gone
		if !s.open.Load() {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	b.Cleanup(s.Close)
	return s
}

func (s *swallow) blocks() (destination, to map[string]any) {
	return map[string]any{"type": "webhook", "url": s.URL}, map[string]any{"send": "batch", "batch": 1000}
}

// carried measures 1,000,000 rows on their way to a service that costs nothing: read into the
// outbox while the service refuses, sent and recorded, and re-read unchanged.
func carried(b *bench) sample {
	n := b.rows(1_000_000)
	s := newSwallow(b)
	destination, to := s.blocks()
	c := newCarrier(b, n, destination, to, "")
	figures := map[string]float64{}
	note := func(what string, took time.Duration) {
		figures[what], figures[what+", CPU"] = perSecond(n, took), c.each(n)
	}
	read, _, took := c.order("run", true)
	c.want("read into the outbox", read, n)
	note("first read", took)
	s.open.Store(true)
	_, _, took = c.order("retry", false)
	note("drain", took)
	read, sent, took := c.order("run", false)
	c.want("read again", read, n)
	c.want("sent again", sent, 0)
	note("re-read", took)
	figures["memory"] = c.peak
	return sample{Figures: figures}
}

// scripted is the re-read with a script that changes each row.
func scripted(b *bench) sample {
	n := b.rows(1_000_000)
	s := newSwallow(b)
	s.open.Store(true)
	destination, to := s.blocks()
	c := newCarrier(b, n, destination, to, "module.exports = ({entity}) => { entity.comment = entity.comment.toUpperCase(); return entity }\n")
	_, sent, _ := c.order("run", false)
	c.want("sent", sent, n)
	read, _, took := c.order("run", false)
	c.want("read again", read, n)
	return sample{Figures: map[string]float64{"rate": perSecond(n, took), "CPU": c.each(n)}}
}

// toPostgres measures new rows into a PostgreSQL table.
func toPostgres(b *bench) sample {
	n := b.rows(300_000)
	server := testkit.Postgres(b)
	name := server.Schema(b, `CREATE TABLE orders (id BIGINT PRIMARY KEY, customer TEXT, status TEXT, amount NUMERIC(10,2), revision INT, created TIMESTAMP,
		changed TIMESTAMP, comment TEXT)`)
	c := newCarrier(b, n, map[string]any{"type": "postgres", "host": server.Host, "port": server.Port, "user": server.User, "database": name},
		map[string]any{"table": "orders"}, "")
	_, sent, took := c.order("run", false)
	c.want("sent", sent, n)
	return sample{Figures: map[string]float64{"rate": perSecond(n, took), "CPU": c.each(n)}}
}

// toFliplet measures new entries to a Fliplet data source.
func toFliplet(b *bench) sample {
	n := b.rows(100_000)
	service := standin.NewFliplet("eu--1", 1)
	b.Cleanup(service.Close)
	c := newCarrier(b, n, map[string]any{"type": "fliplet", "token": "eu--1", "baseURL": service.URL}, map[string]any{"dataSource": 1}, "")
	_, sent, took := c.order("run", false)
	c.want("sent", sent, n)
	c.want("at the service", len(service.Entries(1)), n)
	return sample{Figures: map[string]float64{"rate": perSecond(n, took), "CPU": c.each(n)}}
}
