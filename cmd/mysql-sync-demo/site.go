package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// createGoods creates the table of both sites.
const createGoods = `CREATE TABLE goods (
  id VARCHAR(20) NOT NULL PRIMARY KEY,
  item VARCHAR(40) NOT NULL,
  price DECIMAL(10,2) NOT NULL
) CHARACTER SET utf8mb4`

// convert is boston's transformer: berlin keeps prices in EUR, boston in USD.
const convert = `const rate = 1.25

module.exports = ({entity, target}) => {
  const price = target === 'boston' ? entity.price * rate : entity.price / rate
  entity.price = price.toFixed(2)
  return entity
}
`

// row is a row of goods.
type row struct{ ID, Item, Price string }

// site is a place with a database and a node.
type site struct {
	name, currency string
	db             *sqlx.DB

	rows    []row // as last seen, by id
	pending int   // rows that the other site has not acknowledged, from sync_status

	own map[string]row       // rows that this site's users wrote last; the zero row is a delete
	at  map[string]time.Time // when, if the row's latency is measured
}

// look reads the site's current rows.
func (s *site) look() error {
	s.rows = s.rows[:0]
	if err := s.db.Select(&s.rows, `SELECT id, item, price FROM goods ORDER BY id`); err != nil {
		return fmt.Errorf("read goods of %s: %w", s.name, err)
	}
	if err := s.db.Get(&s.pending, `SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`); err != nil {
		return fmt.Errorf("read sync_status of %s: %w", s.name, err)
	}
	return nil
}

// startDatabase starts a server and makes the site's table in it.
func startDatabase(tb testkit.TB, name, currency string) (*site, map[string]any) {
	server := testkit.MariaDB(tb)
	schema := server.Create(tb)
	s := &site{name: name, currency: currency, db: server.Open(tb, schema), own: map[string]row{}, at: map[string]time.Time{}}
	if _, err := s.db.Exec(createGoods); err != nil {
		tb.Fatalf("create goods at %s: %v", name, err)
	}
	return s, map[string]any{
		"clientName":    name,
		"syncTables":    []string{"goods"},
		"receiveTables": []string{"goods"},
		"checkInterval": 20,
		"mysqlConfig":   map[string]any{"socketPath": server.Socket, "user": server.User, "database": schema},
	}
}

// startNodes starts both nodes. The broker runs inside berlin's; boston reaches it through the returned link.
func startNodes(tb testkit.TB, berlin, boston map[string]any) *testkit.Proxy {
	address := freeAddress(tb)
	berlin["remoteClients"] = []string{"boston"}
	berlin["broker"] = map[string]any{"listen": address}
	one := testkit.Node(tb, testkit.ConfigFile(tb, berlin))

	link := testkit.NewProxy(tb, address)
	boston["remoteClients"] = []string{"berlin"}
	boston["mqttConfig"] = map[string]any{"host": "mqtt://" + link.Addr(), "reconnectPeriod": 250}
	boston["transformerDirectory"] = "transformers"
	file := testkit.ConfigFile(tb, boston)
	script := filepath.Join(filepath.Dir(file), "transformers", "goods.js")
	if err := os.Mkdir(filepath.Dir(script), 0o700); err != nil {
		tb.Fatalf("make the folder of transformers: %v", err)
	}
	if err := os.WriteFile(script, []byte(convert), 0o600); err != nil {
		tb.Fatalf("write the transformer: %v", err)
	}
	two := testkit.Node(tb, file)

	one.WaitLog("client online")
	two.WaitLog("client online")
	return link
}

// freeAddress returns a loopback address on which nothing listens.
func freeAddress(tb testkit.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("find a free port: %v", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
