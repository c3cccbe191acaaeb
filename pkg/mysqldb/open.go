package mysqldb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// session runs on each new connection. The server ends a connection that is silent
// for a minute, so that a transaction behind a dead network does not keep its locks.
// The SQL mode is strict, so no value is truncated or changed silently, but accepts
// every date that a server may have stored (zero dates too) and 0 in an
// auto-increment column. NAMES sets the character set in which text is exchanged.
// Unless told not to, MariaDB turns a long list of keys into a derived table, which
// compares them in types of its own. How long a statement may take is the node's
// business: a server that ends one while it waits for a lock would look like a server
// that is away. A table lock is waited for only briefly: users' statements queue up
// behind a request for it.
const session = `SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`

const sessionVariables = `SET NAMES utf8mb4 COLLATE utf8mb4_bin,
	time_zone='+00:00', autocommit=1,
	sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
	innodb_lock_wait_timeout=3, lock_wait_timeout=1, wait_timeout=60, foreign_key_checks=1, unique_checks=1 /*M!100101 , max_statement_time=0 */ /*!50708 , max_execution_time=0 */ /*M!100300 , in_predicate_conversion_threshold=0 */`

// silence is how long the server may take to respond to a statement until the
// connection counts as lost: a network that swallows everything never closes
// one.
const silence = 90 * time.Second

// DB is the node's database: a pool of connections with the session settings of
// this package. It is safe for concurrent use.
type DB struct {
	*sqlx.DB
	Name    string // the schema
	Version string // as VERSION() gives it
	MariaDB bool
	// LogsCascades reports whether the server's log has what foreign keys do to rows: MySQL's from 9.6 on, unless it is told otherwise.
	LogsCascades bool

	spelled   map[string]string // by names in lower case; see Spell
	connector connector
	together  driver.Connector // its connections take several statements as one text
	fenced    *sql.DB          // for writes that depend on a condition; see Fence
}

// ForUpdate returns the end of a query that locks its rows for writing and fails at
// once on a locked row. MySQL 5.7 cannot do that: there it waits.
func (db *DB) ForUpdate() string { return " FOR UPDATE" + db.noWait() }

// ForShare is like ForUpdate for a query that only locks its rows against writes.
func (db *DB) ForShare() string {
	if db.MariaDB || !db.HasNoWait() {
		return " LOCK IN SHARE MODE" + db.noWait()
	}
	return " FOR SHARE" + db.noWait()
}

// HasNoWait reports whether the server supports locking reads that do not wait.
func (db *DB) HasNoWait() bool { return db.MariaDB || !strings.HasPrefix(db.Version, "5.") }

func (db *DB) noWait() string {
	if db.HasNoWait() {
		return " NOWAIT"
	}
	return ""
}

// noValues matches versions of servers without the statement VALUES, which came
// with MySQL 8.0.19 and MariaDB 10.3.
var noValues = regexp.MustCompile(`^(5\.|10\.[0-2]\.|8\.0\.(\d|1[0-8])(\D|$))`)

// RowValue returns how a row in the server's VALUES statement begins, or "" if it
// has none.
func (db *DB) RowValue() string {
	switch {
	case noValues.MatchString(db.Version):
		return ""
	case db.MariaDB:
		return "("
	}
	return "ROW("
}

// connector sets up the session of each new connection.
type connector struct {
	driver.Connector
	set   setting       // by the user
	limit time.Duration // for the server's greeting
	watch *watch
}

// Connect opens a connection and sets up its session.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	return c.open(ctx, sessionVariables)
}

func (c connector) open(ctx context.Context, variables string) (driver.Conn, error) {
	conn, err := greet(ctx, c.Connector, c.limit)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(ctx, conn, variables); err != nil {
		_ = conn.Close() // the first error is the one to tell
		return nil, err
	}
	p, err := processOf(ctx, conn)
	if err != nil {
		_ = conn.Close() // the first error is the one to tell
		return nil, fmt.Errorf("set up session: %w", err)
	}
	s, ok := conn.(serverConn)
	if !ok {
		return conn, nil
	}
	bound := &boundConn{serverConn: s}
	if p.id != "" {
		return &watchedConn{bound, p, c.watch}, nil
	}
	return bound, nil
}

// prepare sets up a new session.
func (c connector) prepare(ctx context.Context, conn driver.Conn, variables string) error {
	for _, q := range []string{session, variables} {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, q, nil); err != nil {
			return fmt.Errorf("set up session: %w", err)
		}
	}
	if err := logRows(ctx, conn); err != nil {
		return fmt.Errorf("set up session: %w", err)
	}
	return c.set.run(ctx, conn)
}

// Open connects to the database and waits for it, with growing pauses of at most
// 15 s and a log line for each attempt. A refused login, an unknown schema or an
// unusable certificate is returned at once; see Refused. So is a variable that the
// server does not let us set: each session of the pool sets the given ones.
func Open(ctx context.Context, log *zap.Logger, c config.MySQL, set ...config.Variable) (*DB, error) {
	db, err := pool(c, set)
	if err != nil {
		return nil, err
	}
	db.connector.watch.log = log
	if err := db.await(ctx, log, c); err != nil {
		_ = db.Close() // nothing was opened
		return nil, err
	}
	return db, nil
}

// Connect connects to the database once, to find out why it cannot be reached;
// a node calls Open. With an empty c.Database it connects only to the server.
func Connect(ctx context.Context, c config.MySQL, set ...config.Variable) (*DB, error) {
	db, err := pool(c, set)
	if err != nil {
		return nil, err
	}
	if err := db.greet(ctx); err != nil {
		_ = db.Close() // nothing was opened
		return nil, unreached(ctx, err, c)
	}
	return db, nil
}

// pool returns a DB that has no connection yet.
func pool(c config.MySQL, set setting) (*DB, error) {
	mc, err := driverConfig(c)
	if err != nil {
		return nil, err
	}
	inner, err := mysql.NewConnector(mc)
	if err != nil {
		return nil, fmt.Errorf("mysqlConfig: %w", err)
	}
	mc.MultiStatements = true
	together, err := mysql.NewConnector(mc)
	if err != nil {
		return nil, fmt.Errorf("mysqlConfig: %w", err)
	}
	db := &DB{Name: c.Database, connector: connector{inner, set, c.ConnectTimeout, &watch{}}, together: together}
	db.DB = sqlx.NewDb(sql.OpenDB(db.connector), "mysql")
	db.connector.watch.pool = db.DB.DB
	limit(db.DB.DB, mostConns)
	return db, nil
}

// mostConns is how many connections a DB may have.
const mostConns = 24

// limit bounds how many connections a pool has.
func limit(pool *sql.DB, most int) {
	pool.SetMaxOpenConns(most)
	pool.SetMaxIdleConns(most / 2)
	pool.SetConnMaxIdleTime(30 * time.Second)
}

// greet connects and asks for the server's version.
func (db *DB) greet(ctx context.Context) error {
	if err := db.GetContext(ctx, &db.Version, `SELECT VERSION()`); err != nil {
		return err
	}
	db.MariaDB = isMariaDB(db.Version)
	var native []struct { // InnoDB does it by itself
		Name  string `db:"Variable_name"`
		Value string `db:"Value"`
	}
	if err := db.SelectContext(ctx, &native, `SHOW GLOBAL VARIABLES LIKE 'innodb\_native\_foreign\_keys'`); err != nil {
		return err
	}
	db.LogsCascades = len(native) == 1 && native[0].Value == "OFF"
	return nil
}

// isMariaDB reports whether a server's version is one of MariaDB.
func isMariaDB(version string) bool { return strings.Contains(strings.ToLower(version), "mariadb") }

func (db *DB) await(ctx context.Context, log *zap.Logger, c config.MySQL) error {
	var err error
	for next := range pause.Doubling(ctx, 500*time.Millisecond, 15*time.Second) {
		if err = db.greet(ctx); err == nil {
			return nil
		}
		if Refused(err) || errors.Is(err, ErrVariable) && !Transient(err) {
			return unreached(ctx, err, c)
		}
		if ctx.Err() != nil {
			break
		}
		why := zap.Skip()
		if text := Unreached(err, c); text != "" {
			why = zap.String("why", text)
		}
		log.Warn("waiting for the database", zap.String("address", address(c)), why, zap.Duration("next", next), zap.Error(err))
	}
	return fmt.Errorf("connect to MySQL at %s: %w: %w", address(c), ctx.Err(), err)
}

func address(c config.MySQL) string {
	if c.SocketPath != "" {
		return c.SocketPath
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
}

func driverConfig(c config.MySQL) (*mysql.Config, error) {
	mc := mysql.NewConfig()
	mc.User, mc.Passwd, mc.DBName = c.User, c.Password, c.Database
	mc.Net, mc.Addr = "tcp", address(c)
	mc.Timeout = c.ConnectTimeout
	mc.InterpolateParams = true
	mc.ClientFoundRows = true // an UPDATE counts the rows it finds, changed or not
	mc.MaxAllowedPacket = 0   // asks the server
	mc.ReadTimeout, mc.WriteTimeout = silence, silence
	mc.Logger = silent{}
	if c.SocketPath != "" {
		mc.Net = "unix"
	}
	if c.LocalAddress != "" {
		local, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(c.LocalAddress, "0"))
		if err != nil {
			return nil, fmt.Errorf("mysqlConfig.localAddress: %w", err)
		}
		mc.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return (&net.Dialer{LocalAddr: local, Timeout: c.ConnectTimeout}).DialContext(ctx, network, addr)
		}
	}
	if c.TLS != nil {
		t, err := tlsConfig(c.TLS, c.Host)
		if err != nil {
			return nil, err
		}
		mc.TLS = t
	}
	return mc, nil
}

func tlsConfig(c *config.TLS, host string) (*tls.Config, error) {
	// A user who turns verification off has said so in the configuration.
	t := &tls.Config{ServerName: host, InsecureSkipVerify: !c.RejectUnauthorized, MinVersion: tls.VersionTLS12}
	if len(c.CA) > 0 {
		t.RootCAs = x509.NewCertPool()
		for _, path := range c.CA {
			pem, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("mysqlConfig.ssl.ca: %w", err)
			}
			if !t.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("mysqlConfig.ssl.ca: %s contains no certificate", path)
			}
		}
	}
	for i := range min(len(c.Cert), len(c.Key)) {
		cert, err := tls.LoadX509KeyPair(c.Cert[i], c.Key[i])
		if err != nil {
			return nil, fmt.Errorf("mysqlConfig.ssl.cert: %w", err)
		}
		t.Certificates = append(t.Certificates, cert)
	}
	return t, nil
}

// silent drops the driver's own log: each of its errors is returned as well.
type silent struct{}

// Print does nothing.
func (silent) Print(...any) {}
