package apply

import (
	"sync/atomic"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// lateAgain is how long nothing goes with the COMMIT after something of which it returned an error: then the row is written once more, for the
// error that its statement has. Who sends bad rows must not have each of them written twice.
const lateAgain = 10 * time.Second

// lateness says whether a new row may go with the COMMIT. It is acked after that like any other (promise 6), and if it is refused, for its own
// reason (promise 9).
type lateness struct {
	failed atomic.Int64 // when it last failed, by the applier's clock; 0: never
}

// may has the insert of a row go with the COMMIT of its transaction, if it is the only one, and nothing has to be looked at once it is
// written. An update's count of rows tells whether the row is still there, so it does not.
func (l *lateness) may(tx Tx, groups []*group, m manner, now time.Time) bool {
	if m != plain || len(groups) != 1 || groups[0].table.Triggered || len(groups[0].steps) != 1 {
		return false
	}
	s := &groups[0].steps[0]
	if !s.Decision.Writes() || !s.puts() || s.exists {
		return false
	}
	if at := l.failed.Load(); at != 0 && now.Sub(time.Unix(0, at)).Abs() < lateAgain {
		return false
	}
	return tx.Late()
}

// again reports whether a transaction that failed is to be tried without anything that goes with the COMMIT: it is not known which
// statement failed. If the server returned no error, nobody knows whether it is committed.
func (l *lateness) again(err error, now time.Time) bool {
	if mysqldb.Number(err) == 0 {
		return false
	}
	l.failed.Store(now.UnixNano())
	return true
}
