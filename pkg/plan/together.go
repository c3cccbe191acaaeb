package plan

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// whole notes what a job lacks, or has that another form of job has.
func (r *reader) whole(key string, f fileJob) {
	for name, given := range map[string]any{"from": f.From, "to": f.To} {
		if given == nil && !r.Wrong(keys.Join(key, name)) {
			r.Mistakef(keys.Join(key, name), "is missing")
		}
	}
	for name, given := range map[string]any{"events": f.Events, "pullTo": f.PullTo} {
		if given != nil {
			r.Mistakef(keys.Join(key, name), "needs externalSyncFile")
		}
	}
}

// together notes what is wrong with how jobs name each other. A job that another one runs
// needs no schedule of its own.
func (r *reader) together(p *Plan, f *file) {
	at := func(name string) int { return slices.IndexFunc(p.Jobs, func(j Job) bool { return j.Name == name }) }
	for i := range p.Jobs {
		j := &p.Jobs[i]
		key := keys.Join("jobs", j.Name)
		if j.After != "" {
			first := at(j.After)
			switch {
			case first < 0:
				r.Mistakef(keys.Join(key, "after"), "there is no job %q", j.After)
			case first == i || p.Jobs[first].After != "":
				r.Mistakef(keys.Join(key, "after"), "%q runs after a job itself", j.After)
			case f.Jobs[j.After].Schedule == nil:
				p.Jobs[first].Schedule.OnStart = false
			}
		}
		for k := range j.To {
			if name := j.To[k].BroughtBy; name != "" && at(name) < 0 {
				r.Mistakef(keys.Join(key, "to"), "broughtBy: there is no job %q", name)
			}
		}
	}
}
