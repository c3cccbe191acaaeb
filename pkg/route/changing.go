package route

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// looking is what a router knows of the lookup tables, and of the jobs that mark rows.
type looking struct {
	looked lookups // their last copies
	// changing are the remotes that won or lost labels, by these, as long as rows are still to be marked for that. A row that
	// gets another label meanwhile is not found by the one that it had.
	changing map[uint32][]string
	// had is what remotes had of tables before these were labelled by another route, as long as they are still to be marked for that;
	// hadLabels is the same by table and label.
	had       map[string]had
	hadLabels map[string]map[uint32][]string
	// unsure are the lookup tables of which the database may have a copy that is not in looked, with jobs for it, since a COMMIT was not
	// answered: they are taken over once more, and jobs wait until then, or they would mark rows by the copy before, and be done.
	unsure  []config.RouteLookup
	waits   time.Time       // since then, for transactions to end
	rooms   map[string]room // by remote
	settled bool            // no job has ended since changing was read
}

// ended reports whether all transactions have ended that may have recorded rows of a table before a job was queued: the job would not find
// those that had no version before. The node's transactions take a moment; it is an error if they do not.
func (r *Router) ended(ctx context.Context, table string, since int64) (bool, error) {
	upTo, err := r.db.Visible(ctx)
	if err != nil || upTo >= since {
		r.waits = time.Time{}
		return err == nil, err
	}
	if r.waits.IsZero() {
		r.waits = r.now()
	}
	if r.now().Sub(r.waits) < tellEach {
		return false, nil
	}
	return false, fmt.Errorf("rows of %s that have other remotes are not marked yet: transactions of this node that began before have not ended", table)
}

// unheard returns the remotes that have won or lost the rows of a label, though not all of these are marked yet.
func (r *Router) unheard(id uint32) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.changing[id]
}

// change notes that remotes have won or lost labels. The caller holds the lock, or is alone.
func (l *looking) change(p pairs) {
	if l.changing == nil {
		l.changing = map[uint32][]string{}
	}
	for remote, ids := range p {
		for _, id := range ids {
			if !slices.Contains(l.changing[id], remote) {
				l.changing[id] = append(l.changing[id], remote)
			}
		}
	}
}

// resume reads which rows are still to be marked.
func (r *Router) resume(ctx context.Context) error {
	jobs, all, err := r.reroutings(ctx, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	r.settled = true
	for i, what := range all {
		r.change(what.Pairs)
		r.hadBefore(jobs[i].Table, what.Had)
	}
	return nil
}

// settle notes that all rows are marked, but for those of jobs that wait for remotes.
func (r *Router) settle(ctx context.Context, waiting bool) error {
	if waiting && r.settled {
		return nil
	}
	if waiting {
		return r.resume(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	return nil
}

// forget forgets which rows are to be marked, but for what is noted while a table is labelled. The caller holds the lock.
func (r *Router) forget() {
	r.changing = nil
	for table := range r.had {
		if r.ready[table] {
			delete(r.had, table)
			delete(r.hadLabels, table)
		}
	}
}

// reroutings returns the first jobs after one, and what they say.
func (r *Router) reroutings(ctx context.Context, after uint64, limit int) ([]Rerouting, []rerouting, error) {
	jobs, err := r.db.Reroutings(ctx, after, limit)
	all := make([]rerouting, len(jobs))
	for i := range jobs {
		if err == nil {
			err = json.Unmarshal(jobs[i].Changed, &all[i])
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read sync_reroutes: %w", err)
	}
	return jobs, all, nil
}
