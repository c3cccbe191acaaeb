package openfn_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/destination/contract"
	"github.com/mysql-sync/mysql-sync/pkg/destination/openfn"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestD04OpenFnAndTheMockKeepTheContract(t *testing.T) {
	t.Parallel()
	for kind, events := range map[string]string{"openfn": "entities", "mock-sync-server": "data"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			contract.Run(t, func(tb testkit.TB) *contract.World {
				s := standin.NewSync(events, "sk_1")
				tb.Cleanup(s.Close)
				return &contract.World{
					Open: func(tb testkit.TB, r remote.Config) job.Destination {
						tb.Helper()
						r, err := openfn.Config{Type: kind, URL: s.URL, Auth: remote.Credentials{APIKey: "sk_1"}}.Remote(r)
						if err != nil {
							tb.Fatalf("%v", err)
						}
						client, err := remote.New(r)
						if err != nil {
							tb.Fatalf("%v", err)
						}
						return openfn.New(client, kind, openfn.Leg{}, []string{"id"})
					},
					Has:  func(testkit.TB) []string { return last(s.Events()) },
					Peer: s,
				}
			})
		})
	}
}

// last returns the rows that remain after all events.
func last(events []standin.SyncEvent) []string {
	rows := map[string]string{}
	for _, e := range events {
		rows[e.EntityGUID] = string(e.Data)
		if e.Type == "delete" {
			delete(rows, e.EntityGUID)
		}
	}
	return slices.Collect(maps.Values(rows))
}
