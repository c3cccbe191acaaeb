package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// shape is a set of tables that are sent as a whole. The rows of orders are spread over them.
type shape struct {
	label  string
	tables []string
	ddl    []string
	fill   []string // statements that spread the rows of staging
}

// values are the columns of orders beside the key.
const values = "customer VARCHAR(60) NOT NULL, status VARCHAR(20) NOT NULL, amount DECIMAL(10,2) NOT NULL, revision INT NOT NULL, " +
	"changed DATETIME(6) NOT NULL, comment VARCHAR(255) NOT NULL"

const valueNames = "customer, status, amount, revision, changed, comment"

// one is a shape of one table with a key and a suffix after the columns.
func one(label, key, primary, from, after string) shape {
	return shape{label: label, tables: []string{"a_orders"},
		ddl:  []string{"CREATE TABLE a_orders (" + key + ", " + values + ", PRIMARY KEY (" + primary + "))" + after},
		fill: []string{"INSERT INTO a_orders SELECT " + from + ", " + valueNames + " FROM staging"}}
}

// families is a shape of many tables whose names sort children before parents: things, and further
// tables with their details. One table in five has rows, or all.
func families(label string, tables int, sparse bool) shape {
	s := shape{label: label}
	var full []string
	for i := 0; len(s.tables) < tables; i++ {
		parent := fmt.Sprintf("n%03d_thing", tables-i)
		s.tables = append(s.tables, parent)
		s.ddl = append(s.ddl, "CREATE TABLE "+parent+" (id BIGINT PRIMARY KEY, parent BIGINT, "+values+", FOREIGN KEY (parent) REFERENCES "+parent+" (id) ON DELETE CASCADE)")
		full = append(full, parent)
		for k := 0; k < 4 && len(s.tables) < tables; k++ {
			child := fmt.Sprintf("n%03d_a_value_%d", tables-i, k)
			s.tables = append(s.tables, child)
			s.ddl = append(s.ddl, "CREATE TABLE "+child+" (id BIGINT PRIMARY KEY, thing BIGINT NOT NULL, "+values+", FOREIGN KEY (thing) REFERENCES "+parent+" (id) ON DELETE CASCADE)")
			if !sparse {
				full = append(full, child)
			}
		}
	}
	parent := 0
	for r, name := range full {
		if strings.HasSuffix(name, "_thing") {
			parent = r
			s.fill = append(s.fill, fmt.Sprintf("INSERT INTO %s SELECT id, NULL, %s FROM staging WHERE id %% %d = %d", name, valueNames, len(full), r))
			continue
		}
		s.fill = append(s.fill, fmt.Sprintf("INSERT INTO %s SELECT id, id - %d, %s FROM staging WHERE id %% %d = %d AND id > %d", name, r-parent, valueNames, len(full), r, len(full)))
	}
	return s
}

// shapes compares the initial sync of realistic tables with that of one flat table.
func shapes(s settings) (list []point) {
	employees := one("composite key (BIGINT, DATE), below a parent", "id BIGINT NOT NULL, from_date DATE NOT NULL, FOREIGN KEY (id) REFERENCES z_staff (id)", "id, from_date",
		"1 + id DIV 10, '1990-01-01' + INTERVAL id % 10 MONTH", "")
	employees.tables = append(employees.tables, "z_staff")
	employees.ddl = append([]string{"CREATE TABLE z_staff (id BIGINT PRIMARY KEY)"}, employees.ddl...)
	employees.fill = append([]string{"INSERT INTO z_staff SELECT id FROM staging WHERE id <= 1 + (SELECT COUNT(*) FROM staging) DIV 10"}, employees.fill...)
	for i, x := range []shape{
		one("one flat table", "id BIGINT NOT NULL", "id", "id", ""),
		one("16 partitions, key (BIGINT, DATE)", "id BIGINT NOT NULL, created DATE NOT NULL", "id, created", "id, DATE(created)", " PARTITION BY HASH (id) PARTITIONS 16"),
		employees,
		one("key of four columns", "a INT NOT NULL, b VARCHAR(20) NOT NULL, c SMALLINT NOT NULL, id BIGINT NOT NULL", "a, b, c, id", "id % 7, CONCAT('branch ', id % 90), id % 30, id", ""),
		families("174 tables, children first by name", 174, false),
		families("271 tables, four of five without rows", 271, true),
	} {
		list = append(list, point{label: x.label, size: float64(i), ours: func(b *bench) sample { return x.send(b, b.rows(200_000)) }})
	}
	return list
}

// send measures how fast a node sends n rows in tables of the shape to one whose tables are empty.
func (x shape) send(b *bench, n int) sample {
	p := x.pair(b, n)
	want := x.count(b, p.source)
	took, used := x.sent(b, p)
	if got := x.count(b, p.target); got != want {
		b.Fatalf("the target has %d rows of %d", got, want)
	}
	return sample{Figures: map[string]float64{"rows/s": float64(want) / took.Seconds(), "s": took.Seconds(), "CPU µs/row": used.Seconds() * 1e6 / float64(want)}}
}

// pair makes two nodes, of which one has n rows in tables of the shape.
func (x shape) pair(b *bench, n int) *pair {
	p := newOursWith(b, map[string]any{"initialSync": "missing", "syncTables": x.tables, "receiveTables": x.tables})
	p.source.fill("staging", 1, n)
	for _, s := range []*site{p.source, p.target} {
		s.quietly(s.db, x.ddl...)
	}
	p.source.quietly(p.source.db, x.fill...)
	return p
}

// sent starts both nodes and returns how long sending all tables then took, and how much CPU time
// both nodes and databases used.
func (x shape) sent(b *bench, p *pair) (took, cpu time.Duration) {
	used := func() (all time.Duration) {
		for _, s := range []*site{p.source, p.target} {
			for _, d := range s.used() {
				all += d
			}
		}
		return all
	}
	p.target.startNode()
	p.target.node.WaitLog("node started")
	p.source.startNode()
	p.source.node.WaitLog("node started")
	before, began := used(), time.Now()
	end := b.until("all tables to be sent", func(context.Context) (bool, error) {
		done, err := p.source.number("SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NOT NULL")
		return done == int64(len(x.tables)), err
	})
	return end.Sub(began), used() - before
}

// count returns how many rows the tables have.
func (x shape) count(b *bench, s *site) (n int64) {
	for _, t := range x.tables {
		rows, err := s.number("SELECT COUNT(*) FROM " + t)
		b.must("count rows of "+t, err)
		n += rows
	}
	return n
}
