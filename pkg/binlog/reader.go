package binlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Config says what a Reader reads.
type Config struct {
	MySQL    config.MySQL
	MariaDB  bool
	ServerID uint32 // by which the server knows the reader; it must be no other replica's. 0: drawn
	// Wants says which columns of a table's rows are wanted, by their place in Layout.Columns, or false for none of its
	// rows. It is asked when the log first describes a table, and again when the description differs or after Forget.
	Wants     func(*Layout) (columns []int, wanted bool)
	Heartbeat time.Duration // how often a waiting server says that nothing happened; at least a second
}

// NewServerID draws an id for a reader: one with the highest bit, which people do not use.
func NewServerID() uint32 { return rand.Uint32() | 1<<31 } //nolint:gosec // it is no secret

// Reader reads a server's log. It is for one goroutine.
type Reader struct {
	config  Config
	waiting bool
	read    Read
	decoder decoder
	dump    *dump // nil: not connected
}

// NewReader returns a reader of what follows a position; it connects with the first Next.
func NewReader(c Config, from Position) *Reader {
	if c.ServerID == 0 {
		c.ServerID = NewServerID()
	}
	r := &Reader{config: c, read: Read{from.Clone()}, waiting: true}
	r.reset()
	return r
}

func (r *Reader) reset() {
	r.decoder = decoder{mariaDB: r.config.MariaDB, layouts: layouts{wants: r.config.Wants}}
}

// Read returns what Next has returned so far, whole.
func (r *Reader) Read() Read { return Read{r.read.Clone()} }

// Has reports whether all that was written then has been read, without a copy.
func (r *Reader) Has(w Written) bool { return r.read.Reached(w) }

// Wait says whether the server is to wait at the end of the log, and to send each transaction at once; it does at first.
// Else it ends the dump there, which costs who writes less: each Next after that connects again. It takes effect
// between transactions.
func (r *Reader) Wait(waiting bool) { r.waiting = waiting }

// More reports whether Next would return without waiting for the server, as far as is known without asking it: false may be wrong.
func (r *Reader) More() bool {
	return len(r.decoder.ready) > 0 || r.decoder.inner != nil || r.dump != nil && r.dump.more()
}

// Forget makes the reader ask Config.Wants again for all tables.
func (r *Reader) Forget() { r.decoder.layouts.known = nil }

// Next returns the next transaction or piece of one. It returns nil without an error if there is none: at the end of the
// log if the server does not wait, else when it says that nothing happened. If ctx ends, Next can be called again, and
// nothing is lost. After any other error it can be called too: it connects again, and pieces of an unfinished
// transaction come again from the first.
func (r *Reader) Next(ctx context.Context) (*Transaction, error) {
	t, err := r.next(ctx)
	if err != nil && ctx.Err() == nil {
		r.disconnect()
	}
	return t, err
}

func (r *Reader) next(ctx context.Context) (*Transaction, error) {
	d := &r.decoder
	for {
		if len(d.ready) > 0 {
			t := d.ready[0]
			d.ready[0] = nil
			if d.ready = d.ready[1:]; len(d.ready) == 0 {
				d.ready = nil
			}
			if t.Last {
				r.read.Add(t.GTID)
			}
			return t, nil
		}
		if d.inner != nil {
			if err := d.more(); err != nil {
				return nil, err
			}
			continue
		}
		if r.dump != nil && r.dump.waiting != r.waiting && d.open == nil {
			r.disconnect()
		}
		if r.dump == nil {
			dump, err := r.connect(ctx)
			if err != nil {
				return nil, err
			}
			r.dump = dump
		}
		b, err := r.dump.next(ctx)
		if errors.Is(err, io.EOF) && !r.dump.waiting {
			unfinished := d.open != nil
			r.disconnect()
			if unfinished {
				return nil, fmt.Errorf("read the log: it ends within a transaction: %w", io.ErrUnexpectedEOF)
			}
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if err := d.take(b); err != nil {
			return nil, err
		}
		if len(d.ready) == 0 && d.idle {
			return nil, nil
		}
	}
}

// connectLeast is how long Next may take to connect, even if its context ends sooner.
const connectLeast = 2 * time.Second

// connect asks for the log. A deadline of a moment must not keep a reader from ever connecting.
func (r *Reader) connect(ctx context.Context) (*dump, error) {
	if end, limited := ctx.Deadline(); !limited || time.Until(end) >= connectLeast {
		return openDump(ctx, r.config, r.read.Position, r.waiting)
	}
	longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectLeast)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel()
		}
	})()
	return openDump(longer, r.config, r.read.Position, r.waiting)
}

// disconnect ends the dump. What is not finished comes again.
func (r *Reader) disconnect() {
	if r.dump != nil {
		_ = r.dump.Close() // nothing is to be said to the server
		r.dump = nil
	}
	known := r.decoder.layouts.known
	if r.decoder.inner != nil {
		r.decoder.inner.close()
	}
	r.reset()
	r.decoder.layouts.known = known
}

// Close ends the reader's connection.
func (r *Reader) Close() { r.disconnect() }
