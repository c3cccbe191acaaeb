package sql_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/destination/sql"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// BenchmarkPostgreSQL writes batches of new rows of about 200 bytes to a table.
func BenchmarkPostgreSQL(b *testing.B) {
	server := testkit.Postgres(b)
	name := server.Schema(b, "CREATE TABLE g (id BIGINT PRIMARY KEY, name TEXT, price NUMERIC(10,2), at TIMESTAMP, note TEXT)")
	d, err := sql.Open(sqldb.Config{Driver: "postgres", Host: server.Host, Port: server.Port, User: server.User, Database: name})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	table := d.Table(sql.Leg{Table: "g", Key: []string{"id"}})
	id := 0
	for b.Loop() {
		batch := &job.Batch{}
		for range 1000 {
			id++
			batch.Operations = append(batch.Operations, job.Operation{Kind: job.Insert, Data: fmt.Appendf(nil,
				`{"id":%d,"name":"name %d","price":"%d.50","at":"2024-01-02T03:04:05.006Z","note":"a note that is as long as such notes are, so that a row has about two hundred bytes in all"}`, id, id, id)})
		}
		if _, err := table.Send(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
