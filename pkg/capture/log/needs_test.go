package log_test

import (
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// must returns what of the needs must be, and the statements for it.
func (p *place) must(login config.MySQL) (abouts, statements string) {
	p.Helper()
	db := p.db
	if login.User != p.server.User {
		var err error
		if db, err = mysqldb.Connect(p.Context(), login); err != nil {
			p.Fatal(err)
		}
		defer db.Close()
	}
	needs, err := log.Needs(p.Context(), db, login)
	if err != nil {
		p.Fatal(err)
	}
	for _, n := range needs {
		if n.Must {
			abouts += n.About
			statements += n.Do
		}
	}
	return abouts, statements
}

// TestTheStatementForTheRightGivesIt: it is found out by asking for the log, so that roles count.
func TestTheStatementForTheRightGivesIt(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	login := config.MySQL{Host: p.server.Host, Port: p.server.Port, User: "reader of " + p.db.Name, Password: "secret", Database: p.db.Name}
	p.exec("CREATE USER '"+login.User+"'@'%' IDENTIFIED BY 'secret'", "GRANT ALL ON `"+p.db.Name+"`.* TO '"+login.User+"'@'%'")
	t.Cleanup(func() { p.server.Open(t, "").MustExec("DROP USER '" + login.User + "'@'%'") })
	chosen := func() (by, instead string) {
		t.Helper()
		s, err := choice.Chosen(t.Context(), zap.NewNop(), p.db, &config.Config{Capture: config.CaptureAuto, MySQL: login}, choice.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return s.How().By, strings.Join(s.How().Instead, "; ")
	}
	abouts, statements := p.must(login)
	p.want("a login with all rights to its database", abouts, "REPLICATION SLAVE")
	by, instead := chosen()
	p.want("auto then takes", by, config.CaptureTrigger)
	if !strings.Contains(instead, "REPLICATION SLAVE") {
		t.Errorf("auto says %q", instead)
	}
	p.exec(statements)
	by, instead = chosen()
	p.want("auto takes with the right", by+instead, config.CaptureLog)
	abouts, _ = p.must(login)
	p.want("and with the right", abouts, "")
}

// TestADatabaseThatIsNotLoggedIsNoticed, with all else that is missing: by who may ask, and by a start, which does not find what it has written.
func TestADatabaseThatIsNotLoggedIsNoticed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, append(testkit.LogFlags(), "--binlog-do-db=other", "--binlog-format=MIXED")...), []string{"orders"}, orders)
	login := config.MySQL{Host: p.server.Host, Port: p.server.Port, User: p.server.User, Password: p.server.Password, Database: p.db.Name}
	abouts, _ := p.must(login)
	p.want("must", abouts, "binlog_formatbinlog_do_db")
	s := choice.Source(zap.NewNop(), p.db, choice.Config{Syncs: func(string) bool { return true }}, &login)
	_, err := s.Unseen(t.Context(), p.tables, p.keys)
	if err == nil {
		err = s.Arm(t.Context(), p.tables, p.keys)
	}
	if err == nil || !strings.Contains(err.Error(), "binlog_do_db") {
		t.Errorf("a start: %v", err)
	}
}
