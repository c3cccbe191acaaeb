package testkit_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestDatabaseKeepsCommittedRowsOverKillAndStop(t *testing.T) {
	t.Parallel()
	d := testkit.Server(t)
	db := d.Open(t, d.Create(t))
	db.MustExec("CREATE TABLE t (id INT PRIMARY KEY)")

	db.MustExec("INSERT INTO t VALUES (1)")
	d.Kill()
	if err := db.Ping(); err == nil {
		t.Error("a killed server answers")
	}
	d.Start()
	db.MustExec("INSERT INTO t VALUES (2)")
	d.Stop()
	d.Start()

	var ids []int
	if err := db.Select(&ids, "SELECT id FROM t ORDER BY id"); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 2 {
		t.Errorf("rows after kill and stop: got %v, want 1 and 2", ids)
	}
}

func TestDatabaseTakesFurtherFlags(t *testing.T) {
	t.Parallel()
	d := testkit.Server(t, "--max-connections=17")
	var most int
	if err := d.Open(t, "").Get(&most, "SELECT @@max_connections"); err != nil {
		t.Fatal(err)
	}
	if most != 17 {
		t.Errorf("max_connections: %d, want 17", most)
	}
}

func TestSharedIsOneServerWithSchemasOfTheirOwn(t *testing.T) {
	t.Parallel()
	one, two := testkit.Shared(t), testkit.Shared(t)
	if one != two {
		t.Error("two calls gave two servers")
	}
	if a, b := one.Create(t), one.Create(t); a == b {
		t.Errorf("both schemas are called %s", a)
	}
}

// TestServersTakeTheNodesOfManyTests: each node has about ten connections, and a dozen nodes use
// the shared server at a time. One that gets no connection waits for up to 15 seconds before it
// tries again, and its rows are late.
func TestServersTakeTheNodesOfManyTests(t *testing.T) {
	t.Parallel()
	db := testkit.Shared(t).Open(t, "")
	for i := range 400 {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatalf("connection %d: %v", i+1, err)
		}
		defer func() { _ = conn.Close() }()
	}
}

func TestSchemaIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	var name string
	t.Run("its test", func(t *testing.T) {
		name = server.Create(t)
		server.Open(t, name).MustExec("CREATE TABLE t (id INT PRIMARY KEY)")
	})
	var n int
	if err := server.Open(t, "").Get(&n, "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", name); err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("the schema %s is still there", name)
	}
}
