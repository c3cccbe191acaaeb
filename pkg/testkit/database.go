package testkit

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// Flavour is whose server a Database is.
type Flavour string

// The two flavours, as the environment variable MYSQL_SYNC_TEST_SERVER names them, alone or with a release.
const (
	FlavourMariaDB Flavour = "mariadb"
	FlavourMySQL   Flavour = "mysql"
)

// Database is a running database server. Its User has all rights and an empty Password, by TCP and by Socket.
// The methods Kill, Stop and Start are for one goroutine; all others for any.
type Database struct {
	Host           string
	Port           int
	Socket         string // a path of at most 107 bytes
	User, Password string
	Flavour        Flavour
	Version        string // as the server says it, such as 10.11.19-MariaDB-0+deb12u1

	tb          TB
	program     program
	dir         string
	moved       string // where MoveData put the data; empty: in dir
	options     []string
	environment []string // in addition to this process's
	child       *child
	count       atomic.Int64 // of schemas made by Create
}

// Server starts the database server that the environment variable MYSQL_SYNC_TEST_SERVER names:
// mariadb (the default), mysql, or one installed by scripts/install-server.sh, such as
// mariadb-trixie. The options are further flags of the server.
func Server(tb TB, options ...string) *Database {
	tb.Helper()
	name := os.Getenv(serverVariable)
	switch flavour, _, _ := strings.Cut(name, "-"); Flavour(flavour) {
	case FlavourMariaDB, "":
		return MariaDB(tb, options...)
	case FlavourMySQL:
		return MySQL(tb, options...)
	default:
		tb.Fatalf("%s: %q must be a server of MariaDB or MySQL", serverVariable, name)
		return nil
	}
}

var shared struct {
	sync.Mutex
	database, logging *Database
}

// unsafe makes a server never wait for the disk. Its writes survive its end, even by SIGKILL, but not a power cut.
var unsafe = []string{"--innodb-flush-method=nosync", "--skip-innodb-doublewrite", "--loose-sync-frm=0", "--sync-binlog=0"}

// Shared returns a server of Server's flavour that all tests of the process share; the first call
// starts it. A test makes its own schema with Create and does not stop the server, which is unsafe.
// TestMain must end it: see Main.
func Shared(tb TB) *Database {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.database == nil {
		shared.database = Server(lasting{TB: tb}, unsafe...)
	}
	return shared.database
}

// fromLog reports whether a test's nodes capture from their servers' logs, as MYSQL_SYNC_TEST_CAPTURE=log says.
func fromLog(tb TB) bool {
	if os.Getenv("MYSQL_SYNC_TEST_CAPTURE") != "log" {
		return false
	}
	t, ok := tb.(interface{ Name() string })
	if !ok {
		return true
	}
	for name := t.Name(); ; {
		if _, triggers := byTriggers.Load(name); triggers {
			return false
		}
		last := strings.LastIndex(name, "/")
		if last < 0 {
			return true
		}
		name = name[:last]
	}
}

var byTriggers sync.Map // names of tests that called ByTriggers

// ByTriggers has the nodes of a test and its subtests capture by triggers, whatever MYSQL_SYNC_TEST_CAPTURE says: it is about the triggers, or
// about what the log does not tell or need. It must come before servers and sites.
func ByTriggers(t interface {
	TB
	Name() string
}) {
	t.Helper()
	byTriggers.Store(t.Name(), true)
	t.Cleanup(func() { byTriggers.Delete(t.Name()) })
}

// logs makes a server write a binary log as a node reads it.
var logs = []string{"--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--binlog-row-metadata=FULL", "--log-bin-trust-function-creators=1"}

// logsGTIDs are what MySQL needs besides.
var logsGTIDs = []string{"--gtid-mode=ON", "--enforce-gtid-consistency=ON"}

// LogFlags are the flags with which a server of Server's flavour writes a binary log as a node reads it.
func LogFlags() []string {
	flavour, _, _ := strings.Cut(os.Getenv(serverVariable), "-")
	return logFlags(Flavour(flavour))
}

func logFlags(of Flavour) []string {
	if of == FlavourMySQL {
		return slices.Concat(logs, logsGTIDs)
	}
	return slices.Clone(logs)
}

// Logging is like Shared for a server of its own that writes a binary log: rows, with the names of their columns. It
// costs nothing unless a test asks for it.
func Logging(tb TB) *Database {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.logging == nil {
		shared.logging = Server(lasting{TB: tb}, slices.Concat(unsafe, LogFlags())...)
	}
	return shared.logging
}

// lasting reports to a test and cleans up with the process.
type lasting struct{ TB }

func (lasting) Cleanup(f func()) { process.Cleanup(f) }

// launch starts a server of p's kind with its own data directory.
func launch(tb TB, p program, options []string) *Database {
	tb.Helper()
	if fromLog(tb) {
		options = slices.Concat(logFlags(p.flavour), options)
	}
	template, err := p.template()
	if err != nil {
		tb.Fatalf("make a data directory: %v", err)
	}
	d := &Database{
		Host: loopback, User: "root", Flavour: p.flavour,
		Port: FreePort(tb), tb: tb, program: p, dir: folder(tb, p.temp()),
	}
	if d.options, err = p.bring(options, d.dir); err != nil {
		tb.Fatalf("give the server its files: %v", err)
	}
	d.Socket = filepath.Join(d.dir, "sock")
	if err := os.CopyFS(d.Data(), os.DirFS(template)); err != nil {
		tb.Fatalf("copy the data directory: %v", err)
	}
	tb.Cleanup(func() {
		if d.child != nil {
			d.child.kill()
		}
	})
	d.Version = d.start()
	return d
}

// Start starts the server again after Kill or Stop, with the same data and port. It returns when the server answers.
func (d *Database) Start() {
	d.tb.Helper()
	d.start()
}

// start returns the server's version.
func (d *Database) start() (version string) {
	d.tb.Helper()
	child, err := spawn(string(d.Flavour), d.command())
	if err != nil {
		d.tb.Fatalf("%v", err)
	}
	d.child = child
	if err := child.await(func() error { return d.ask(&version) }); err != nil {
		d.tb.Fatalf("%v", err)
	}
	return version
}

// Ended reports whether the server has ended, by itself or by Kill or Stop.
func (d *Database) Ended() bool {
	select {
	case <-d.child.done:
		return true
	default:
		return false
	}
}

// Kill ends the server with SIGKILL, as a crash would.
func (d *Database) Kill() { d.child.kill() }

// Stop shuts the server down.
func (d *Database) Stop() {
	d.tb.Helper()
	if err := d.child.terminate(); err != nil {
		d.tb.Fatalf("%v", err)
	}
}

func (d *Database) command() *exec.Cmd {
	p := d.program
	c := p.command(slices.Concat([]string{
		p.path,
		"--no-defaults",
		"--datadir=" + p.inside(d.Data()),
		"--socket=" + p.inside(d.Socket),
		"--pid-file=" + p.inside(filepath.Join(d.dir, "pid")),
		"--tmpdir=" + p.inside(d.home()), // In a shared one, a starting server deletes the others' tables.
		"--bind-address=" + loopback,
		"--port=" + strconv.Itoa(d.Port),
		"--max-connections=2000", // A node has about ten, and the tests of a package share a server.
	}, p.flags, d.options)...)
	if d.environment != nil {
		c.Env = append(c.Environ(), d.environment...)
	}
	return c
}

// ask reads the server's version, which shows that it answers. It uses the socket, because nobody
// else can answer there and the server opens it after its port.
func (d *Database) ask(version *string) error {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr = d.User, d.Password, "unix", d.Socket
	c.Logger = &mysql.NopLogger{} // A server that is not up yet is no news.
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	defer func() { _ = db.Close() }()
	return db.GetContext(ctx, version, "SELECT version()")
}

// DSN is the data source name of a schema of this server, over TCP, for go-sql-driver/mysql. The schema may be empty.
func (d *Database) DSN(schema string) string { return d.config(schema).FormatDSN() }

func (d *Database) config(schema string) *mysql.Config {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = d.User, d.Password, schema
	c.Net, c.Addr = "tcp", d.Addr()
	return c
}

// HasType reports whether the server's release has a data type or collation of MariaDB that not all
// releases have, according to MariaDB's documentation. For others it returns true.
func (d *Database) HasType(ddl string) bool {
	for name, since := range map[string]string{"UUID": "10.7", "INET4": "10.10", "VECTOR": "11.7", "uca1400": "10.10"} {
		if strings.Contains(ddl, name) {
			return d.Flavour == FlavourMariaDB && !olderThan(d.Version, since)
		}
	}
	return true
}

// olderThan compares the first two numbers of a version, such as 10.5.23-MariaDB, with others.
func olderThan(version, other string) bool {
	var a, b [2]int
	_, _ = fmt.Sscanf(version, "%d.%d", &a[0], &a[1])
	_, _ = fmt.Sscanf(other, "%d.%d", &b[0], &b[1])
	return slices.Compare(a[:], b[:]) < 0
}

// Addr is the server's host:port.
func (d *Database) Addr() string { return d.Host + ":" + strconv.Itoa(d.Port) }

// Open connects to a schema, which may be empty. The pool is closed with the test.
func (d *Database) Open(tb TB, schema string) *sqlx.DB {
	tb.Helper()
	db, err := sqlx.Open("mysql", d.DSN(schema))
	if err != nil {
		tb.Fatalf("open %s: %v", schema, err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// Create makes an empty schema in utf8mb4 and returns its name. It is removed with the test.
func (d *Database) Create(tb TB) string {
	tb.Helper()
	name := fmt.Sprintf("test_%d", d.count.Add(1))
	if _, err := d.Open(tb, "").Exec("CREATE DATABASE " + name + " CHARACTER SET utf8mb4"); err != nil {
		tb.Fatalf("create schema %s: %v", name, err)
	}
	tb.Cleanup(func() { d.drop(name) })
	return name
}

// drop removes a schema: on a shared server each one left behind slows some queries of later tests'
// nodes. The server may be gone, and with it anything that somebody has locked.
func (d *Database) drop(name string) {
	c := d.config("")
	c.Timeout, c.ReadTimeout = time.Second, 10*time.Second
	c.Params = map[string]string{"lock_wait_timeout": "2"}
	c.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	_, _ = db.Exec("DROP DATABASE IF EXISTS " + name)
}

// MoveData restarts the server with its data and temporary files in another folder, such as a small
// disk. A server confined to a folder cannot move them.
func (d *Database) MoveData(dir string) {
	d.tb.Helper()
	if d.program.root != "" {
		d.tb.Fatalf("move the data of a server: it is confined to %s", d.program.root)
	}
	d.Stop()
	to := filepath.Join(dir, "data")
	if err := os.CopyFS(to, os.DirFS(d.Data())); err != nil {
		d.tb.Fatalf("move the data of a server: %v", err)
	}
	if err := os.RemoveAll(d.Data()); err != nil {
		d.tb.Fatalf("move the data of a server: %v", err)
	}
	d.moved = dir
	d.Start()
}

// home is the folder that has the data and the temporary files.
func (d *Database) home() string {
	if d.moved != "" {
		return d.moved
	}
	return d.dir
}

// Data is the folder that has the databases and the logs.
func (d *Database) Data() string { return filepath.Join(d.home(), "data") }
