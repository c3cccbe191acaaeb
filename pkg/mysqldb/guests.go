package mysqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net"
	"reflect"
	"regexp"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// mostGuests is how many sessions Guests may have.
const mostGuests = 12

// Guests is a pool of sessions for statements that others wrote, and that may do anything to
// a session: set its variables, lock tables, begin a transaction. Each gets a session as
// good as new, and leaves nothing behind: no lock, no transaction, no setting. Callers name
// themselves, so that none takes so many sessions that others must wait for it. It is safe
// for concurrent use.
type Guests struct {
	pool   *sql.DB
	shares *shares
}

// OpenGuests returns a pool that connects on first use.
func OpenGuests(c config.MySQL) (*Guests, error) {
	db, err := pool(c, nil)
	if err != nil {
		return nil, err
	}
	g := &Guests{sql.OpenDB(cleaning{db.connector, c.Database}), newShares(mostGuests)}
	limit(g.pool, mostGuests)
	return g, db.Close() // it was never connected
}

// Close closes all connections.
func (g *Guests) Close() error { return g.pool.Close() }

// Query runs a guest's statement and calls f with the resulting rows.
func (g *Guests) Query(ctx context.Context, who, query string, f func(*sql.Rows) error) error {
	return g.with(ctx, who, func(conn *sql.Conn) error { return queried(ctx, conn, query, f) })
}

// with calls f with a session for who.
func (g *Guests) with(ctx context.Context, who string, f func(*sql.Conn) error) error {
	if err := g.shares.take(ctx, who); err != nil {
		return err
	}
	defer g.shares.give(who)
	conn, err := g.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return f(conn)
}

// Read is like Query, and the server refuses a statement that writes.
func (g *Guests) Read(ctx context.Context, who, query string, f func(*sql.Rows) error) error {
	return g.with(ctx, who, func(conn *sql.Conn) error {
		// The first also covers what follows a COMMIT by the statement itself, in a
		// procedure for instance.
		if _, err := conn.ExecContext(ctx, `SET SESSION TRANSACTION READ ONLY`); err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, `START TRANSACTION READ ONLY`); err != nil {
			return err
		}
		return queried(ctx, conn, query, f)
	})
}

func queried(ctx context.Context, conn *sql.Conn, query string, f func(*sql.Rows) error) error {
	err := conn.Raw(func(c any) error {
		c.(*cleanedConn).used(query)
		return nil
	})
	if err != nil {
		return err
	}
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	if err := f(rows); err != nil {
		return err
	}
	return rows.Err()
}

// cleaning opens the connections of Guests.
type cleaning struct {
	connector
	database string
}

// Connect opens a connection that is cleaned after each use.
func (c cleaning) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(serverConn)
	if !ok {
		_ = opened.Close() // the error is the one to tell
		return nil, fmt.Errorf("a connection of type %T cannot be cleaned", opened)
	}
	return &cleanedConn{serverConn: conn, wire: resettableOf(conn), set: c.connector}, nil
}

// cleanedConn is a connection whose session is reset after each use.
type cleanedConn struct {
	serverConn
	wire    *resettable // nil: it cannot be reset
	set     connector
	changed bool // in a way a reset does not undo
}

// plainStatement matches statements whose effects on a session a reset undoes,
// whatever functions they call. Others may have more, like USE.
var plainStatement = regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|VALUES)\b`)

// used notes that a guest's statement is about to run.
func (c *cleanedConn) used(query string) {
	c.changed = c.changed || !plainStatement.MatchString(query)
}

// cleaningTime bounds the reset of a session.
const cleaningTime = 5 * time.Second

// IsValid resets the session; the pool calls it when the connection is returned, and
// closes the connection if that fails.
func (c *cleanedConn) IsValid() bool {
	if c.changed || c.wire == nil || !c.serverConn.IsValid() {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleaningTime)
	defer cancel()
	c.wire.reset = true
	err := c.serverConn.Ping(ctx)
	c.wire.reset = false
	return err == nil && c.set.prepare(ctx, c.serverConn, sessionVariables) == nil
}

// The commands of the protocol that this package must know.
const (
	commandPing  = 0x0e
	commandReset = 0x1f // COM_RESET_CONNECTION
)

// resettable is the driver's network connection. The driver cannot reset a session,
// but it can ping, which the server answers in the same way: resettable turns a ping
// into a reset.
type resettable struct {
	net.Conn
	reset bool // the next ping is one
}

// Write sends the driver's bytes.
func (r *resettable) Write(b []byte) (int, error) {
	if r.reset && len(b) == 5 && b[4] == commandPing {
		b = []byte{b[0], b[1], b[2], b[3], commandReset}
	}
	return r.Conn.Write(b)
}

// resettableOf puts a resettable between the driver and the server, above TLS. It returns
// nil if the driver no longer has the field for it; then sessions are closed instead,
// which TestGuestsKeepTheirConnections notices.
func resettableOf(conn driver.Conn) *resettable {
	at := wireOf(conn)
	if at == nil {
		return nil
	}
	r := &resettable{Conn: *at}
	*at = r
	return r
}

// wireOf returns where the driver keeps its network connection, above TLS, or nil.
func wireOf(conn driver.Conn) *net.Conn {
	if w, ok := conn.(*watchedConn); ok { // as those to MySQL are
		conn = w.serverConn
	}
	if b, ok := conn.(*boundConn); ok {
		conn = b.serverConn
	}
	v := reflect.ValueOf(conn)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	field := v.Elem().FieldByName("netConn")
	if !field.IsValid() || field.Type() != reflect.TypeFor[net.Conn]() {
		return nil
	}
	return (*net.Conn)(field.Addr().UnsafePointer())
}
