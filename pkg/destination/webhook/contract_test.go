package webhook

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/destination/contract"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestAWebhookKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"row", "batch"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			contract.Run(t, func(tb testkit.TB) *contract.World {
				s := standin.NewReceiver("signing-secret")
				tb.Cleanup(s.Close)
				return &contract.World{
					Open: func(tb testkit.TB, r remote.Config) job.Destination {
						tb.Helper()
						r, err := Config{URL: s.URL, Secret: s.Secret}.Remote(r)
						if err != nil {
							tb.Fatalf("%v", err)
						}
						client, err := remote.New(r)
						if err != nil {
							tb.Fatalf("%v", err)
						}
						d, err := New(client, s.Secret, Leg{Method: http.MethodPost, Send: how, Body: "event"}, []string{"id"})
						if err != nil {
							tb.Fatalf("%v", err)
						}
						return d
					},
					Has:  func(testkit.TB) []string { return slices.Collect(maps.Values(s.Rows())) },
					Peer: s,
				}
			})
		})
	}
}
