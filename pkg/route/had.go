package route

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// had is what remotes had of a table by its routes before. While its rows are labelled by another one, nothing else tells which of them a
// remote loses, and may have news of.
type had struct {
	All    []string `json:"all,omitempty"`    // these had all rows
	Labels pairs    `json:"labels,omitempty"` // those with these labels
}

// before returns what remotes had of a table that was labelled by another route; known says whether by any. If it was still being
// labelled, a row may have a label by any of the routes since all had labels by one.
func (r *Router) before(ctx context.Context, table string, k Labelled, known bool) (had, error) {
	h, err := parseHad(k.Had)
	if err != nil {
		return h, err
	}
	var last chained
	all := !known || json.Unmarshal([]byte(k.Route), &last) != nil || len(last.Routes) == 0 // it had no route, or one too long to be kept: see text
	var sent []string
	if all || len(last.Also) > 0 {
		if sent, err = r.db.Sent(ctx, table); err != nil {
			return h, fmt.Errorf("read who was sent %s: %w", table, err)
		}
	}
	if all {
		return h.and(had{All: sent}), nil
	}
	root := table
	for _, route := range last.Routes[:len(last.Routes)-1] {
		root = route.Parent
	}
	rules, looked := last.Routes[len(last.Routes)-1].Rules, lookups{}
	for _, rule := range rules {
		if rule.Lookup == nil {
			continue
		}
		copied, ok := r.looked[*rule.Lookup]
		if !ok {
			if copied, err = r.db.Kept(ctx, *rule.Lookup); err != nil {
				return h, err
			}
		}
		looked[*rule.Lookup] = copied
	}
	was := had{Labels: pairs{}}
	for _, remote := range last.Also {
		if slices.Contains(sent, remote) {
			was.All = append(was.All, remote)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.labels)) {
		if l := r.labels[id]; l.root == root {
			for _, remote := range l.remotes(rules, r.cfg.RemoteClients, looked) {
				was.Labels[remote] = append(was.Labels[remote], id)
			}
		}
	}
	return h.and(was), nil
}

// and returns what remotes had by either.
func (h had) and(other had) had {
	both := had{All: union(h.All, other.All)}
	if labels := h.Labels.and(other.Labels); len(labels) > 0 {
		both.Labels = labels
	}
	return both
}

func union[E cmp.Ordered](a, b []E) []E {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

func parseHad(text []byte) (h had, err error) {
	if len(text) == 0 {
		return h, nil
	}
	if err = json.Unmarshal(text, &h); err != nil {
		err = fmt.Errorf("read what remotes had: %w", err)
	}
	return h, err
}

// byLabel returns the remotes that had each label.
func (h had) byLabel() map[uint32][]string {
	remotes := map[uint32][]string{}
	for remote, ids := range h.Labels {
		for _, id := range ids {
			remotes[id] = append(remotes[id], remote)
		}
	}
	return remotes
}

// hadBefore notes what remotes had of a table, besides what is noted. The caller holds the lock, or is alone.
func (l *looking) hadBefore(table string, h had) {
	if len(h.All) == 0 && len(h.Labels) == 0 {
		return
	}
	if l.had == nil {
		l.had, l.hadLabels = map[string]had{}, map[string]map[uint32][]string{}
	}
	both := l.had[table].and(h)
	l.had[table], l.hadLabels[table] = both, both.byLabel()
}

// returned notes that remotes are back while a table is being labelled.
func (r *Router) returned(ctx context.Context, table string, remotes []string) error {
	back := had{All: remotes}
	text, err := json.Marshal(r.had[table].and(back))
	if err == nil {
		err = r.db.Had(ctx, table, text)
	}
	if err == nil {
		r.mu.Lock()
		r.hadBefore(table, back)
		r.mu.Unlock()
	}
	return err
}

// hadBy returns the remotes that had the rows with a label of a table before.
func (r *Router) hadBy(table string, id uint32) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.hadLabels[table][id]
}

// hadAll reports whether a client had all rows of a table before.
func (r *Router) hadAll(table, client string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Contains(r.had[table].All, client)
}
