package main_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestCommandsEndWhenSomethingHangs makes the database, the broker and then the node itself accept
// everything and answer nothing. The commands say so.
func TestCommandsEndWhenSomethingHangs(t *testing.T) {
	t.Parallel()
	server, b := testkit.Shared(t), testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a := newSite(t, b, "node-a", []string{"node-b"}, nil, orders)
	database, broker := a.Through("mysqlConfig", server.Addr()), a.Through("mqttConfig", b.Addr())
	a.Write()
	a.Start()
	works := func(name string) {
		t.Helper()
		testkit.Eventually(t, name+" to work", func() error {
			if code, _, said := testkit.Output(t, name, a.File); code != 0 {
				return fmt.Errorf("it printed %s", said)
			}
			return nil
		})
	}
	works("health")

	database.Blackhole(true)
	for _, line := range []string{"errors", "conflicts", "retry", "conflicts --put-back 1", "resync orders", "verify"} {
		name, rest, _ := strings.Cut(line, " ")
		has(t, a.Run(1, name, strings.Fields(rest)...), "the database at "+database.Addr()+" has been unreachable since")
	}
	has(t, a.Run(0, "status"), "database  away", "has been unreachable since")
	database.Restore()
	works("errors")

	broker.Blackhole(true)
	has(t, a.Run(1, "check", "--listen", "1ms"), broker.Addr(), "no answer within 10s")
	broker.Restore()

	if err := syscall.Kill(a.Node.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	has(t, a.Run(1, "status"), "did not answer within 10s")
	if err := syscall.Kill(a.Node.Pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}
