package metrics_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/metrics"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// full is a state that has everything.
func full() *status.State {
	now := time.UnixMilli(1_700_000_000_500)
	return &status.State{
		Client: "berlin", Version: "1.2.3", Started: now, Now: now, LogLevel: "info", Database: status.Link{Online: true},
		Remotes:      []status.Remote{{Name: "hamburg", Online: true, Heard: &now, Pending: status.Count{Rows: 12}, Errors: 3, Lag: 4.5, InFlight: 5, Messages: status.Messages{Sent: 6, Received: 7, Unanswered: 1, Unopened: 12}}},
		Tables:       []status.Table{{Name: "orders", Conflicts: 2}},
		Streams:      []status.Stream{{Table: "orders", Remote: "hamburg", Sent: status.Rate{Rows: 8}, Received: status.Rate{Rows: 9}, Refused: 10, Rejected: 11}},
		Transfers:    []status.Transfer{{Table: "orders", Remote: "hamburg", Done: 1, Total: 2}, {Table: "items", Remote: "hamburg", Finished: &now}},
		Transformers: []status.Transformer{{Table: "orders", Calls: 4, Errors: 1}},
		Verified:     []status.Comparison{{Table: "orders", Remote: "hamburg", At: now, Differs: 2}, {Table: "items", Remote: "hamburg", Error: "away"}},
		Problems:     []string{"a", "b"},
		Pauses:       []status.Pause{{Remote: "hamburg"}},
		Fleet:        true,
		Led:          &lead.Standing{Version: 1_764_335_000, Refused: "no table"},
		Leads:        []lead.Profile{{Name: "store", Version: 7, Sites: []lead.Report{{Site: "store-1", Version: 7}, {Site: "store-2", Version: 6, Refused: "no table"}}}},
	}
}

// node is a node whose state never changes.
type node struct{ s *status.State }

func (n node) State(context.Context) (*status.State, error) { return n.s, nil }

func (n node) Fleet(context.Context) (*fleet.Fleet, error) {
	now := time.UnixMilli(1_700_000_000_500)
	told := &fleet.Told{At: now, Clock: -2.5, Summary: wire.Summary{Database: wire.SummaryLink{Online: true}, Rows: wire.SummaryRows{Pending: 21}, FreeDisk: 22, Problems: []string{"a"}, More: 3}}
	return &fleet.Fleet{Sites: []*fleet.Site{{Name: "store-1", Online: true, Refused: 23, Lag: 24.5, Told: told}, {Name: "store-2"}}}, nil
}

func TestMetricsFollowPrometheusConventions(t *testing.T) {
	t.Parallel()
	wrong, err := testutil.GatherAndLint(metrics.New(node{full()}).Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Errorf("%s: %s", w.Metric, w.Text)
	}
}

// Every documented metric is exported, with its type and labels, and vice versa.
func TestDocumentedMetricsAreExported(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, line := range regexp.MustCompile("(?m)^\\| `(mysql_sync_[a-z_]+)` \\| ([a-z]+) \\| ([^|]*)\\|").FindAllStringSubmatch(string(text), -1) {
		labels := strings.Split(strings.Trim(strings.ReplaceAll(line[3], "`", ""), " "), ", ")
		slices.Sort(labels)
		documented[line[1]] = line[2] + " " + strings.Join(labels, ",")
	}
	families, err := metrics.New(node{full()}).Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	answered := 0
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "mysql_sync_") {
			continue
		}
		answered++
		labels := []string{}
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		if got := strings.ToLower(f.GetType().String()) + " " + strings.Join(labels, ","); documented[f.GetName()] != got {
			t.Errorf("%s is exported as %q and documented as %q", f.GetName(), got, documented[f.GetName()])
		}
	}
	if answered != len(documented) || answered < 25 {
		t.Errorf("%d metrics are exported and %d documented", answered, len(documented))
	}
}

func TestValuesComeFromTheState(t *testing.T) {
	t.Parallel()
	m := metrics.New(node{full()})
	m.Applied(30 * time.Millisecond)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	for _, line := range []string{
		`mysql_sync_start_timestamp_seconds 1.7000000005e+09`,
		`mysql_sync_database_connected 1`,
		`mysql_sync_broker_connected 0`,
		`mysql_sync_problems 2`,
		`mysql_sync_conflicts_total{table="orders"} 2`,
		`mysql_sync_transformer_errors_total{table="orders"} 1`,
		`mysql_sync_pending_rows{remote="hamburg"} 12`,
		`mysql_sync_refused_rows{remote="hamburg"} 3`,
		`mysql_sync_lag_seconds{remote="hamburg"} 4.5`,
		`mysql_sync_in_flight_rows{remote="hamburg"} 5`,
		`mysql_sync_batches_sent_total{remote="hamburg"} 6`,
		`mysql_sync_batches_received_total{remote="hamburg"} 7`,
		`mysql_sync_batches_unanswered_total{remote="hamburg"} 1`,
		`mysql_sync_messages_unopened_total{remote="hamburg"} 12`,
		`mysql_sync_rows_sent_total{remote="hamburg",table="orders"} 8`,
		`mysql_sync_rows_applied_total{remote="hamburg",table="orders"} 9`,
		`mysql_sync_rows_refused_total{remote="hamburg",table="orders"} 10`,
		`mysql_sync_rows_rejected_total{remote="hamburg",table="orders"} 11`,
		`mysql_sync_transfer_rows{remote="hamburg",table="orders"} 2`,
		`mysql_sync_differing_rows{remote="hamburg",table="orders"} 2`,
		`mysql_sync_apply_duration_seconds_count 1`,
		`mysql_sync_site_online{site="store-1"} 1`,
		`mysql_sync_site_online{site="store-2"} 0`,
		`mysql_sync_site_told_timestamp_seconds{site="store-1"} 1.7000000005e+09`,
		`mysql_sync_site_database_connected{site="store-1"} 1`,
		`mysql_sync_site_problems{site="store-1"} 4`,
		`mysql_sync_site_refused_rows{site="store-1"} 23`,
		`mysql_sync_site_pending_rows{site="store-1"} 21`,
		`mysql_sync_site_lag_seconds{site="store-1"} 24.5`,
		`mysql_sync_site_clock_offset_seconds{site="store-1"} -2.5`,
		`mysql_sync_site_free_disk_bytes{site="store-1"} 22`,
		`mysql_sync_apply_duration_seconds_sum 0.03`,
	} {
		if !strings.Contains(w.Body.String(), "\n"+line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
	if strings.Contains(w.Body.String(), `table="items"`) {
		t.Error("a finished transfer, or a comparison that was not made, is shown")
	}
	if t.Failed() {
		t.Log(w.Body.String())
	}
}

// stopping is a node that cannot report its state.
type stopping struct{}

func (stopping) State(context.Context) (*status.State, error) {
	return nil, errors.New("the node stops")
}

func (stopping) Fleet(context.Context) (*fleet.Fleet, error) { return nil, errors.New("unasked") }

func TestAnUnknownStateIsAnError(t *testing.T) {
	t.Parallel()
	m := metrics.New(stopping{})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if w.Code != 500 || !strings.Contains(w.Body.String(), "the node stops") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
