package adapter_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/adapter"
	"github.com/mysql-sync/mysql-sync/pkg/destination/contract"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

func TestMain(m *testing.M) {
	transform.Main() // returns, unless this is an adapter's process
	m.Run()
}

// pushes are the ways in which an adapter may push: all rows in one request, or each in its own.
var pushes = map[string]string{
	"batch": `exports.push = (batch, {rest, id}) =>
  rest.post('/in', {events: batch.map(o => ({...o, id: o.event}))}, {headers: {'Idempotency-Key': id}})`,
	"rows": `exports.push = async (batch, {rest, reject}) => {
  for (const o of batch) {
    const event = {...o, id: o.event}, config = {headers: {'Idempotency-Key': o.event}}
    try {
      await (o.kind === 'delete' ? rest.request('/in', {...config, method: 'delete', data: event}) : rest.post('/in', event, config))
    } catch (e) {
      if (e.response?.status !== 422) throw e
      reject(o, e)
    }
  }
}`,
}

func TestD02AnAdapterKeepsTheContract(t *testing.T) {
	t.Parallel()
	for name, text := range pushes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.Run(t, func(tb testkit.TB) *contract.World {
				s := standin.NewReceiver("")
				tb.Cleanup(s.Close)
				file := write(tb, text)
				return &contract.World{
					Open: func(tb testkit.TB, r remote.Config) job.Destination {
						a := opened(tb, file, adapter.Config{URL: s.URL}, r)
						d, err := a.Destination("orders", adapter.Options{}, []string{"id"})
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
