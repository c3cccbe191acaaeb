package binlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Errors that a Reader's may be, besides those of the network.
var (
	ErrGone     = errors.New("the log does not have the position any more, or never had it")
	ErrReplaced = errors.New("another reader has the same server_id")
	ErrRights   = errors.New("the right REPLICATION SLAVE is missing")
)

// The commands of a replica.
const (
	commandRegister = 0x15
	commandDump     = 0x12
	commandDumpGTID = 0x1e
	flagNonBlock    = 1
	flagThroughGTID = 4
)

// dump is a connection on which the server sends its log.
type dump struct {
	net.Conn
	waiting bool // the server waits at the end of the log; else it ends the dump
	buffer  []byte
	from    int // where the unread bytes of buffer begin
	event   []byte
}

// openDump asks the server for its log after a position.
func openDump(ctx context.Context, c Config, from Position, waiting bool) (*dump, error) {
	beat := max(c.Heartbeat, time.Second).Nanoseconds()
	set := []string{fmt.Sprintf("SET @master_binlog_checksum='NONE', @source_binlog_checksum='NONE', @master_heartbeat_period=%d, "+
		"@source_heartbeat_period=%d, SESSION net_write_timeout=3600", beat, beat)}
	if c.MariaDB {
		// Strict: a position that this log never had is an error.
		set = append(set, "SET @mariadb_slave_capability=4, @slave_gtid_strict_mode=1, @slave_gtid_ignore_duplicates=0, @slave_connect_state='"+from.String()+"'")
	} else {
		id := fmt.Sprintf("%08x-0000-4000-8000-6d7973716c73", c.ServerID)
		set = append(set, "SET @slave_uuid='"+id+"', @replica_uuid='"+id+"'")
	}
	conn, err := mysqldb.OpenWire(ctx, c.MySQL, set...)
	if err != nil {
		return nil, fmt.Errorf("connect to read the log: %w", err)
	}
	d := &dump{Conn: conn, waiting: waiting}
	if err := d.start(ctx, c, from); err != nil {
		_ = conn.Close() // the first error is the one to tell
		return nil, err
	}
	return d, nil
}

func (d *dump) start(ctx context.Context, c Config, from Position) error {
	le := binary.LittleEndian
	register := le.AppendUint32([]byte{commandRegister}, c.ServerID)
	register = append(register, make([]byte, 3+2+4+4)...) // no host, user, password, port, rank
	if err := d.send(register); err != nil {
		return fmt.Errorf("register as a reader of the log: %w", err)
	}
	if _, err := d.packet(ctx); err != nil {
		return fmt.Errorf("register as a reader of the log: %w", err)
	}
	flags := uint16(0)
	if !d.waiting {
		flags = flagNonBlock
	}
	var ask []byte
	if c.MariaDB {
		ask = le.AppendUint32([]byte{commandDump}, 4)
		ask = le.AppendUint16(ask, flags)
		ask = le.AppendUint32(ask, c.ServerID)
	} else {
		set := from.encode()
		ask = le.AppendUint16([]byte{commandDumpGTID}, flags|flagThroughGTID)
		ask = le.AppendUint32(ask, c.ServerID)
		ask = le.AppendUint32(ask, 0) // no file's name
		ask = le.AppendUint64(ask, 4)
		ask = le.AppendUint32(ask, uint32(len(set))) //nolint:gosec // parsed from a text
		ask = append(ask, set...)
	}
	if err := d.send(ask); err != nil {
		return fmt.Errorf("ask for the log: %w", err)
	}
	return nil
}

// encode writes a position of MySQL as the command has it.
func (p Position) encode() []byte {
	le := binary.LittleEndian
	tagged := slices.ContainsFunc(slices.Collect(maps.Keys(p.sources)), func(s string) bool { return len(s) > 36 })
	b := le.AppendUint64(nil, uint64(len(p.sources)))
	if tagged {
		b = le.AppendUint64(nil, uint64(len(p.sources))<<8|1|1<<56)
	}
	for _, source := range slices.Sorted(maps.Keys(p.sources)) {
		id, tag, _ := strings.Cut(source, ":")
		raw, _ := sid(id) // it was one when it was added
		b = append(b, raw...)
		if tagged {
			b = append(append(b, byte(len(tag)<<1)), tag...)
		}
		spans := p.sources[source]
		b = le.AppendUint64(b, uint64(len(spans)))
		for _, s := range spans {
			b = le.AppendUint64(le.AppendUint64(b, s.first), s.last+1)
		}
	}
	return b
}

// send sends a command.
func (d *dump) send(body []byte) error {
	if len(body) >= 1<<24-1 {
		return errors.New("the position is too long")
	}
	packet := binary.LittleEndian.AppendUint32(nil, uint32(len(body))) // the highest byte is the packet's number: 0
	if err := d.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return err
	}
	_, err := d.Write(append(packet, body...))
	return err
}

// silence is how long a server may say nothing at all until its connection counts as lost; it sends a heartbeat each second.
const silence = 60 * time.Second

// next returns the next event, which is valid until the next call; io.EOF at the end of a dump that does not wait. If
// ctx ends, nothing is lost, and next can be called again.
func (d *dump) next(ctx context.Context) ([]byte, error) {
	p, err := d.packet(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(p) > 0 && p[0] == 0:
		return p[1:], nil
	}
	return nil, fmt.Errorf("read the log: the server sent something else: %w", errShort)
}

// packet returns the next packet of the server, joined from its parts if it is long.
func (d *dump) packet(ctx context.Context) ([]byte, error) {
	const most = 1<<24 - 1
	for {
		head, err := d.peek(ctx, 4)
		if err != nil {
			return nil, err
		}
		n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		part, err := d.peek(ctx, 4+n)
		if err != nil {
			return nil, err
		}
		part = part[4:]
		d.from += 4 + n
		if n < most && len(d.event) == 0 {
			return check(part)
		}
		d.event = append(d.event, part...) // it stays if ctx ends before the last part
		if len(d.event) > mostEvent {
			return nil, errors.New("read the log: an event is too long")
		}
		if n < most {
			whole := d.event
			d.event = nil
			return check(whole)
		}
	}
}

// check returns a packet, or what it says went wrong.
func check(p []byte) ([]byte, error) {
	const isEOF, isError = 0xfe, 0xff
	switch {
	case len(p) == 0:
		return nil, errShort
	case p[0] == isEOF && len(p) < 9:
		return nil, io.EOF
	case p[0] == isError:
		return nil, answered(p)
	}
	return p, nil
}

// answered turns the server's error into one of ours.
func answered(p []byte) error {
	const (
		fatal     = 1236
		sameID    = 4052
		noRight   = 1227
		noAccess  = 1045
		withState = 6
	)
	c := cursor{b: p[1:]}
	number := int(c.uint(2)) //nolint:gosec // 16 bits
	text := c.b
	if len(text) > withState && text[0] == '#' {
		text = text[withState:]
	}
	err := mysqldb.Answer(number, string(text[:min(len(text), 512)]))
	same := strings.Contains(string(text), "same server_uuid") || strings.Contains(string(text), "same server_id")
	switch {
	case number == sameID, number == fatal && same:
		return fmt.Errorf("read the log: %w: %w", ErrReplaced, err)
	case number == fatal:
		return fmt.Errorf("read the log: %w: %w", ErrGone, err)
	case number == noRight, number == noAccess:
		return fmt.Errorf("read the log: %w: %w", ErrRights, err)
	}
	return fmt.Errorf("read the log: %w", err)
}

// bufferSize is how much is read at once.
const bufferSize = 64 << 10

// more reports whether the next packet was read already. A transaction is several packets, but the server sends them together.
func (d *dump) more() bool {
	b := d.buffer[d.from:]
	return len(b) >= 4 && len(b)-4 >= int(b[0])|int(b[1])<<8|int(b[2])<<16
}

// peek returns n unread bytes without taking them. They are valid until the next call.
func (d *dump) peek(ctx context.Context, n int) ([]byte, error) {
	if len(d.buffer)-d.from < n {
		if err := d.fill(ctx, n); err != nil {
			return nil, err
		}
	}
	return d.buffer[d.from : d.from+n], nil
}

// fill reads until there are n bytes.
func (d *dump) fill(ctx context.Context, n int) error {
	rest := d.buffer[d.from:]
	if size := max(bufferSize, n); cap(d.buffer) < size || cap(d.buffer) > 1<<20 && size < 1<<20 {
		d.buffer = append(make([]byte, 0, size), rest...)
	} else {
		d.buffer = append(d.buffer[:0], rest...)
	}
	d.from = 0
	lost := time.Now().Add(silence)
	if err := d.SetReadDeadline(lost); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = d.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for len(d.buffer) < n {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := d.Read(d.buffer[len(d.buffer):cap(d.buffer)])
		d.buffer = d.buffer[:len(d.buffer)+got]
		if err != nil && len(d.buffer) < n {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(lost) { // an earlier ctx ended in this moment
				if err := d.SetReadDeadline(lost); err != nil {
					return err
				}
				continue
			}
			return fmt.Errorf("read the log: %w", err)
		}
	}
	return nil
}
