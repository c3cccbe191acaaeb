package mysqldb

import (
	"context"
	"database/sql"
	"net"
	"sync/atomic"
	"time"
)

// A server that is told to end a statement (KILL QUERY) just between two of one text runs none of the rest, and says so to no one: both
// MariaDB and MySQL have announced more results by then, and wait for the next text. The node would wait for them, and users for the
// rows that its transaction has locked, until the server ends the session, as it is silent. Promise 7.

// late is how long the server may take to answer until we look at whether it is at work, and the least time between two looks;
// looksEvery is the most. Before it has the whole text it seems to wait for one: slowest is what a line carries at least, in bytes a second.
const (
	late       = 500 * time.Millisecond
	looksEvery = 8 * time.Second
	slowest    = 16 << 10
)

// attentive is a connection that ends if an answer is awaited while the server waits for a statement.
type attentive struct {
	net.Conn
	waits func() bool // whether the server does
	reads atomic.Uint64
	sent  atomic.Int64 // bytes since the server last answered
}

// Write sends bytes to the server.
func (a *attentive) Write(b []byte) (int, error) {
	n, err := a.Conn.Write(b)
	a.sent.Add(int64(n))
	return n, err
}

// Read waits for the server's bytes.
func (a *attentive) Read(b []byte) (int, error) {
	this := a.reads.Add(1)
	timer := time.AfterFunc(late+time.Duration(a.sent.Load())*time.Second/slowest, func() { a.look(this) })
	n, err := a.Conn.Read(b)
	a.reads.Add(1)
	timer.Stop()
	a.sent.Store(0)
	return n, err
}

// look ends the connection if the server waits at two looks while this Read does: an answer may have been on its way at the first.
func (a *attentive) look(this uint64) {
	for pause, waited := late, false; a.reads.Load() == this; time.Sleep(pause) {
		waits := a.waits()
		if waited && waits && a.reads.Load() == this {
			_ = a.Conn.Close() // the Read returns an error
			return
		}
		if pause = min(2*pause, looksEvery); waits {
			pause = late
		}
		waited = waits
	}
}

// A session as the server shows it, also to a login that may see no others': with what tells the server from others, to which a proxy may
// have led.
const (
	sessionAt  = `CONCAT_WS(' ', @@hostname, @@port, @@server_id, `
	thisOne    = `SELECT ` + sessionAt + `CONNECTION_ID())`
	whichWaits = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ` + sessionAt + `ID) = ? AND COMMAND IN ('Sleep', 'Killed') AND INFO IS NULL`
)

// attend makes a connection attentive; the pool is for asking the server. It does nothing if the driver no longer has the field for it,
// which TestAnAnswerThatNeverComes notices.
func attend(ctx context.Context, conn serverConn, pool *sql.DB) error {
	at := wireOf(conn)
	if at == nil {
		return nil
	}
	session, err := ask(ctx, conn, thisOne)
	if err != nil {
		return err
	}
	*at = &attentive{Conn: *at, waits: func() bool {
		var n int
		err := pool.QueryRow(whichWaits, session).Scan(&n) //nolint:noctx // it outlives the statement whose answer is late
		return err == nil && n == 1
	}}
	return nil
}
