package trigger_test

import (
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestTriggersOfADroppedUserAreRecreated installs triggers as a user who is then dropped: the next
// start must recreate them as the current user.
func TestTriggersOfADroppedUserAreRecreated(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	name := server.Create(t)
	connect := func(user, password string) *mysqldb.DB {
		db, err := mysqldb.Open(t.Context(), zap.NewNop(), config.MySQL{Host: server.Host, Port: server.Port, User: user, Password: password, Database: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	install := func(db *mysqldb.DB) {
		table, err := schema.Read(t.Context(), db, name, "t")
		if err == nil {
			err = trigger.New(zap.NewNop(), db, trigger.Config{}).Arm(t.Context(), []*schema.Table{table}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root := connect(server.User, server.Password)
	user := "gone_" + name
	for _, q := range []string{"CREATE TABLE t (id INT PRIMARY KEY)", "SET GLOBAL log_bin_trust_function_creators = 1",
		"CREATE USER " + user + "@'%' IDENTIFIED BY 'Secret-1'", "GRANT ALL ON " + name + ".* TO " + user + "@'%'"} {
		if _, err := root.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := schema.Migrate(t.Context(), zap.NewNop(), root); err != nil {
		t.Fatal(err)
	}
	install(connect(user, "Secret-1"))
	if _, err := root.Exec("DROP USER " + user + "@'%'"); err != nil {
		t.Fatal(err)
	}
	if _, err := root.Exec("INSERT INTO t VALUES (1)"); mysqldb.Number(err) != 1449 {
		t.Fatalf("a write with triggers of a dropped user: %v, want error 1449", err)
	}
	install(root)
	if _, err := root.Exec("INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
}
