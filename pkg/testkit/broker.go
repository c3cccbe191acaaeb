package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Broker is a running broker, or a cluster of some. The methods Kill, Stop and Start are for one goroutine.
type Broker struct {
	Host          string
	Port          int           // in a cluster the first server's
	WebsocketPort int           // 0 without websockets
	NATSPort      int           // of a NATS server, for NATS's own protocol; else 0
	RoutePort     int           // of a NATS server, for the rest of its cluster; else 0
	Certs         *Certificates // nil without TLS
	Cluster       []*Broker     // a cluster's servers, which can be killed one by one; else empty

	tb      TB
	name    string            // of the program
	users   map[string]string // passwords by user; empty: anyone may connect
	command func() *exec.Cmd  // starts it once
	sign    string            // log line before which it need not be asked; empty: none
	child   *child
	turns   atomic.Int64 // of Server
}

// AnyBroker starts a broker of the kind that the environment variable MYSQL_SYNC_TEST_BROKER names: see BrokerOf.
func AnyBroker(tb TB) *Broker {
	tb.Helper()
	return AnyBrokerFor(tb, nil)
}

// AnyBrokerFor is AnyBroker with logins; users has the passwords. Each user may use all topics.
func AnyBrokerFor(tb TB, users map[string]string) *Broker {
	tb.Helper()
	return BrokerOf(tb, os.Getenv(brokerVariable), users)
}

// BrokerOf starts a broker of a kind: mosquitto, alone or with a release (the default if empty),
// bridged for two Mosquittos that forward everything to each other, nats for a cluster of three
// servers, or embedded for the broker inside a node. Without users anyone may connect.
func BrokerOf(tb TB, kind string, users map[string]string) *Broker {
	tb.Helper()
	switch kind, _, _ := strings.Cut(kind, "-"); kind {
	case "mosquitto", "":
		return Mosquitto(tb, MosquittoOptions{Users: users})
	case "bridged":
		one := Mosquitto(tb, MosquittoOptions{Users: users})
		two := Mosquitto(tb, MosquittoOptions{Users: users, Extra: Bridge(one)})
		return &Broker{tb: tb, Host: loopback, Port: one.Port, users: users, Cluster: []*Broker{one, two}}
	case "nats":
		return NATS(tb, NATSOptions{Users: users})
	case "embedded":
		return Embedded(tb, users)
	default:
		tb.Fatalf("start a broker: %q must be mosquitto, bridged, nats or embedded", kind)
		return nil
	}
}

// newBroker returns a broker with its own port, not yet started. It ends with the test.
func newBroker(tb TB, name string) *Broker {
	tb.Helper()
	b := &Broker{Host: loopback, Port: FreePort(tb), tb: tb, name: name}
	tb.Cleanup(func() {
		if b.child != nil {
			b.child.kill()
		}
	})
	return b
}

// Server returns the servers of a cluster in turn, for one client after another; otherwise the broker itself.
func (b *Broker) Server() *Broker {
	if len(b.Cluster) == 0 {
		return b
	}
	return b.Cluster[int(b.turns.Add(1)-1)%len(b.Cluster)]
}

// URL is the broker's address as node configurations and paho take it.
func (b *Broker) URL() string {
	scheme := "tcp"
	if b.Certs != nil {
		scheme = "ssl"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, b.Host, b.Port)
}

// WebsocketURL is the address of the listener for websockets.
func (b *Broker) WebsocketURL() string {
	scheme := "ws"
	if b.Certs != nil {
		scheme = "wss"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, b.Host, b.WebsocketPort)
}

// Addr is the broker's host:port.
func (b *Broker) Addr() string { return b.Host + ":" + strconv.Itoa(b.Port) }

// Start starts the broker again after Kill or Stop, on the same ports. It returns when the broker
// answers; in a cluster, when each server does. A server of a cluster answers only while a majority
// of them runs.
func (b *Broker) Start() {
	b.tb.Helper()
	all := b.servers()
	for _, s := range all {
		child, err := spawn(s.name, s.command())
		if err != nil {
			b.tb.Fatalf("%v", err)
		}
		s.child = child
	}
	for _, s := range all {
		if err := s.child.await(s.ready); err != nil {
			b.tb.Fatalf("%v", err)
		}
	}
}

// ready returns nil when the broker answers.
func (b *Broker) ready() error {
	said := func(line string) bool { return strings.Contains(line, b.sign) }
	if b.sign != "" && !slices.ContainsFunc(b.child.output.all(), said) {
		return fmt.Errorf("it has not logged %q", b.sign)
	}
	return b.ask()
}

// Kill ends the broker, or all servers of a cluster, with SIGKILL, as a crash would.
func (b *Broker) Kill() {
	for _, s := range b.servers() {
		s.child.kill()
	}
}

// Stop shuts the broker down.
func (b *Broker) Stop() {
	b.tb.Helper()
	for _, s := range b.servers() {
		if err := s.child.terminate(); err != nil {
			b.tb.Fatalf("%v", err)
		}
	}
}

// HangUp makes the broker reread its files, such as an ACL.
func (b *Broker) HangUp() {
	b.tb.Helper()
	for _, s := range b.servers() {
		if err := s.child.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			b.tb.Fatalf("have the broker read its files: %v", err)
		}
	}
}

// Log returns what the broker has logged since its start, line by line.
func (b *Broker) Log() (lines []string) {
	for _, s := range b.servers() {
		lines = append(lines, s.child.output.all()...)
	}
	return lines
}

// Pids are the process IDs of the broker, or of all servers of a cluster.
func (b *Broker) Pids() (list []int) {
	for _, s := range b.servers() {
		list = append(list, s.child.cmd.Process.Pid)
	}
	return list
}

// servers returns the processes.
func (b *Broker) servers() []*Broker {
	if len(b.Cluster) > 0 {
		return b.Cluster
	}
	return []*Broker{b}
}
