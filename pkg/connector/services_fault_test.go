package connector_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// endpoint is a service that receives 30 orders, as a job names it.
type endpoint struct {
	destination, to block
	fail            func(standin.Fault)
	carry           http.HandlerFunc
	requests        func() []standin.Request
	rows            func() int // in it now
	taken           func() int // rows and events that it has accepted, without the repetitions that it recognises
}

// endpoints are the HTTP services that cannot be read in each run.
func endpoints(t *testing.T) map[string]endpoint {
	t.Helper()
	sheets := standin.NewAirtable("pat-1", "appX")
	sheets.Table("Orders", map[string]string{"id": standin.AirtableNumber, "name": standin.AirtableText, "amount": standin.AirtableNumber})
	hook, row, flow := standin.NewReceiver("s"), standin.NewReceiver("s"), standin.NewSync("entities", "sk_1")
	for _, s := range []interface{ Close() }{sheets, hook, row, flow} {
		t.Cleanup(s.Close)
	}
	events := func() int { return len(flow.Events()) }
	records := func() int { return len(sheets.Records("Orders")) }
	return map[string]endpoint{
		"airtable": {
			block{"type": "airtable", "token": "pat-1", "base": "appX", "baseURL": sheets.URL}, block{"table": "Orders"},
			sheets.Fail, sheets.Carry, sheets.Requests, records, records,
		},
		"webhook": {
			block{"type": "webhook", "url": hook.URL, "secret": "s"}, block{"send": "batch", "batch": 10},
			hook.Fail, hook.Carry, hook.Requests, func() int { return len(hook.Rows()) }, hook.Events,
		},
		"webhook, row by row": {
			block{"type": "webhook", "url": row.URL, "secret": "s"}, block{"concurrency": 4},
			row.Fail, row.Carry, row.Requests, func() int { return len(row.Rows()) }, row.Events,
		},
		"openfn": {
			block{"type": "openfn", "url": flow.URL, "auth": block{"apiKey": "sk_1"}}, block{"batch": 10},
			flow.Fail, flow.Carry, flow.Requests, events, events,
		},
	}
}

// orders is a job that sends 30 orders to an endpoint.
func orders(t *testing.T, e endpoint) block {
	t.Helper()
	db, source := shop(t)
	var values []string
	for i := range 30 {
		values = append(values, fmt.Sprintf("(%d, 'n', %d)", i, i))
	}
	testkit.Exec(t, db, "INSERT INTO orders VALUES "+strings.Join(values, ", "))
	e.to["destination"] = "there"
	return block{
		"sources": block{"shop": source}, "destinations": block{"there": e.destination},
		"jobs": block{"orders": block{"from": block{"source": "shop", "table": "orders", "key": "id"}, "to": e.to}},
	}
}

// Promise 2: a run is stopped after a batch has arrived and before its answer has; another
// process continues.
func TestServicesRecognizeResends(t *testing.T) {
	t.Parallel()
	for name, e := range endpoints(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := orders(t, e)
			state := filepath.Join(t.TempDir(), "connector.db")
			ctx, stop := context.WithCancel(t.Context())
			var before atomic.Int32
			e.fail(func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Method == http.MethodGet || before.Add(1) != 2 {
					return false
				}
				e.carry(w, r)
				stop()
				panic(http.ErrAbortHandler)
			})
			_ = runsIn(t, ctx, state, c, nil) // it was stopped
			if n := e.rows(); n == 0 || n == 30 {
				t.Fatalf("%d rows had arrived before the stop", n)
			}
			e.fail(nil)
			if err := runs(t, state, c); err != nil || e.rows() != 30 || e.taken() != 30 {
				t.Errorf("%d rows have arrived, %d were accepted, %v", e.rows(), e.taken(), err)
			}
			n := len(e.requests())
			if err := runs(t, state, c); err != nil || writes(e.requests()[n:]) != 0 {
				t.Errorf("%d requests although nothing has changed, %v", writes(e.requests()[n:]), err)
			}
		})
	}
}

// Promise 4.
func TestADryRunSendsNothingToAnyService(t *testing.T) {
	t.Parallel()
	for name, e := range endpoints(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told atomic.Int32
			err := runsIn(t, t.Context(), filepath.Join(t.TempDir(), "connector.db"), orders(t, e), func(remote.Sent) { told.Add(1) })
			if err != nil || told.Load() == 0 || writes(e.requests()) != 0 || e.rows() != 0 {
				t.Errorf("the dry run printed %d requests and sent %d, %v", told.Load(), writes(e.requests()), err)
			}
		})
	}
}

// writes counts requests that write.
func writes(list []standin.Request) (n int) {
	for _, r := range list {
		if r.Method != http.MethodGet {
			n++
		}
	}
	return n
}
