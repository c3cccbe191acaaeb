package api

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapeTime bounds how long the state may take to be read for a scrape.
const scrapeTime = 10 * time.Second

// collector reads a connector's state at each scrape.
type collector struct{ Connector }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("mysql_sync_connector_"+name, help, labels, nil)
}

var (
	upDesc       = describe("up", "1 if the state can be read")
	pausedDesc   = describe("job_paused", "1 if the job is paused", "job")
	runningDesc  = describe("job_running", "1 if a run of the job is under way", "job")
	nextDesc     = describe("job_next_run_timestamp_seconds", "when the job runs next", "job")
	lastDesc     = describe("last_run_timestamp_seconds", "when the last run of the job began", "job")
	durationDesc = describe("last_run_duration_seconds", "how long the last run of the job took", "job")
	successDesc  = describe("last_run_success", "1 if the last run of the job ended well", "job")
	rowsDesc     = describe("last_run_rows", "rows of the last run of the job: read, sent, deleted, unchanged or refused", "job", "what")
	knownDesc    = describe("rows", "rows that the destination is known to have", "job", "destination")
	waitingDesc  = describe("waiting_rows", "rows that wait to be sent", "job", "destination")
	refusedDesc  = describe("refused_rows", "rows that the destination would not take", "job", "destination")
	runsDesc     = describe("runs_total", "runs since the start, by how they ended", "job", "state")
	alertsDesc   = describe("open_alerts", "alerts that are open, by their rule", "rule")
	secondsDesc  = describe("run_seconds_total", "how long runs took since the start", "job")
)

// rules are those of alerts.
var rules = []string{"failed", "noSuccess", "refused", "guard", "backup"}

// Describe sends the descriptions.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{upDesc, pausedDesc, runningDesc, nextDesc, lastDesc, durationDesc, successDesc, rowsDesc, knownDesc, waitingDesc, refusedDesc, runsDesc, alertsDesc, secondsDesc} {
		ch <- d
	}
}

// Collect sends the values.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	s, err := c.Status(ctx)
	gauge(upDesc, truth(err == nil))
	if err != nil {
		return
	}
	open := map[string]int{}
	for _, a := range s.Alerts {
		open[a.Rule]++
	}
	for _, rule := range rules {
		gauge(alertsDesc, float64(open[rule]), rule)
	}
	for i := range s.Jobs {
		j := &s.Jobs[i]
		gauge(pausedDesc, truth(j.Paused != nil), j.Name)
		gauge(runningDesc, truth(j.Running), j.Name)
		if j.Next != nil {
			gauge(nextDesc, seconds(*j.Next), j.Name)
		}
		for state, n := range j.Ended.Runs {
			ch <- prometheus.MustNewConstMetric(runsDesc, prometheus.CounterValue, float64(n), j.Name, state)
		}
		ch <- prometheus.MustNewConstMetric(secondsDesc, prometheus.CounterValue, j.Ended.Seconds, j.Name)
		for _, l := range j.Legs {
			gauge(knownDesc, float64(l.Known), j.Name, l.Destination)
			gauge(waitingDesc, float64(l.Waiting), j.Name, l.Destination)
			gauge(refusedDesc, float64(l.Refused), j.Name, l.Destination)
		}
		if l := j.Last; l != nil {
			gauge(lastDesc, seconds(l.Started), j.Name)
			if l.Ended != nil {
				gauge(durationDesc, l.Ended.Sub(l.Started).Seconds(), j.Name)
				gauge(successDesc, truth(l.State == "done"), j.Name)
			}
			for what, n := range map[string]int{"read": l.Read, "sent": l.Sent, "deleted": l.Deleted, "unchanged": l.Unchanged, "refused": l.Counts.Refused} {
				gauge(rowsDesc, float64(n), j.Name, what)
			}
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// Metrics returns the handler of GET /metrics.
func Metrics(c Connector) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{c}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: scrapeTime})
}
