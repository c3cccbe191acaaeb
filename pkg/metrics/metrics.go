// Package metrics exports what a node tells about itself (status.State) to Prometheus.
//
// docs/metrics.md lists the names; a test compares the list with what is served. It keeps promise
// 10: labels take their values from the node's configuration, so that no one can create series by
// sending messages. Counting is package status's business.
package metrics

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

const (
	scrapeTime  = 5 * time.Second // to find out how the node is
	scrapesMost = 4               // at once
)

// Metrics are those of one node, in a registry of their own. They are safe for
// concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	applied  prometheus.Histogram
	panics   prometheus.Counter
}

// Source tells what is exported.
type Source interface {
	status.Source
	// Fleet returns the node's partners, if the State says that it collects how they are.
	Fleet(ctx context.Context) (*fleet.Fleet, error)
}

// New returns the metrics of a node whose state each scrape asks for.
func New(node Source) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		applied: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mysql_sync_apply_duration_seconds",
			Help:    "Time to write received rows, one observation for rows written together.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 11), // to 9.5 s
		}),
	}
	m.panics = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "mysql_sync_panics_total", Help: "Messages and questions that made the node panic: each is a bug in this program.",
	})
	m.registry.MustRegister(m.applied, m.panics, collector{node}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Applied counts a write of received rows, and how long it took.
func (m *Metrics) Applied(d time.Duration) { m.applied.Observe(d.Seconds()) }

// Panicked counts a message or a question that made the node panic.
func (m *Metrics) Panicked() { m.panics.Inc() }

// Gatherer returns what answers a scrape.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesMost})
}

// collector makes metrics of a node's state.
type collector struct {
	node Source
}

// Describe sends what Collect may.
func (collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range all {
		to <- d.desc
	}
}

// Collect asks for the state and sends what it says.
func (c collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	s, err := c.node.State(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(all[0].desc, err)
		return
	}
	put := func(m metric, value float64, labels ...string) {
		x, err := prometheus.NewConstMetric(m.desc, m.kind, value, labels...)
		if err != nil {
			x = prometheus.NewInvalidMetric(m.desc, err)
		}
		to <- x
	}
	show(s, put)
	if !s.Fleet {
		return
	}
	f, err := c.node.Fleet(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(siteOnline.desc, err)
		return
	}
	for i := range f.Sites {
		showSite(f.Sites[i], put)
	}
}

// showSite calls put with each value that a site of a fleet has.
func showSite(x *fleet.Site, put func(m metric, value float64, labels ...string)) {
	put(siteOnline, truth(x.Online), x.Name)
	put(siteRefused, float64(x.Refused), x.Name)
	put(siteLag, x.Lag, x.Name)
	if x.Told == nil {
		return
	}
	s := &x.Told.Summary
	put(siteTold, seconds(x.Told.At), x.Name)
	put(siteDatabase, truth(s.Database.Online), x.Name)
	put(siteProblems, float64(len(s.Problems)+s.More), x.Name)
	put(sitePending, float64(s.Rows.Pending), x.Name)
	put(siteClock, x.Told.Clock, x.Name)
	if s.FreeDisk >= 0 {
		put(siteDisk, float64(s.FreeDisk), x.Name)
	}
}

// showLed calls put with what concerns led configurations.
func showLed(s *status.State, put func(m metric, value float64, labels ...string)) {
	if l := s.Led; l != nil {
		put(configurationVersion, float64(l.Version))
		put(configurationRefused, truth(l.Refused != ""))
	}
	for i := range s.Leads {
		p := &s.Leads[i]
		for _, r := range p.Sites {
			put(ledLatest, truth(r.Version == p.Due(&r)), p.Name, r.Site)
			put(ledRefused, truth(r.Refused != "" || r.Newer), p.Name, r.Site)
		}
	}
}

// show calls put with each value that a state has.
func show(s *status.State, put func(m metric, value float64, labels ...string)) {
	put(buildInfo, 1, s.Version, runtime.Version())
	put(started, seconds(s.Started))
	put(databaseConnected, truth(s.Database.Online))
	put(brokerConnected, truth(s.Broker.Online))
	put(setBack, truth(s.SetBack != nil))
	put(uncaptured, float64(s.Uncaptured.Rows))
	put(conflictsKept, float64(s.Conflicts.Kept))
	put(longestStep, s.Step.Seconds)
	put(problems, float64(len(s.Problems)))
	showLed(s, put)
	for _, t := range s.Tables {
		put(conflicts, float64(t.Conflicts), t.Name)
		put(altered, float64(t.Altered), t.Name)
	}
	for _, t := range s.Transformers {
		put(transformerCalls, float64(t.Calls), t.Table)
		put(transformerErrors, float64(t.Errors), t.Table)
	}
	for i := range s.Remotes {
		showRemote(&s.Remotes[i], put)
		put(remotePaused, truth(s.Paused(s.Remotes[i].Name)), s.Remotes[i].Name)
	}
	for _, x := range s.Streams {
		put(rowsSent, float64(x.Sent.Rows), x.Remote, x.Table)
		put(rowsRefused, float64(x.Refused), x.Remote, x.Table)
		put(rowsApplied, float64(x.Received.Rows), x.Remote, x.Table)
		put(rowsRejected, float64(x.Rejected), x.Remote, x.Table)
		put(paused, truth(x.Paused), x.Remote, x.Table)
	}
	for _, t := range s.Transfers {
		if t.Finished == nil {
			put(transferRows, float64(t.Total), t.Remote, t.Table)
			put(transferDone, float64(t.Done), t.Remote, t.Table)
		}
	}
	for _, c := range s.Verified {
		if c.Error == "" {
			put(differing, float64(c.Differs), c.Remote, c.Table)
			put(compared, seconds(c.At), c.Remote, c.Table)
		}
	}
}

func showRemote(r *status.Remote, put func(m metric, value float64, labels ...string)) {
	put(remoteOnline, truth(r.Online), r.Name)
	if r.Heard != nil {
		put(remoteHeard, seconds(*r.Heard), r.Name)
	}
	put(pending, float64(r.Pending.Rows), r.Name)
	put(refused, float64(r.Errors), r.Name)
	put(lag, r.Lag, r.Name)
	put(neverSent, float64(r.NeverSent), r.Name)
	put(inFlight, float64(r.InFlight), r.Name)
	put(messagesSent, float64(r.Messages.Sent), r.Name)
	put(messagesReceived, float64(r.Messages.Received), r.Name)
	put(messagesUnanswered, float64(r.Messages.Unanswered), r.Name)
	put(unopened, float64(r.Messages.Unopened), r.Name)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// seconds is a time in seconds since 1970.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
