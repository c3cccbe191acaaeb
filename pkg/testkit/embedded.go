package testkit

import (
	"fmt"
	"maps"
	"os/exec"
)

// BrokerNode is the client name of the node that runs the embedded broker. Its remote is nowhere, so it looks for it on /info.
const BrokerNode = "the-broker"

// Embedded starts a node of the real binary that is the broker for others. It replicates nothing of
// theirs: the database that it needs is a schema of Shared's server with one empty table. Without
// users anyone may connect.
func Embedded(tb TB, users map[string]string) *Broker {
	tb.Helper()
	return embedded(tb, users, func(string) map[string]any { return nil })
}

// EmbeddedACL is Embedded with each user restricted to the topics of the client of that name.
func EmbeddedACL(tb TB, users map[string]string) *Broker {
	tb.Helper()
	users = maps.Clone(users)
	users[BrokerNode] = "secret-of-the-broker" // the node itself has a login too
	return embedded(tb, users, func(user string) map[string]any { return map[string]any{"client": user} })
}

// embedded gives each user the rights that more says.
func embedded(tb TB, users map[string]string, more func(user string) map[string]any) *Broker {
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
		login := map[string]any{"username": user, "password": password}
		maps.Copy(login, more(user))
		logins = append(logins, login)
	}
	file := ConfigFile(tb, map[string]any{
		"clientName":    BrokerNode,
		"acceptFrom":    []string{"nobody"},
		"receiveTables": []string{"nothing"},
		"broker":        map[string]any{"listen": fmt.Sprintf("%s:%d", b.Host, b.Port), "users": logins},
		"mysqlConfig":   server.Keys(schema),
	})
	path := Binary(tb)
	b.command = func() *exec.Cmd { return command(path, file) }
	b.Start()
	return b
}
