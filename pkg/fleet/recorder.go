package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/history"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// When the history is written.
const (
	sampleEvery = time.Minute
	syncEvery   = 5 * time.Minute
	tidyEvery   = 24 * time.Hour
	reunion     = time.Minute // after a connection, until all that are online have been heard
)

// History is the answer of GET /api/history: how a site was, the oldest records first.
type History struct {
	Client string           `json:"client"` // who recorded it
	Site   string           `json:"site"`
	Now    time.Time        `json:"now"`
	Day    []history.Record `json:"day"`            // every five minutes of the last day
	Month  []history.Record `json:"month"`          // every hour of the last 30 days
	Away   *history.Away    `json:"away,omitempty"` // when it was last offline; omitted: not in the last 30 days, or it is the node itself
}

// ReadHistory returns what a node's file in its queueDirectory says about a site; "" is the node itself. The node may be stopped.
// The error is history.ErrNone if nothing was recorded.
func ReadHistory(directory, client, site string, now time.Time) (*History, error) {
	if site == "" {
		site = client
	}
	h := &History{Client: client, Site: site, Now: now.UTC()}
	var err error
	if h.Day, h.Month, err = history.Read(history.Path(directory, client), client, site, now); err != nil {
		return nil, err
	}
	if site != client {
		h.Away = history.LastAway(h.Day, h.Month, now.UTC())
	}
	return h, nil
}

// History returns how a site was; "" is the node itself. It is empty as long as nothing has been recorded of a site that will be.
func (m *Member) History(_ context.Context, site string) (*History, error) {
	now := m.c.Now()
	h, err := ReadHistory(m.cfg.QueueDirectory, m.cfg.ClientName, site, now)
	switch {
	case !errors.Is(err, history.ErrNone):
	case site == "" || site == m.cfg.ClientName || m.sites[site] != nil:
		return &History{Client: m.cfg.ClientName, Site: cmp.Or(site, m.cfg.ClientName), Now: now.UTC(), Day: []history.Record{}, Month: []history.Record{}}, nil
	default:
		err = status.Kind(status.ErrNotFound, fmt.Errorf("no history of %.64q: %w", site, err))
	}
	return h, err
}

// record records the node's history, and that of the sites it collects from, until ctx ends. A node without room for it works
// all the same.
func (m *Member) record(ctx context.Context) error {
	r := recorder{m: m, before: map[string]passed{}}
	defer r.close()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.tell(r.once(ctx))
		case <-ctx.Done():
			return nil
		}
	}
}

// recorder writes the history.
type recorder struct {
	m      *Member
	file   *history.File // nil: not open
	synced time.Time
	tidied time.Time
	before map[string]passed
	failed bool
}

// passed is how many rows had gone by since the node's start.
type passed struct{ sent, received int64 }

// once records one sample of each site.
func (r *recorder) once(ctx context.Context) error {
	s, err := r.m.state(ctx)
	if err != nil {
		return nil //nolint:nilerr // there is nothing to record: the node says so itself
	}
	if r.file == nil {
		if err := r.open(); err != nil {
			return err
		}
	}
	now := r.m.c.Now()
	for site, x := range r.samples(s, FreeDisk(r.m.cfg.QueueDirectory)) {
		if err := r.file.Add(site, now, x); err != nil {
			return err
		}
	}
	if now.Sub(r.tidied).Abs() >= tidyEvery {
		r.tidied = now
		if err := r.file.Tidy(func(site string) bool { return r.m.sites[site] != nil }, now); err != nil {
			return err
		}
	}
	if now.Sub(r.synced).Abs() >= syncEvery {
		r.synced = now
		return r.file.Sync()
	}
	return nil
}

func (r *recorder) open() error {
	f, aside, damaged, err := history.Open(history.Path(r.m.cfg.QueueDirectory, r.m.cfg.ClientName), r.m.cfg.ClientName)
	if err != nil {
		return err
	}
	if aside != "" {
		r.m.log.Warn("the history cannot be read; it begins anew", zap.String("setAside", aside))
	}
	if damaged > 0 {
		r.m.log.Warn("parts of the history are damaged; they begin anew", zap.Int("sites", damaged))
	}
	r.file = f
	return nil
}

// tell says that the history cannot be written, once.
func (r *recorder) tell(err error) {
	switch {
	case err == nil:
		r.failed = false
		return
	case !r.failed:
		r.m.log.Warn("could not write the history; trying again every minute", zap.Error(err))
	}
	r.failed = true
	r.close()
}

func (r *recorder) close() {
	if r.file != nil {
		_ = r.file.Close()
	}
	r.file = nil
}

// samples returns how the sites are now, by name. While the node does not reach the broker, nobody knows how the others are.
func (r *recorder) samples(s *status.State, free int64) map[string]history.Sample {
	f := r.m.Look(s, free)
	list := make(map[string]history.Sample, len(f.Sites))
	var all passed
	since := map[string]passed{}
	for i := range s.Remotes {
		p := passed{s.Remotes[i].Sent.Rows, s.Remotes[i].Received.Rows}
		since[s.Remotes[i].Name] = r.since(s.Remotes[i].Name, p)
		all.sent, all.received = all.sent+p.sent, all.received+p.received
	}
	since[s.Client] = r.since(s.Client, all)
	for _, x := range f.Sites {
		if x.Own || s.Broker.Online && s.Now.Sub(s.Broker.Since) >= reunion {
			list[x.Name] = sampleOf(x, since[x.Name])
		}
	}
	return list
}

// since returns how much has gone by since the previous sample, and remembers this one.
func (r *recorder) since(site string, p passed) passed {
	b := r.before[site]
	r.before[site] = p
	return passed{max(0, p.sent-b.sent), max(0, p.received-b.received)}
}

// sampleOf returns how a site is.
func sampleOf(x *Site, p passed) history.Sample {
	h := history.Sample{Offline: !x.Online, Sent: p.sent, Received: p.received, ForIt: x.Here.Pending.Rows, Waits: int64(x.Lag), Refused: x.Here.Refused, FreeDisk: -1}
	if x.Told == nil || !x.Online {
		return h
	}
	t := &x.Told.Summary
	h.Pending, h.Refused, h.Conflicts, h.Uncaptured = t.Rows.Pending, x.Refused, t.Rows.Conflicts, t.Rows.Uncaptured
	h.Online, h.Remotes, h.FreeDisk = int64(t.Remotes.Online), int64(t.Remotes.Total), t.FreeDisk
	return h
}
