package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// file writes a configuration to its own folder.
func file(name, text string) (path string, remove func()) {
	folder, err := os.MkdirTemp("", "config")
	if err != nil {
		panic(err)
	}
	path = filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		panic(err)
	}
	return path, func() { _ = os.RemoveAll(folder) }
}

const berlin = `
clientName: berlin
remoteClients: [hamburg]
syncTables: [orders]
mqttConfig: {host: broker}
mysqlConfig: {user: sync, password: "${DB_PASSWORD}", database: shop}
`

func ExampleLoad() {
	path, remove := file("configuration.yaml", berlin)
	defer remove()

	c, warnings, err := config.Load(path, []string{"DB_PASSWORD=s3cret", "MYSQL_SYNC_LOGGINGLEVEL=warn"})
	if err != nil {
		panic(err)
	}
	fmt.Println(warnings, c.ClientName, c.RemoteClients, c.LoggingLevel)
	fmt.Println(c.Syncs("orders"), c.AcceptsFrom("hamburg"), c.AcceptsFrom("munich"))
	fmt.Println(c.MySQL.Password, c.MySQL) // printing it as a whole hides the password
	// Output:
	// [] berlin [hamburg] warn
	// true true false
	// s3cret {Host:localhost Port:3306 SocketPath: User:sync Password:*** Database:shop Charset:utf8mb4 Timezone:Z ConnectTimeout:10s LocalAddress: TLS:none}
}

// All mistakes are reported at once, each with its key.
func ExampleMistakes() {
	path, remove := file("configuration.json", `{"clientName": "berlin", "remoteClient": ["hamburg"], "checkInterval": 0}`)
	defer remove()

	_, _, err := config.Load(path, nil)
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		for _, m := range mistakes {
			fmt.Printf("%s: %s\n", m.Key, m.Text)
		}
	}
	// Output:
	// checkInterval: 0 is less than 1
	// mqttConfig: is missing: say where the broker is, or set broker.listen to run one in this node
	// mysqlConfig: is missing: how to reach the database
	// remoteClient: unknown key in the configuration; did you mean "remoteClients"?
	// syncTables: is empty, and so is receiveTables; name a table in at least one of them
}
