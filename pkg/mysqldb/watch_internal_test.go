package mysqldb

import (
	"errors"
	"testing"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestOnlyQueriesWithoutPrivilegeAreNotRepeated, and they are logged once.
func TestOnlyQueriesWithoutPrivilegeAreNotRepeated(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	w := &watch{log: zap.New(core)}
	for _, passing := range []error{nil, errors.New("bad connection"), &mysql.MySQLError{Number: 1040}, &mysql.MySQLError{Number: lockWaitTimeout},
		&mysql.MySQLError{Number: queryInterrupted}, &mysql.MySQLError{Number: 1053}, &mysql.MySQLError{Number: 3024}, &mysql.MySQLError{Number: 1412}} {
		if w.blinded(passing) || w.vague.Load() || logs.Len() > 0 {
			t.Errorf("%v counts as a missing privilege", passing)
		}
	}
	for _, number := range []uint16{1044, 1142, 1143, 1146, accessDenied} {
		for range 3 {
			if !w.blinded(&mysql.MySQLError{Number: number}) || !w.vague.Load() {
				t.Errorf("error %d is not noticed", number)
			}
		}
	}
	if logs.FilterMessage("the login may not see lock waits").Len() != 1 || logs.Len() != 1 {
		t.Errorf("logged: %v", logs.All())
	}
	if !(&watch{}).blinded(&mysql.MySQLError{Number: 1142}) {
		t.Error("a pool without a logger does not notice it")
	}
}
