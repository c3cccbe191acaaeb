package mysqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/go-sql-driver/mysql"
)

// Error numbers of the server, from the MySQL manual's "Server Error Message
// Reference" and MariaDB's "Error Codes".
const (
	duplicateEntry  = 1062
	rowIsReferenced = 1451
	noReferencedRow = 1452
	lockWaitTimeout = 1205
	lockNoWait      = 3572
	deadlock        = 1213
	noSuchTable     = 1146
	badField        = 1054
	noSuchIndex     = 1176
	accessDenied    = 1227
	unknownVariable = 1193
	statementFormat = 1665

	queryInterrupted = 1317
)

// refused are errors that waiting does not heal: the login, the schema or the
// host is not allowed.
var refused = []uint16{1044, 1045, 1049, 1130, 1251, 1698, 3118, 4151}

// transient are errors of the server's state, not of a row: lost locks,
// shutdown, read-only, full disk, killed connection, a binary log of statements.
var transient = []uint16{lockWaitTimeout, deadlock, 1020, 1021, 1040, 1047, 1053, 1114, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1290, queryInterrupted, statementFormat, 1792, 1836, 1927, 1969, 3024, lockNoWait, 4031}

// Number returns the server's error number, or 0 if err is not from the server.
func Number(err error) int {
	if me, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return int(me.Number)
	}
	return 0
}

// Answer returns an error as a server answers it, for what plays one.
func Answer(number int, message string) error {
	return &mysql.MySQLError{Number: uint16(number), Message: message} //nolint:gosec // the server's are that small
}

// Refused reports whether the server refused the login or the schema.
func Refused(err error) bool { return slices.Contains(refused, uint16(Number(err))) }

// Transient reports whether the same statement may succeed later unchanged:
// after a deadlock, a lock wait timeout, or while the server is away, full or
// read-only.
func Transient(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if n := Number(err); n != 0 {
		return slices.Contains(transient, uint16(n))
	}
	var ne net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &ne)
}

// Deadlock reports whether the transaction ended because its locks, or on
// MariaDB its snapshot, clashed with another's. It can be rerun at once.
func Deadlock(err error) bool {
	n := Number(err)
	return n == deadlock || n == 1020
}

// LockTimeout reports whether a lock was not obtained in time, or not at once
// if that was requested.
func LockTimeout(err error) bool { return Number(err) == lockWaitTimeout || Number(err) == lockNoWait }

// stuck are errors of one table's state, besides those of locks: it is full,
// read-only, damaged or missing in its engine, or its statements exceed the server's
// time limit. Other tables can still be written.
var stuck = []uint16{1030, 1034, 1036, 1114, 1194, 1195, 1812, 1814, 1932, 1969, 3024}

// Stuck reports whether a statement cannot be run on a table now, but perhaps later:
// someone holds a lock, or the table's state does not allow it.
func Stuck(err error) bool {
	return LockTimeout(err) || slices.Contains(stuck, uint16(Number(err)))
}

// Duplicate reports whether a unique key refused a row.
func Duplicate(err error) bool { return Number(err) == duplicateEntry }

// NoTable reports whether a statement named a table that is not there.
func NoTable(err error) bool { return Number(err) == noSuchTable }

// MissingParent reports whether a foreign key refused a row because the row
// that it refers to does not exist.
func MissingParent(err error) bool { return Number(err) == noReferencedRow || Number(err) == 1216 }

// Referenced reports whether a row could not be deleted or changed because others refer to it.
func Referenced(err error) bool { return Number(err) == rowIsReferenced || Number(err) == 1217 }

// SchemaChanged reports whether a table or column that the statement names does
// not exist.
func SchemaChanged(err error) bool {
	n := Number(err)
	return n == noSuchTable || n == badField || n == 1136 || n == 1412
}

// incomparable are errors of a value that is none of a column's type, or has characters that its character set lacks.
var incomparable = []uint16{1267, 1270, 1271, 1300, 1525, 3854, 4078}

// Incomparable reports whether the server refused to compare a column with a value.
func Incomparable(err error) bool { return slices.Contains(incomparable, uint16(Number(err))) }

// NoIndex reports whether an index that the statement names does not exist, or is not
// usable.
func NoIndex(err error) bool { return Number(err) == noSuchIndex }

// Truncated is a warning of a server that is not strict, when it stores something
// other than the value; see Altered.
const Truncated = 1265

// altered are the warnings of a server that is not strict when it stores something other than the value.
var altered = []uint16{Truncated, 1048, 1264, 1292, 1364, 1366, 1406, 1411, 3819}

// Altered reports whether a warning's number says that something else was stored.
func Altered(number uint16) bool { return slices.Contains(altered, number) }
