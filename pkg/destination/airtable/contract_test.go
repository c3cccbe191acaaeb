package airtable_test

import (
	"encoding/json"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/destination/airtable"
	"github.com/mysql-sync/mysql-sync/pkg/destination/contract"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestR02AirtableKeepsTheContract(t *testing.T) {
	t.Parallel()
	for name, readBack := range map[string]bool{"sent": false, "read back": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Run(t, func(tb testkit.TB) *contract.World { return world(tb, readBack) })
		})
	}
}

// world is a table of a base.
func world(tb testkit.TB, readBack bool) *contract.World {
	a := standin.NewAirtable("pat-1", "appX")
	tb.Cleanup(a.Close)
	a.Table("Orders", map[string]string{"id": standin.AirtableNumber, "v": standin.AirtableNumber})
	return &contract.World{
		Open: func(tb testkit.TB, r remote.Config) job.Destination {
			tb.Helper()
			client, err := remote.New(airtable.Config{Token: "pat-1", Base: "appX", BaseURL: a.URL}.Remote(r))
			if err != nil {
				tb.Fatalf("%v", err)
			}
			d, err := airtable.New(client, airtable.Leg{Table: "Orders"}, []string{"id"})
			if err != nil {
				tb.Fatalf("%v", err)
			}
			if readBack {
				return airtable.Compared{Destination: d}
			}
			return d
		},
		Has: func(tb testkit.TB) (list []string) {
			tb.Helper()
			for _, r := range a.Records("Orders") {
				text, err := json.Marshal(r.Fields)
				if err != nil {
					tb.Fatalf("%v", err)
				}
				list = append(list, string(text))
			}
			return list
		},
		Peer:  a,
		Limit: func() { a.PerSecond = 5 },
	}
}
