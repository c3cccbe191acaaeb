package binlog

import (
	"errors"
	"fmt"
)

// The types of events that mean something here; see each server's Log_event_type.
const (
	eventQuery          = 2
	eventStop           = 3
	eventRotate         = 4
	eventFormat         = 15
	eventXID            = 16
	eventExecuteLoad    = 18
	eventTableMap       = 19
	eventWrite1         = 23
	eventUpdate1        = 24
	eventDelete1        = 25
	eventIncident       = 26
	eventHeartbeat      = 27
	eventWrite2         = 30
	eventUpdate2        = 31
	eventDelete2        = 32
	eventGTID           = 33
	eventAnonymous      = 34
	eventXAPrepare      = 38
	eventPartialUpdate  = 39
	eventPayload        = 40
	eventHeartbeat2     = 41
	eventTagged         = 42
	eventMariaGTID      = 162
	eventMariaQuery     = 165 // compressed, as are the next three
	eventMariaWrite     = 166
	eventMariaUpdate    = 167
	eventMariaDelete    = 168
	flagIgnorable       = 0x80
	flagArtificial      = 0x20
	headerSize          = 19
	checksumSize        = 4
	checksumCRC32       = 1
	mostHeaderLengths   = 255
	formatLengthsOffset = 2 + 50 + 4 + 1
)

// others are the types that are no changes: variables of statements logged as text, files of LOAD DATA, what replicas
// and people use.
var others = map[byte]bool{
	5: true, 9: true, 11: true, 13: true, 14: true, 17: true, // INTVAR, APPEND_BLOCK, DELETE_FILE, RAND, USER_VAR, BEGIN_LOAD_QUERY
	28: true, 29: true, 35: true, 36: true, 37: true, // IGNORABLE, ROWS_QUERY, PREVIOUS_GTIDS, TRANSACTION_CONTEXT, VIEW_CHANGE
	160: true, 161: true, 163: true, 164: true, // ANNOTATE_ROWS, BINLOG_CHECKPOINT, GTID_LIST, START_ENCRYPTION
}

// header is what each event begins with.
type header struct {
	seconds uint32
	kind    byte
	server  uint32
	size    uint32
	end     uint32 // in the file, modulo 4 GiB; MariaDB writes 0 within a transaction
	flags   uint16
}

// errNoGTID says that a server writes transactions without a GTID.
var errNoGTID = errors.New("the log has a transaction without a GTID; set gtid_mode=ON")

// parseHeader divides an event into its header and its body.
func parseHeader(b []byte) (header, []byte, error) {
	c := cursor{b: b}
	h := header{
		seconds: uint32(c.uint(4)), kind: c.byte(), server: uint32(c.uint(4)),
		size: uint32(c.uint(4)), end: uint32(c.uint(4)), flags: uint16(c.uint(2)),
	}
	if c.err != nil || int64(h.size) != int64(len(b)) {
		return header{}, nil, fmt.Errorf("read an event of the log: %w", errShort)
	}
	return h, c.b, nil
}

// format is what the first event of a file says about all others.
type format struct {
	checksum bool   // each event ends with one
	lengths  []byte // of the fixed part after the header, by type, from 1
}

func parseFormat(body []byte) (format, error) {
	if len(body) < formatLengthsOffset+1+checksumSize || len(body) > formatLengthsOffset+mostHeaderLengths+1+checksumSize {
		return format{}, fmt.Errorf("read the log's format: %w", errShort)
	}
	if body[formatLengthsOffset-1] != headerSize {
		return format{}, errors.New("read the log's format: it is of another version")
	}
	end := len(body) - 1 - checksumSize
	return format{body[end] == checksumCRC32, append([]byte(nil), body[formatLengthsOffset:end]...)}, nil
}

// fixed returns how long the fixed part of a type's body is.
func (f format) fixed(kind byte) int {
	if int(kind) > len(f.lengths) || kind == 0 {
		return 0
	}
	return int(f.lengths[kind-1])
}

// idSize is the size of a table's id in events of a type.
func (f format) idSize(kind byte) int {
	if f.fixed(kind) == 6 {
		return 4
	}
	return 6
}
