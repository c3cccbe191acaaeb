package fliplet_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/destination/contract"
	"github.com/mysql-sync/mysql-sync/pkg/destination/fliplet"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestFlipletKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract.Run(t, func(tb testkit.TB) *contract.World {
		service := standin.NewFliplet("eu--1", 123)
		tb.Cleanup(service.Close)
		return &contract.World{
			Open: func(tb testkit.TB, r remote.Config) job.Destination {
				tb.Helper()
				config := fliplet.Config{Token: "eu--1", BaseURL: service.URL}
				client, err := remote.New(config.Remote(r))
				if err != nil {
					tb.Fatalf("%v", err)
				}
				d, err := config.New(client, fliplet.Leg{DataSource: 123}, []string{"id"})
				if err != nil {
					tb.Fatalf("%v", err)
				}
				return d
			},
			Has: func(testkit.TB) (list []string) {
				for _, e := range service.Entries(123) {
					list = append(list, string(e.Data))
				}
				return list
			},
			Peer: service,
		}
	})
}
