package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const (
	joinedRows  = 1000 // of the hub's table
	joinsAtOnce = 8
)

// joining measures how sites with empty databases on one server join a hub by one token, eight at a time, with the real command; then
// the real nodes start, and receive the hub's rows.
func joining(b *bench, n int) sample {
	server := b.newServer(b.s.Binlog)
	hub := b.newSite("hq", server, "hq")
	hub.fill("orders", 0, joinedRows)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(testkit.FreePort(b)))
	hub.configure(&testkit.Broker{}, []string{"store-*"}, map[string]any{"mqttConfig": nil, "initialSync": "missing",
		"broker": map[string]any{"listen": address, "users": []map[string]any{{"username": "hq", "password": "the hub's own", "client": "hq"}}}})
	hub.startNode()
	hub.node.WaitLog("node started")
	code, token, said := testkit.Output(b, "invite", "store-*", "--uses", strconv.Itoa(n), hub.file)
	if token = strings.TrimSpace(token); code != 0 {
		b.Fatalf("invite: %s", said)
	}
	dir := filepath.Dir(hub.file)
	password := filepath.Join(dir, "password")
	b.must("write the password", os.WriteFile(password, []byte(server.Password), 0o600))

	stores := make([]*site, n)
	root := server.Open(b, "")
	for i := range stores {
		s := &site{b: b, name: fmt.Sprintf("store-%d", i), server: server, schema: fmt.Sprintf("store_%d", i), file: filepath.Join(dir, fmt.Sprintf("%d.json", i))}
		hub.quietly(root, "CREATE DATABASE "+s.schema)
		stores[i] = s
	}
	cpu, err := busy(hub.node.Pid())
	b.must("look at the hub", err)
	var mu sync.Mutex
	var took []float64
	var running errgroup.Group
	running.SetLimit(joinsAtOnce)
	began := time.Now()
	for i, s := range stores {
		running.Go(func() error {
			start := time.Now()
			code, out, said := testkit.Output(b, "join", token, s.file, "--yes", "--client", s.name, "--mysql-host", server.Host, "--mysql-port", strconv.Itoa(server.Port),
				"--mysql-user", server.User, "--mysql-password-file", password, "--mysql-database", s.schema, "--queue-directory", filepath.Join(dir, strconv.Itoa(i)))
			if code != 0 {
				return fmt.Errorf("%s: exit code %d\n%s%s", s.name, code, out, said)
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(start).Seconds())
			return nil
		})
	}
	b.must("join", running.Wait())
	slices.Sort(took)
	f := map[string]float64{"s, all joined": time.Since(began).Seconds(), "s each, median": took[n/2], "s each, most": took[n-1]}
	after, err := busy(hub.node.Pid())
	b.must("look at the hub", err)
	f["hub CPU ms/site"] = 1000 * (after - cpu).Seconds() / float64(n)

	began = time.Now()
	for _, s := range stores {
		s.startNode()
	}
	counts := make([]string, n)
	for i, s := range stores {
		counts[i] = "(SELECT COUNT(*) FROM " + s.schema + ".orders)"
	}
	f["s, all rows there"] = b.until("all rows to be there", func(context.Context) (bool, error) {
		there, err := hub.number("SELECT " + strings.Join(counts, " + "))
		return there == int64(n)*joinedRows, err
	}).Sub(began).Seconds()
	return sample{Figures: f}
}
