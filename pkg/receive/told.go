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

// toldLength bounds what a client is told of an error, in characters.
const toldLength = 1000

// ofTheRow are errors of the server that speak of the row that is written: its columns, its own values, the names of keys and
// constraints that it breaks, and what a trigger of the user's has to say to who writes (SIGNAL). Others may hold statements, and
// so other rows.
var ofTheRow = []int{1048, 1062, 1216, 1217, 1264, 1265, 1292, 1364, 1366, 1367, 1406, 1411, 1416, 1451, 1452, 1526, 1644, 1690, 3140, 3819, 4025}

// Told is what a client learns about an error of its row or its question: the row is its own, and the rest of the node is not for it
// to see, as files, statements, other rows and what a fault of this program has at hand. The log has the whole. Promise 8.
func Told(err error) string {
	var teller interface{ Told() string }
	n := mysqldb.Number(err)
	switch {
	case errors.Is(err, ErrPanic):
		return ErrPanic.Error()
	case errors.As(err, &teller):
		return teller.Told()
	case mysqldb.Transient(err): // which may say where the database is
		return "the database there cannot be reached now"
	case n != 0 && !slices.Contains(ofTheRow, n):
		return fmt.Sprintf("the database there answers with error %d; see the log there", n)
	}
	return wire.Shorten(strings.ToValidUTF8(err.Error(), "?"), toldLength)
}

// ToldOfMade is Told of a row that a transformer has made of the one that came: its values are not those of the sender.
func ToldOfMade(err error) string {
	var w *apply.Wait
	switch n := mysqldb.Number(err); {
	case errors.As(err, &w):
		return "the transformed row waits for other rows there; see the log there"
	case n != 0:
		return fmt.Sprintf("the database there answers with error %d to the transformed row; see the log there", n)
	}
	return Told(err)
}

// scripted is an error of a transformer.
type scripted struct{ error }

// Unwrap returns the error as it is.
func (s scripted) Unwrap() error { return s.error }

// Told tells it as transformers do.
func (s scripted) Told() string { return transform.Told(s.error) }

// byScript marks an error of a transformer, which may be none.
func byScript(err error) error {
	if err == nil || errors.Is(err, transform.ErrDropped) {
		return err
	}
	return scripted{err}
}
