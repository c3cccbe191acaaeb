package connector

import "github.com/mysql-sync/mysql-sync/pkg/job"

// together links jobs that name each other, and selects those to run.
func (c *Connector) together(all map[string]*scheduled) {
	for i := range c.plan.Jobs {
		p := &c.plan.Jobs[i]
		j := all[p.Name]
		if j == nil {
			continue
		}
		j.first = all[p.After]
		for k, leg := range j.Legs {
			if by := all[p.To[k].BroughtBy]; by != nil {
				for _, l := range by.Legs {
					leg.Brought = append(leg.Brought, job.Brought{Job: by.Name, Leg: l.Name})
				}
			}
		}
		if c.options.Only == "" || c.options.Only == p.Name {
			c.jobs = append(c.jobs, j)
			if j.first != nil {
				j.first.led = true
			}
		}
	}
}
