package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// NATSOptions say what a cluster requires. The zero value lets everybody in.
type NATSOptions struct {
	ACL   bool              // the users of deploy/nats/acl.conf, which restricts two nodes to their topics; their passwords are NATSUsers
	Users map[string]string // passwords by user, each of whom may use all topics; empty: anyone may connect
}

// NATSUsers are the logins of a cluster with an ACL.
var NATSUsers = map[string]string{"node-a": "secret-a", "node-b": "secret-b"}

// natsCluster is the password of the servers for each other.
const natsCluster = "of_the_cluster"

// NATS starts a NATS cluster of three servers, with the configuration in deploy/nats and its own ports and folders.
// The server is built from the version that tools/nats/go.mod names.
func NATS(tb TB, options NATSOptions) *Broker {
	tb.Helper()
	program, err := natsServer()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	root, err := moduleRoot()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	dir, users := folder(tb, ""), options.Users
	file := filepath.Join(root, "deploy", "nats", "nats.conf")
	switch {
	case options.ACL:
		file, users = filepath.Join(root, "deploy", "nats", "acl.conf"), NATSUsers
	case len(users) > 0:
		if file, err = natsUsers(dir, file, users); err != nil {
			tb.Fatalf("configure the broker: %v", err)
		}
	}
	var ports []int
	var addresses, inCommon []string // of the servers for each other, and of their environment
	for i := range 3 {
		ports = append(ports, FreePort(tb))
		addresses = append(addresses, fmt.Sprintf("%s:%d", loopback, ports[i]))
		inCommon = append(inCommon, fmt.Sprintf("NATS_ROUTE_%d=nats-route://mysql-sync:%s@%s", i+1, natsCluster, addresses[i]))
	}
	inCommon = append(inCommon, "NATS_CLUSTER_PASSWORD="+natsCluster)
	if options.ACL {
		for user, password := range NATSUsers {
			inCommon = append(inCommon, "NATS_PASSWORD_"+user[len("node-"):]+"="+password)
		}
	}
	cluster := &Broker{tb: tb, Host: loopback}
	for i := range 3 {
		b := newBroker(tb, fmt.Sprintf("nats-%d", i+1))
		b.users, b.NATSPort, b.RoutePort = users, FreePort(tb), ports[i]
		environment := slices.Concat(os.Environ(), inCommon, []string{
			"NATS_NAME=" + b.name, "NATS_STORE=" + filepath.Join(dir, b.name), "NATS_MQTT=" + b.Addr(),
			"NATS_LISTEN=" + loopback + ":" + strconv.Itoa(b.NATSPort), "NATS_CLUSTER=" + addresses[i],
		})
		b.sign = "metadata leader" // A client that connects sooner waits for five seconds.
		b.command = func() *exec.Cmd {
			c := exec.Command(program, "-c", file)
			c.Env = environment
			return c
		}
		cluster.Cluster = append(cluster.Cluster, b)
	}
	cluster.Port, cluster.users = cluster.Cluster[0].Port, cluster.Cluster[0].users
	cluster.Start()
	return cluster
}

// natsUsers writes a configuration with users into a folder and returns its path.
func natsUsers(dir, shipped string, users map[string]string) (string, error) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		return "", fmt.Errorf("read the shipped configuration: %w", err)
	}
	var list strings.Builder
	for user, password := range users {
		fmt.Fprintf(&list, "{user: %q, password: %q}\n", user, password)
	}
	file := filepath.Join(dir, "users.conf")
	return file, os.WriteFile(file, fmt.Appendf(text, "\nauthorization {users: [\n%s]}\n", list.String()), 0o600)
}

// natsServer returns the path of the server, built once per process and removed with it: see Main.
var natsServer = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := makeFolder("")
	if err != nil {
		return "", err
	}
	process.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "nats-server")
	build := exec.Command("go", "build", "-o", path, "github.com/nats-io/nats-server/v2")
	build.Dir = filepath.Join(root, "tools", "nats")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build NATS: %w\n%s", err, said)
	}
	return path, nil
})
