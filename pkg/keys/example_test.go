package keys_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

func ExampleFormat() {
	text, err := keys.Format("configuration.yaml", []byte(`{"clientName": "berlin", "syncTables": ["orders"]}`))
	fmt.Print(string(text), err)
	// Output:
	// clientName: berlin
	// syncTables:
	//   - orders
	// <nil>
}

func ExampleNearest() {
	fmt.Println(keys.Nearest("syncTabels", []string{"syncTables", "receiveTables"}))
	// Output: syncTables
}

// A file is checked as a whole, and each mistake is reported with its line and key.
func ExampleChecker() {
	folder, err := os.MkdirTemp("", "keys")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, "shop.yml")
	text := "host: db\nport: 70000\npasword: ${SECRET}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		panic(err)
	}
	schema := keys.MustParse([]byte(`{
		"type": "object",
		"required": ["user"],
		"properties": {
			"host": {"type": "string", "description": "Host of the database."},
			"port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 3306, "description": "Its port."},
			"user": {"type": "string", "description": "Login at the database."},
			"password": {"type": "string", "writeOnly": true, "description": "Password of the user."}
		}
	}`))

	c := keys.New(keys.Source{Path: path, Name: "shop.yml", Environ: os.Environ()})
	given, err := c.Read(schema)
	if err != nil {
		panic(err)
	}
	c.Check("", schema, given)
	fmt.Println(c.Mistakes().Located())
	// Output:
	// shop.yml:3: pasword: unknown key in the configuration; did you mean "password"?
	// shop.yml:2: port: 70000 is greater than 65535
	// shop.yml: user: is missing: login at the database
}

// The checked values are decoded into a struct.
func ExampleDecode() {
	schema := keys.MustParse([]byte(`{"type": "object", "properties": {"port": {"type": "integer", "default": 3306}, "host": {"type": "string"}}}`))
	c := keys.New(keys.Source{})
	checked := c.Check("", schema, map[string]any{"host": "db"})

	var server struct {
		Host string `koanf:"host"`
		Port int    `koanf:"port"`
	}
	if err := keys.Decode(checked.(map[string]any), &server); err != nil {
		panic(err)
	}
	fmt.Println(server.Host, server.Port)
	// Output: db 3306
}
