package connector

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/alert"
	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/backup"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// Options say how to run a connector, apart from its plan.
type Options struct {
	Log     *zap.Logger
	Version string
	File    string // the path of the configuration, which a Service reads and forms edit
	State   string // the path of the state file
	// Test makes a dry run of each job: nothing is written anywhere, and the state is
	// a copy.
	Test bool
	// Once runs each job once, ignoring its schedule.
	Once bool
	// Only is the one job to run, once, as Order says; "": all jobs.
	Only  string
	Order api.Order
	// Sent is called with what a dry run would have sent; may be nil.
	Sent func(remote.Sent)
	// Approve lets runs delete more than their guards allow.
	Approve bool
	// Pause is approximately how long a failed request waits before it is retried; 0: 1 s.
	Pause time.Duration
	// Minute is how often the published tables are updated; 0: each minute.
	Minute time.Duration

	service *Service // which reloads it; nil: it cannot be reloaded
	fallen  string   // why a newer configuration was given up; "": none was
}

// Connector executes a plan. Its Run is called once.
type Connector struct {
	plan      *plan.Plan
	options   Options
	log       *zap.Logger
	jobs      []*scheduled
	bounds    bounds
	backups   *backup.Backups // nil: there are none
	alerts    *alert.Alerts
	published *publishing    // nil: nothing is
	state     *ledger.Ledger // from Run on
	began     time.Time      // when Run began
	*Desk                    // likewise
	working   chan struct{}  // closed once nothing can keep it from starting
	feeds     []feed
	close     []func() error
}

// New makes everything that a plan needs, or returns everything that is wrong with it. It connects to nothing and
// writes nothing.
func New(p *plan.Plan, o Options) (*Connector, error) {
	o.Test = o.Test || p.Test
	c := &Connector{plan: p, options: o, log: o.Log, bounds: newBounds(), working: make(chan struct{})}
	var mistakes keys.Mistakes
	wrong := func(key string, err error) { mistakes = append(mistakes, p.Mistake(key, err)) }
	sources := map[string]origin{}
	for _, name := range slices.Sorted(maps.Keys(p.Sources)) {
		a := p.Sources[name]
		if a.Wrong {
			continue
		}
		a.Name = name
		s, err := c.source(a)
		if list, ok := errors.AsType[keys.Mistakes](err); ok {
			for _, m := range list {
				wrong(keys.Join("sources."+name, m.Key), errors.New(m.Text))
			}
			continue
		}
		if err != nil {
			wrong("sources."+name, err)
			continue
		}
		sources[name] = s
	}
	accounts := map[string]account{}
	for _, name := range slices.Sorted(maps.Keys(p.Destinations)) {
		if p.Destinations[name].Wrong {
			continue
		}
		a, err := c.account(p.Destinations[name])
		if err != nil {
			wrong("destinations."+name, err)
			continue
		}
		accounts[name] = a
	}
	all := map[string]*scheduled{}
	for i := range p.Jobs {
		j, list := c.job(&p.Jobs[i], sources, accounts)
		for _, err := range list {
			if !errors.Is(err, errTold) && (o.Only == "" || o.Only == p.Jobs[i].Name) {
				wrong("jobs."+p.Jobs[i].Name, err)
			}
		}
		if len(list) == 0 {
			all[j.Name] = j
		}
	}
	c.together(all)
	var err error
	if c.published, err = c.publishing(accounts); err != nil {
		wrong("publish", err)
	}
	if c.alerts, err = c.alerting(); err != nil {
		wrong("alerts", err)
	}
	if c.backups, err = Backups(p, o.State); err != nil {
		if list, ok := errors.AsType[keys.Mistakes](err); ok {
			mistakes = append(mistakes, list...)
		}
	}
	if o.Only != "" && len(c.jobs)+len(mistakes) == 0 {
		return nil, errors.Join(NewDesk(p, o.State, nil).unknown(o.Only), c.Close())
	}
	if o.Only != "" && len(c.jobs) > 0 && len(mistakes) == 0 {
		if err := c.jobs[0].takes(o.Order, time.Now()); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	if len(mistakes) > 0 {
		if err := c.Close(); err != nil {
			return nil, errors.Join(mistakes, err)
		}
		return nil, mistakes
	}
	return c, nil
}

// Close releases what New has opened, for a connector that will not run.
func (c *Connector) Close() error {
	var list []error
	for _, end := range slices.Backward(c.close) {
		list = append(list, end())
	}
	c.close = nil
	return errors.Join(list...)
}

// errTold is why a job cannot be made if something in the plan is wrong that is reported elsewhere: its source, its destination, or
// its own block.
var errTold = errors.New("it is wrong, which is reported elsewhere")

// job makes one job, or returns all that is wrong with it.
func (c *Connector) job(p *plan.Job, origins map[string]origin, accounts map[string]account) (*scheduled, []error) {
	var wrong []error
	note := func(err error) {
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	source, rows, err := c.reads(p, origins)
	note(err)
	when, err := schedule.Parse(p.Schedule)
	for _, err := range keys.Each(err) {
		note(fmt.Errorf("schedule.%w", err))
	}
	j := &job.Job{Log: c.log.With(zap.String("job", p.Name)), Name: p.Name, Description: p.Description, Source: source, From: rows, Overlap: p.From.Overlap, Guard: p.Guard, Pause: c.options.Pause, Room: c.bounds.room}
	j.EmptyFails = p.Report != nil && p.Report.EmptyIsFailure
	j.Guard.Off = j.Guard.Off || c.options.Approve
	for i := range p.To {
		leg, err := c.leg(p, i, accounts)
		note(err)
		j.Legs = append(j.Legs, leg)
	}
	s := &scheduled{Job: j, when: when, configured: when, catchUp: p.CatchUp, skip: p.Skip, calls: calls{orders: make(chan order), woken: make(chan struct{}, 1)}}
	s.report, err = newReport(p)
	note(err)
	if p.From.Full != "" && rows.Watermark != "" {
		if s.full, err = schedule.Parse(schedule.Entry{Cron: p.From.Full, Zone: p.Schedule.Zone}); err != nil {
			note(fmt.Errorf("from.full: %s", strings.TrimPrefix(err.Error(), "cron: ")))
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	if feed, ok := source.(job.Feed); ok && !when.Timed() && !when.Disabled() {
		s.follows = true
		s.news.Store(!when.OnStart()) // what arrived while it was down
		feed.Follow(func() { s.news.Store(true); s.wake() })
	}
	return s, nil
}

// reads opens what a job reads.
func (c *Connector) reads(p *plan.Job, origins map[string]origin) (job.Source, job.From, error) {
	rows := p.From.Rows
	open, ok := origins[p.From.Source]
	if _, named := c.plan.Sources[p.From.Source]; p.From.Source == "" || named && !ok {
		return nil, rows, errTold
	}
	if !ok {
		return nil, rows, fmt.Errorf("from.source: unknown source %q", p.From.Source)
	}
	if p.Report != nil {
		rows.Dated, rows.TypeID = true, p.Report.TypeID
	}
	source, err := open(p.From.Settings, &rows)
	if err != nil {
		return nil, rows, fmt.Errorf("from.%w", err)
	}
	return source, rows, partial(source, p)
}

// leg opens a job's leg to one of its destinations.
func (c *Connector) leg(p *plan.Job, i int, accounts map[string]account) (*job.Leg, error) {
	l := &p.To[i]
	open, ok := accounts[l.Destination]
	if _, named := c.plan.Destinations[l.Destination]; l.Destination == "" || named && !ok {
		return nil, errTold
	}
	if !ok {
		return nil, fmt.Errorf("to[%d].destination: unknown destination %q", i, l.Destination)
	}
	leg, err := open(p, l)
	if err != nil {
		return nil, fmt.Errorf("to[%d].%w", i, err)
	}
	leg.Name += l.Destination
	if l.Transform != "" {
		if leg.Transform, err = c.script(l.Transform, p.Name, p.From.Source, l.Destination); err != nil {
			return nil, fmt.Errorf("to[%d].transform: %w", i, err)
		}
	}
	leg.Mode, leg.Compare, leg.Batch, leg.Flights = l.Mode, l.Compare, l.Batch, l.Concurrency
	return leg, nil
}

// bounds are what all jobs share.
type bounds struct {
	limits  *limits
	budgets *remote.Budgets // of all services, on limits
	room    *job.Room       // for rows
}

func newBounds() bounds {
	l := &limits{}
	return bounds{l, remote.NewBudgets(l), job.NewRoom()}
}

// limits are the services' limits, which the state remembers across restarts. The state is opened after those who need
// limits are made, and before they send anything.
type limits struct{ *ledger.Ledger }

// cause is why jobs run, once or at startup.
func (o *Options) cause() job.Cause {
	if o.Only != "" {
		if cause, err := causeOf(o.Order); err == nil {
			return cause
		}
	}
	return job.Cause{Kind: job.Manual}
}
