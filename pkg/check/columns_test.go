package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestColumnsAreComparedWithTheRemotes(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	tables := []string{"orders", "prices", "down", "shaped", "up"}
	const shaped = `CREATE TABLE shaped (id INT PRIMARY KEY, v INT)`
	a := newSite(t, testkit.Shared(t), b, orders, shaped, `CREATE TABLE up (id INT PRIMARY KEY)`, `CREATE TABLE down (id INT PRIMARY KEY, v VARCHAR(5))`,
		`CREATE TABLE prices (id INT PRIMARY KEY, price DECIMAL(12,4), at DATETIME(6), note VARCHAR(20) CHARACTER SET latin1, extra INT)`)
	c := newSite(t, testkit.Shared(t), b, orders, strings.Replace(shaped, "v INT", "v TINYINT", 1), `CREATE TABLE up (id INT PRIMARY KEY, made DATE)`, `CREATE TABLE down (id INT PRIMARY KEY, v VARCHAR(9))`,
		`CREATE TABLE prices (id INT PRIMARY KEY, price DECIMAL(12,2), at DATETIME, note VARCHAR(20) CHARACTER SET utf8mb4, own INT)`)
	c.Config["clientName"], c.Config["remoteClients"] = "node-b", []string{"node-a"}
	for _, s := range []*site{a, c} {
		s.Config["syncTables"], s.Config["receiveTables"] = tables, tables
	}
	a.Config["syncTables"] = []string{"orders", "prices", "shaped", "up"}
	c.Config["syncTables"] = tables[:4]
	a.Config["allowLossy"] = map[string]any{"prices": []string{"note"}}
	dir := t.TempDir()
	c.Config["transformerDirectory"] = dir
	if err := os.WriteFile(filepath.Join(dir, "shaped.js"), []byte(`module.exports = ({entity}) => entity`), 0o600); err != nil {
		t.Fatal(err)
	}
	a.start()
	c.start()
	f := a.check(0, "--listen", "20s")
	warnings := f.in(finding.Warning, check.AreaRemotes)
	f.has(finding.Warning, "node-b", "prices.price is decimal(12,4) here and decimal(12,2) at node-b: digits would be rounded", "refused at node-b", "same type on both sides")
	f.has(finding.Warning, "node-b", "prices.at is datetime(6) here and datetime at node-b", "fewer digits of a second")
	f.has(finding.Warning, "node-b", "prices has the column extra only here")
	f.has(finding.Warning, "node-b", "prices has the column own only at node-b")
	f.has(finding.Warning, "node-b", "prices.price is decimal(12,2) at node-b and decimal(12,4) here: it is out of range", "refused here", "allowLossy")
	f.has(finding.Warning, "node-b", "down.v is varchar(9) utf8mb4 at node-b and varchar(5) utf8mb4 here: values may be too long")
	f.has(finding.Right, "node-b", "has additional columns, which get their defaults in new rows: up.made")
	if len(warnings) != 6 { // note is allowed to lose, shaped has a transformer, down is not sent from here
		t.Errorf("%d warnings, want 6:\n%s", len(warnings), f.text)
	}
	a.Exec(`ALTER TABLE prices MODIFY price DECIMAL(12,2), MODIFY at DATETIME, DROP COLUMN extra, ADD COLUMN own INT`, `ALTER TABLE down MODIFY v VARCHAR(9)`)
	f = a.check(0, "--listen", "20s")
	f.has(finding.Right, "node-b", "has columns that can hold all values of 4 tables")
	if n := len(f.in(finding.Warning, check.AreaRemotes)); n != 0 {
		t.Errorf("%d warnings:\n%s", n, f.text)
	}
}
