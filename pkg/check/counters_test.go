package check_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestCountersAreJudgedByTheTables: what cannot add up is a mistake, with what to do about it.
func TestCountersAreJudgedByTheTables(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	s := newSite(t, testkit.Shared(t), b, `CREATE TABLE places (id INT PRIMARY KEY)`,
		`CREATE TABLE stock (id INT, place INT NOT NULL, code INT UNIQUE, weight DOUBLE, name VARCHAR(9), quantity INT UNSIGNED NOT NULL, price DECIMAL(10,2),
		twice INT AS (quantity * 2), packs INT, dozens INT AS (packs DIV 12), shown INT AS (dozens + 1), UNIQUE (shown), PRIMARY KEY (id), FOREIGN KEY (place) REFERENCES places (id))`)
	s.Config["syncTables"], s.Config["receiveTables"] = []string{"stock", "places"}, []string{}
	s.Config["counters"] = map[string]any{"stock": []string{"id", "place", "code", "weight", "name", "twice", "missing", "Packs", "Quantity"}}
	f := s.check(1)
	for _, why := range []string{"column id is in the primary key", "column place is in a foreign key", "column code is in a unique key", "column Packs is in a unique key, or one of its columns is computed from it", "column weight is a DOUBLE",
		"column name is a VARCHAR", "column twice is not in the table, or is computed", "column missing is not in the table"} {
		f.has(finding.Mistake, "counters.stock", why, "emove it")
	}
	for _, x := range f.list {
		if file := filepath.Base(s.File) + ":"; x.Level == finding.Mistake && (!strings.HasPrefix(x.At, file) || x.At == file+"0") {
			t.Errorf("no line: %+v", x)
		}
	}
	s.Config["counters"] = map[string]any{"stock": []string{"Quantity", "price"}}
	f = s.check(0)
	f.has(finding.Right, "counters.stock", "increments add up in Quantity, price")
	f.has(finding.Warning, "counters.stock", "column Quantity is UNSIGNED", "Make the column signed")
}
