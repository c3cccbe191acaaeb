package testkit

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// PostgreSQL is a PostgreSQL server. Anybody on this machine may connect as User.
type PostgreSQL struct {
	Host string
	Port int
	User string

	psql string
}

// postgres is this process's server.
var postgres struct {
	sync.Mutex
	server *PostgreSQL
}

// Postgres returns a server that all tests of the process share. The test fails when PostgreSQL is not installed.
func Postgres(tb TB) *PostgreSQL {
	tb.Helper()
	postgres.Lock()
	defer postgres.Unlock()
	if postgres.server == nil {
		postgres.server = startPostgres(lasting{TB: tb})
	}
	return postgres.server
}

// Schema makes a database, runs statements in it, and returns its name.
func (p *PostgreSQL) Schema(tb TB, statements ...string) string {
	tb.Helper()
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), time.Now().UnixNano())
	p.Run(tb, "postgres", "CREATE DATABASE "+name)
	p.Run(tb, name, statements...)
	tb.Cleanup(func() { p.Run(tb, "postgres", "DROP DATABASE "+name+" WITH (FORCE)") })
	return name
}

// Run runs statements in a database.
func (p *PostgreSQL) Run(tb TB, database string, statements ...string) {
	tb.Helper()
	if len(statements) == 0 {
		return
	}
	p.Query(tb, database, statements...)
}

// Query runs statements in a database and returns the rows of the last, one per line, columns separated by |.
func (p *PostgreSQL) Query(tb TB, database string, statements ...string) string {
	tb.Helper()
	args := []string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", p.Host, "-p", strconv.Itoa(p.Port), "-U", p.User, "-d", database}
	for _, s := range statements {
		args = append(args, "-c", s)
	}
	out, err := exec.Command(p.psql, args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("psql: %v: %s", err, out)
	}
	return string(out)
}

// findPostgres finds one of PostgreSQL's programs: Debian keeps most of them outside the PATH.
func findPostgres(name string) (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err == nil && len(found) > 0 {
		slices.Sort(found)
		return found[len(found)-1], nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w; scripts/install-deps.sh installs it", err)
	}
	return path, nil
}

func startPostgres(tb TB) *PostgreSQL {
	tb.Helper()
	p := &PostgreSQL{Host: loopback, Port: FreePort(tb), User: "tester"}
	var paths [3]string
	for i, name := range []string{"initdb", "postgres", "psql"} {
		var err error
		if paths[i], err = findPostgres(name); err != nil {
			tb.Fatalf("find PostgreSQL: %v", err)
		}
	}
	p.psql = paths[2]
	parent := ""
	if os.Geteuid() == 0 {
		parent = "/tmp" // other users may have no access to the folder of a test run
	}
	dir := folder(tb, parent)
	data := filepath.Join(dir, "data")
	attributes, err := otherUser(dir)
	if err != nil {
		tb.Fatalf("run PostgreSQL as another user than root: %v", err)
	}
	initialize := exec.Command(paths[0], "-D", data, "-U", p.User, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	initialize.SysProcAttr, initialize.Dir = attributes, dir
	if out, err := initialize.CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v: %s", err, out)
	}
	run := exec.Command(paths[1], "-D", data, "-p", strconv.Itoa(p.Port), "-c", "listen_addresses="+loopback, "-c", "unix_socket_directories="+dir,
		"-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "max_wal_size=64MB")
	run.SysProcAttr, run.Dir = attributes, dir
	c, err := spawn("postgres", run)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() {
		_ = c.end(syscall.SIGQUIT, limit) // it ends its own processes
		c.kill()
	})
	if err := c.await(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(p.Host, strconv.Itoa(p.Port)))
		if err != nil {
			return err
		}
		_ = conn.Close()
		return exec.CommandContext(ctx, p.psql, "-X", "-q", "-h", p.Host, "-p", strconv.Itoa(p.Port), "-U", p.User, "-d", "postgres", "-c", "SELECT 1").Run()
	}); err != nil {
		tb.Fatalf("%v", err)
	}
	return p
}

// otherUser gives a folder to the user that PostgreSQL's package created if this process is root:
// the server refuses to run as root.
func otherUser(dir string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chown(dir, int(uid), int(gid))
}
