package ordeal

import (
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Ordeal is a destination, and what happens while the connector writes to it.
type Ordeal struct {
	Name   string // of the destination, and of the fault
	Does   string // what is repeated
	Brief  bool   // part of the short form too
	faults faults
	open   func(testkit.TB) *place
}

// faults are what happens besides the kills.
type faults struct {
	answers bool // the service answers badly
	cuts    bool // the connections to the databases are cut
	clock   bool // the connector's clock jumps by hours
}

const kills = "kill -9 the connector"

// All lists the ordeals, in the order of the table.
var All = []Ordeal{
	{Name: "Fliplet", Brief: true, Does: kills, open: flipletPlace},
	{Name: "Airtable", Brief: true, Does: kills, open: airtablePlace},
	{Name: "OpenFn", Brief: true, Does: kills, open: syncPlace("openfn", "entities")},
	{Name: "mock sync server", Brief: true, Does: kills, open: syncPlace("mock-sync-server", "data")},
	{Name: "webhook", Brief: true, Does: kills, open: webhookPlace("row")},
	{Name: "webhook, batches", Brief: true, Does: kills, open: webhookPlace("batch")},
	{Name: "MongoDB", Brief: true, Does: kills, open: mongoPlace},
	{Name: "MariaDB", Brief: true, Does: kills, open: mysqlPlace},
	{Name: "PostgreSQL", Brief: true, Does: kills, open: postgresPlace},
	{Name: "SQLite", Brief: true, Does: kills, open: sqlitePlace},
	{Name: "Fliplet, bad answers", Brief: true, Does: badly, faults: faults{answers: true}, open: flipletPlace},
	{Name: "Airtable, bad answers", Does: badly, faults: faults{answers: true}, open: airtablePlace},
	{Name: "OpenFn, bad answers", Brief: true, Does: badly, faults: faults{answers: true}, open: syncPlace("openfn", "entities")},
	{Name: "webhook, bad answers", Does: badly, faults: faults{answers: true}, open: webhookPlace("batch")},
	{Name: "PostgreSQL, cuts", Brief: true, Does: cuts, faults: faults{cuts: true}, open: postgresPlace},
	{Name: "MariaDB, cuts", Does: cuts, faults: faults{cuts: true}, open: mysqlPlace},
	{Name: "Airtable, clock", Does: moved, faults: faults{clock: true}, open: airtablePlace},
	{Name: "OpenFn, clock", Does: moved, faults: faults{clock: true}, open: syncPlace("openfn", "entities")},
}

const (
	badly = kills + "; a third of the requests get 429, 500, nothing, half a body or 413, and one of ten rows gets 422"
	cuts  = kills + "; cut its connections to the source and the destination"
	moved = kills + "; move its clock by up to a day, forth and back"
)

// Heading is the heading of the table of results.
const Heading = `| destination | what is done repeatedly | kills | changes | rows | in doubt | arrived twice | lost | twice without doubt | equal | until equal |
|---|---|--:|--:|--:|--:|--:|--:|--:|---|--:|`

// Result is the outcome of an ordeal.
type Result struct {
	Ordeal  *Ordeal
	Seed    uint64
	Kills   int
	Changes int           // row states committed at the source
	Rows    int           // at the end
	Doubts  int           // states whose answer was unknown at a kill
	Again   int           // states that arrived a second time
	Lost    []string      // rows of the source that the destination lacks, or has in an older state
	Twice   []string      // rows that are there twice, or should not be there, or arrived twice without having been in doubt
	Took    time.Duration // from the last kill until both sides were equal
	Err     error         // it did not finish
}

// Good reports whether it ended as it must.
func (r *Result) Good() bool { return r.Err == nil && len(r.Lost)+len(r.Twice) == 0 }

// Row is the result as a row of the table.
func (r *Result) Row() string {
	equal := "no"
	if r.Good() {
		equal = "yes"
	}
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %d | %d | %d | %s | %.1f s |", r.Ordeal.Name, r.Ordeal.Does, r.Kills, r.Changes, r.Rows, r.Doubts,
		r.Again, len(r.Lost), len(r.Twice), equal, r.Took.Seconds())
}
