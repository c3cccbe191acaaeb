package connector

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// checkTime is how long a source or a destination may take to answer a check.
const checkTime = 30 * time.Second

// Check examines what the jobs need: the state, the sources and the destinations, which are only read. The connector is
// closed afterwards.
func (c *Connector) Check(ctx context.Context) []finding.Finding {
	state := &finding.List{Area: "state"}
	_, missing := os.Stat(c.options.State)
	l, err := ledger.Copy(ctx, c.options.State, ledger.Config{}) // requests are counted in it
	switch {
	case err != nil:
		state.Wrongf(c.options.State, "restore it from a backup, or move it away to start over", "%v", err)
		return state.Found
	case errors.Is(missing, fs.ErrNotExist):
		state.Warnf(c.options.State, "", "does not exist yet: the first start creates it and compares all rows")
	default:
		state.Rightf(c.options.State, "readable")
	}
	c.bounds.limits.Ledger = l
	c.close = append(c.close, l.Close)
	sources := &finding.List{Area: "sources"}
	destinations := &finding.List{Area: "destinations"}
	asked := c.askJobs(ctx, sources, destinations, func(string, string, string) bool { return true })
	unused(sources, c.plan.Sources, func(name string) bool { return asked["source "+name] }, "from")
	used := map[string]bool{}
	for i := range c.plan.Jobs {
		for _, to := range c.plan.Jobs[i].To {
			used[to.Destination] = true
		}
	}
	if to, ok := c.plan.Publish["destination"].(string); ok {
		used[to] = true
	}
	unused(destinations, c.plan.Destinations, func(name string) bool { return used[name] }, "to")
	backups := &finding.List{Area: "backup"}
	c.askBucket(ctx, backups)
	closing := &finding.List{Area: "state"}
	if err := c.Close(); err != nil {
		closing.Warnf("connections", "", "%v", err)
	}
	return slices.Concat(state.Found, sources.Found, destinations.Found, backups.Found, closing.Found)
}

// askJobs checks the sources and destinations of jobs, once each, if wanted is true for the section, the adapter's name and
// the job's. It returns those it asked.
func (c *Connector) askJobs(ctx context.Context, sources, destinations *finding.List, wanted func(section, name, job string) bool) map[string]bool {
	asked := map[string]bool{}
	for i, j := range c.jobs {
		p := &c.plan.Jobs[i]
		if from := p.From.Source; !asked["source "+from] && wanted("sources", from, p.Name) {
			asked["source "+from] = true
			c.ask(ctx, sources, from, c.plan.Sources[from].Type, j.Source)
		}
		for k, leg := range j.Legs {
			if to := p.To[k].Destination; !asked[leg.Name] && wanted("destinations", to, p.Name) {
				asked[leg.Name] = true
				c.ask(ctx, destinations, leg.Name, c.plan.Destinations[to].Type, leg.Destination)
			}
		}
	}
	return asked
}

// ask checks that an adapter answers, if it can be asked.
func (c *Connector) ask(ctx context.Context, l *finding.List, name, kind string, adapter any) {
	var check func(context.Context) error
	switch k := adapter.(type) {
	case job.Checker:
		check = k.Check
	case reacher:
		check = k.Reach
	default:
		l.Rightf(name, "%s; not checked, since that would mean reading or sending", kind)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	began := time.Now()
	if err := check(ctx); err != nil {
		l.Wrongf(name, "", "%s: %v", kind, err)
		return
	}
	l.Rightf(name, "%s answers in %v", kind, time.Since(began).Round(time.Millisecond))
}

// reacher is an adapter that can only tell whether its service is there, not whether it would
// accept anything. Runs need not ask it.
type reacher interface {
	Reach(ctx context.Context) error
}

// probe checks what a block of the configuration names, for a connector that does not run.
func (c *Connector) probe(ctx context.Context, section, name string) []finding.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	sources, destinations := &finding.List{Area: "sources"}, &finding.List{Area: "destinations"}
	c.askJobs(ctx, sources, destinations, func(part, adapter, job string) bool {
		return part == section && adapter == name || section == "jobs" && (job == name || job == name+plan.PullSuffix)
	})
	if found := slices.Concat(sources.Found, destinations.Found); len(found) > 0 || section == "jobs" {
		return found
	}
	l := &finding.List{Area: section}
	kind, adapter, err := c.alone(section, name)
	if err != nil { // only a job could say the rest
		l.Rightf(name, "%s; its keys are right, and a job that uses it can be tested", kind)
		return l.Found
	}
	c.ask(ctx, l, name, kind, adapter)
	return l.Found
}

// errAlone says that an adapter cannot be asked without a job.
var errAlone = errors.New("a job has to say more")

// alone opens an adapter that no job uses, as far as possible.
func (c *Connector) alone(section, name string) (kind string, adapter any, err error) {
	a := c.plan.Sources[name]
	if section == "destinations" {
		if a = c.plan.Destinations[name]; !slices.Contains(databases, a.Type) {
			open, err := c.account(a)
			if err != nil {
				return a.Type, nil, err
			}
			to := &plan.Leg{Mode: job.ModeAppend}
			if a.Type == "mongodb" {
				to.Settings = plan.Settings{"collection": name} // which its check ignores
			}
			leg, err := open(&plan.Job{}, to)
			if err != nil {
				return a.Type, nil, err
			}
			return a.Type, leg.Destination, nil
		}
	}
	if a.Type == "http" {
		return a.Type, nil, errAlone // it answers at a job's path
	}
	open, err := c.source(a)
	if err != nil {
		return a.Type, nil, err
	}
	source, err := open(nil, &job.From{})
	return a.Type, source, err
}

// unused warns about adapters that no job names.
func unused[A any](l *finding.List, all map[string]A, used func(string) bool, key string) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !used(name) {
			l.Warnf(name, "remove it, or name it in a job's "+key, "no job uses it")
		}
	}
}
