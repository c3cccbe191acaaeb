package testkit

import (
	"fmt"
	"os/exec"
)

// Embedded starts a node of the real binary that is the broker for others. It has no part in what they replicate: the
// database that it needs is a schema of Shared's server with one empty table. Without users anyone may connect.
func Embedded(tb TB, users map[string]string) *Broker {
	tb.Helper()
	server := Shared(tb)
	schema := server.Create(tb)
	if _, err := server.Open(tb, schema).Exec(`CREATE TABLE nothing (id INT PRIMARY KEY)`); err != nil {
		tb.Fatalf("make the broker's table: %v", err)
	}
	b := newBroker(tb, "mysql-sync")
	b.users = users
	logins := []map[string]any{}
	for user, password := range users {
		logins = append(logins, map[string]any{"username": user, "password": password})
	}
	file := ConfigFile(tb, map[string]any{
		"clientName":    "the-broker",
		"acceptFrom":    []string{"nobody"},
		"receiveTables": []string{"nothing"},
		"broker":        map[string]any{"listen": fmt.Sprintf("%s:%d", b.Host, b.Port), "users": logins},
		"mysqlConfig": map[string]any{"host": server.Host, "port": server.Port, "user": server.User,
			"password": server.Password, "database": schema},
	})
	path := Binary(tb)
	b.command = func() *exec.Cmd { return command(path, file) }
	b.Start()
	return b
}
