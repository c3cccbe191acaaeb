package mysqldb_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestOpenWire sends a command that the driver knows nothing of. It fails if a new driver no longer gives its connection.
func TestOpenWire(t *testing.T) {
	t.Parallel()
	s := testkit.Shared(t)
	c := config.MySQL{Host: s.Host, Port: s.Port, User: s.User, Password: s.Password}
	conn, err := mysqldb.OpenWire(t.Context(), c, "SET @a = 1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const ping = 0x0e
	if _, err := conn.Write([]byte{1, 0, 0, 0, ping}); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 5)
	if _, err := io.ReadFull(conn, answer); err != nil || !bytes.Equal(answer[3:], []byte{1, 0}) {
		t.Errorf("%x, %v", answer, err)
	}
	if _, err := mysqldb.OpenWire(t.Context(), c, "SET no_such_variable = 1"); mysqldb.Number(err) != 1193 {
		t.Errorf("a wrong statement: %v", err)
	}
}
