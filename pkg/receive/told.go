package receive

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// toldLength bounds the error text that a client is told, in characters.
const toldLength = 1000

// ofTheRow are server errors that concern only the row being written: its columns, its values, the names of the keys
// and constraints it violates, and messages that a user's trigger raises for the writer (SIGNAL). Others may quote
// statements, and so other rows.
var ofTheRow = []int{1048, 1062, 1216, 1217, 1264, 1265, 1292, 1364, 1366, 1367, 1406, 1411, 1416, 1451, 1452, 1526, 1644, 1690, 3140, 3819, 4025}

// Told returns what a client may learn about an error of its row or its question. The row is its own; files,
// statements, other rows and the details of a bug in this program are not for it to see. The log has the full error.
// Promise 8.
func Told(err error) string {
	var teller interface{ Told() string }
	n := mysqldb.Number(err)
	switch {
	case errors.Is(err, ErrPanic):
		return ErrPanic.Error()
	case errors.As(err, &teller):
		return teller.Told()
	case mysqldb.Transient(err): // which may name the database's address
		return "the database there cannot be reached now"
	case mysqldb.TooLarge(err):
		return "the row is larger than the database there accepts: raise max_allowed_packet there"
	case n != 0 && !slices.Contains(ofTheRow, n):
		return fmt.Sprintf("the database there answers with error %d; see the log there", n)
	}
	return wire.Shorten(strings.ToValidUTF8(err.Error(), "?"), toldLength)
}

// ToldOfMade is Told for a row that a transformer produced: its values are not the sender's.
func ToldOfMade(err error) string {
	var w *apply.Wait
	switch n := mysqldb.Number(err); {
	case errors.As(err, &w):
		return "the transformed row waits for other rows there; see the log there"
	case n != 0 && !mysqldb.TooLarge(err):
		return fmt.Sprintf("the database there answers with error %d to the transformed row; see the log there", n)
	}
	return Told(err)
}

// scripted is an error of a transformer.
type scripted struct{ error }

// Unwrap returns the transformer's error.
func (s scripted) Unwrap() error { return s.error }

// Told returns the text that transform.Told allows.
func (s scripted) Told() string { return transform.Told(s.error) }

// byScript marks an error of a transformer; nil stays nil.
func byScript(err error) error {
	if err == nil || errors.Is(err, transform.ErrDropped) {
		return err
	}
	return scripted{err}
}
