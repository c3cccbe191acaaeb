package main_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestCommandsEndWhereSomethingHangs has the database, the broker and then the node
// itself take what comes and answer nothing. Whoever asks is told so.
func TestCommandsEndWhereSomethingHangs(t *testing.T) {
	t.Parallel()
	server, b := testkit.Shared(t), testkit.Mosquitto(t, testkit.MosquittoOptions{})
	database, broker := testkit.NewProxy(t, server.Addr()), testkit.NewProxy(t, b.Addr())
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	for block, p := range map[string]*testkit.Proxy{"mysqlConfig": database, "mqttConfig": broker} {
		host, port, err := net.SplitHostPort(p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		server := a.config[block].(map[string]any)
		server["host"] = host
		if server["port"], err = strconv.Atoi(port); err != nil {
			t.Fatal(err)
		}
	}
	a.file = testkit.ConfigFile(t, a.config)
	a.start()
	works := func(name string) {
		t.Helper()
		testkit.Eventually(t, name+" to work", func() error {
			if code, _, said := command(t, name, a.file); code != 0 {
				return fmt.Errorf("it says %s", said)
			}
			return nil
		})
	}
	works("health")

	database.Blackhole(true)
	for _, line := range []string{"errors", "conflicts", "retry", "conflicts --put-back 1", "resync orders", "verify"} {
		name, rest, _ := strings.Cut(line, " ")
		has(t, a.run(1, name, strings.Fields(rest)...), "the database at "+database.Addr()+" has been unreachable since")
	}
	has(t, a.run(0, "status"), "database  away", "has been unreachable since")
	database.Restore()
	works("errors")

	broker.Blackhole(true)
	has(t, a.run(1, "check", "--listen", "1ms"), broker.Addr(), "no answer within 10s")
	broker.Restore()

	if err := syscall.Kill(a.node.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	has(t, a.run(1, "status"), "did not answer within 10s")
	if err := syscall.Kill(a.node.Pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}
