package log_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// once records the next that a source yields, and returns it.
func (p *place) once(s *log.Source) (list []capture.Entry) {
	p.Helper()
	b, err := s.Next(p.Context())
	if err == nil && b != nil {
		list = b.Entries()
		err = p.stream.Write(p.Context(), p.db, nil, func(tx mysqldb.Tx, w *version.Writing) error { return b.Consume(p.Context(), tx, w) })
	}
	if err != nil {
		p.Fatal(err)
	}
	return list
}

// TestRowsAreNotUnderstoodByWhatIsMadeOfTheirTableLater: a node that is behind reads the definition of now. What alters the table stands
// between, and the node is killed before it reads that.
func TestRowsAreNotUnderstoodByWhatIsMadeOfTheirTableLater(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	const numbers, fill = `CREATE TABLE orders (id INT PRIMARY KEY, n INT NOT NULL)`, `INSERT INTO orders WITH RECURSIVE x AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM x WHERE id < 1000) SELECT id, id + 5000 FROM x`
	for _, c := range []struct {
		metadata, create string
		before           []string // is recorded before the node falls behind
		then             []string
	}{
		{"MINIMAL", numbers, nil, []string{fill, `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`}},
		{"MINIMAL", numbers, []string{`INSERT INTO orders VALUES (0, 9000)`}, []string{`ALTER TABLE orders ADD INDEX (n)`, fill, `ALTER TABLE orders MODIFY n INT NOT NULL FIRST`}},
		{"MINIMAL", numbers, nil, []string{fill, `CREATE TABLE new (n INT, id INT PRIMARY KEY)`, `RENAME TABLE orders TO old, new TO orders`}},
		{"FULL", `CREATE TABLE orders (id ENUM('a', 'b'), n INT, PRIMARY KEY (id, n))`, nil,
			[]string{`INSERT INTO orders WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x WHERE n < 1000) SELECT 'b', n FROM x`, `ALTER TABLE orders MODIFY id ENUM('b', 'a')`}},
	} {
		testkit.Exec(t, server.Open(t, ""), `SET GLOBAL binlog_row_metadata = '`+c.metadata+`'`)
		p := newPlace(t, server, []string{"orders"}, c.create)
		s, _ := p.source()
		p.exec(c.before...)
		p.record(s)
		p.exec(c.then...)
		if wrong := p.once(s); len(wrong) > 0 {
			t.Errorf("%s: %d rows are recorded that nobody wrote, as %s", c.then, len(wrong), wrong[0].Row.Key)
		}
		_ = s.Close()
		s, _ = p.source()
		missed, _, stop := p.watch(s)
		p.misses(missed, func() error {
			p.want("recorded after "+c.then[0], p.record(s), "")
			return nil
		})
		stop()
		_ = s.Close()
	}
}
