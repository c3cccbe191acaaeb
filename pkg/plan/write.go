package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// ErrCode is of a plan whose jobs are in another program's code, which a configuration
// cannot say.
var ErrCode = errors.New("its jobs are JavaScript functions, which a configuration cannot express; start the file as it is")

// Write returns a configuration that says what a plan does, as JSON. No secret is in it:
// each is a variable of the environment, whose names are returned.
func (p *Plan) Write(kinds Kinds) (text []byte, variables []string, err error) {
	w := writer{kinds: kinds}
	out := map[string]any{
		"sources": w.adapters(p.Sources, kinds.Sources), "destinations": w.adapters(p.Destinations, kinds.Destinations),
	}
	jobs := map[string]any{}
	for i := range p.Jobs {
		jobs[p.Jobs[i].Name] = w.job(p, &p.Jobs[i])
	}
	out["jobs"] = jobs
	slices.Sort(w.variables)
	put(out, "loggingLevel", p.Level)
	if w.code {
		return nil, nil, ErrCode
	}
	if w.err != nil {
		return nil, nil, w.err
	}
	text, err = json.MarshalIndent(out, "", "  ")
	return append(text, '\n'), w.variables, err
}

// writer makes blocks of a plan.
type writer struct {
	kinds     Kinds
	variables []string
	code      bool // something is of a kind that no configuration has
	err       error
}

// adapters are the blocks under sources or destinations.
func (w *writer) adapters(list map[string]Adapter, kinds []Kind) map[string]any {
	out := map[string]any{}
	for name, a := range list {
		block := map[string]any{"type": a.Type}
		schema := w.schema(a.Type, kinds)
		if schema == nil {
			w.code = true
			continue
		}
		for key, v := range a.Settings {
			switch p := schema.Property(key); {
			case empty(v):
			case p == nil:
				w.err = errors.Join(w.err, fmt.Errorf("%s.%s: a configuration cannot express it; start the file as it is", name, key))
			default:
				block[key] = w.value(name+"_"+key, p, v)
			}
		}
		out[name] = block
	}
	slices.Sort(w.variables)
	return out
}

// value is a key's value, with a variable in the place of each secret in it.
func (w *writer) value(name string, p *keys.Schema, v any) any {
	if p.WriteOnly {
		variable := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
		w.variables = append(w.variables, variable)
		return "${" + variable + "}"
	}
	if list, ok := v.([]any); ok && p.Items != nil {
		var out []any
		for i, v := range list {
			out = append(out, w.value(fmt.Sprintf("%s_%d", name, i), p.Items, v))
		}
		return out
	}
	inner, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for key, v := range inner {
		q := p.Property(key)
		if q == nil {
			q = p.AdditionalProperties.Schema
		}
		if q != nil {
			v = w.value(name+"_"+key, q, v)
		}
		out[key] = v
	}
	return out
}

// leg are the keys of a leg's kind.
func (w *writer) leg(p *Plan, name string, l *Leg) map[string]any {
	out := own(l.Settings)
	for _, kind := range w.kinds.Destinations {
		block, err := keys.Parse(kind.Block)
		if err != nil || kind.Use == nil || !slices.Contains(block.Property("type").Enum, p.Destinations[l.Destination].Type) {
			continue
		}
		use, err := keys.Parse(kind.Use)
		if err != nil {
			continue
		}
		for key, v := range out {
			if q := use.Property(key); q != nil {
				out[key] = w.value(name+"_"+key, q, v)
			}
		}
	}
	return out
}

// schema is that of the blocks of a type.
func (w *writer) schema(name string, kinds []Kind) *keys.Schema {
	for _, kind := range kinds {
		s, err := keys.Parse(kind.Block)
		if err != nil {
			w.err = errors.Join(w.err, err)
			continue
		}
		if p := s.Property("type"); p != nil && slices.Contains(p.Enum, name) {
			return s
		}
	}
	return nil
}

// job is the block of a job.
func (w *writer) job(p *Plan, j *Job) map[string]any {
	out := map[string]any{}
	put(out, "description", j.Description)
	put(out, "after", j.After)
	from := own(j.From.Settings)
	r := j.From.Rows
	put(from, "source", j.From.Source)
	put(from, "query", r.Query)
	put(from, "key", r.Key)
	put(from, "ignoreCase", r.IgnoreCase)
	put(from, "watermark", r.Watermark)
	put(from, "deletedWhen", r.Deleted)
	put(from, "deletedTruthy", r.Truthy)
	put(from, "full", j.From.Full)
	if r.Stall != job.UsualStall {
		from["stall"] = short(r.Stall)
	}
	if r.Watermark != "" {
		from["overlap"] = short(j.From.Overlap)
	}
	out["from"] = from
	var legs []any
	for i := range j.To {
		l := &j.To[i]
		to := w.leg(p, j.Name, l)
		put(to, "destination", l.Destination)
		put(to, "mode", string(l.Mode))
		put(to, "transform", l.Transform)
		put(to, "compareColumn", l.Compare.Column)
		if l.Compare.Rule == diff.Newer {
			to["compare"] = "newer"
		}
		put(to, "batch", l.Batch)
		put(to, "concurrency", l.Concurrency)
		put(to, "broughtBy", l.BroughtBy)
		legs = append(legs, to)
	}
	out["to"] = legs
	if len(legs) == 1 {
		out["to"] = legs[0]
	}
	s := map[string]any{}
	e := j.Schedule
	put(s, "cron", e.Cron)
	put(s, "daily", e.Daily)
	put(s, "weekly", e.Weekly)
	put(s, "interval", e.Interval)
	put(s, "zone", e.Zone)
	put(s, "onStart", e.OnStart)
	put(s, "disable", e.Disabled)
	if j.CatchUp != 24*time.Hour {
		s["catchUp"] = short(j.CatchUp)
	}
	if j.Skip {
		s["ifRunning"] = "skip"
	}
	out["schedule"] = s
	if j.Guard != diff.DefaultGuard {
		out["guard"] = map[string]any{"percent": j.Guard.Percent, "rows": j.Guard.Rows, "off": j.Guard.Off}
	}
	if j.Quiet && (j.Report == nil || j.Report.NotifyOnFail) {
		out["notifyOnFail"] = false
	}
	if j.Report != nil {
		out["report"] = reportOf(j.Report)
	}
	return out
}

// reportOf are the keys of a report.
func reportOf(r *Report) map[string]any {
	out := map[string]any{}
	put(out, "typeId", r.TypeID)
	put(out, "offsetDays", r.OffsetDays)
	put(out, "repeatAfterDays", r.RepeatAfterDays)
	put(out, "realTime", r.RealTime)
	for key, v := range map[string]bool{"emptyIsFailure": r.EmptyIsFailure, "notifyOnFail": r.NotifyOnFail} {
		if !v { // not the default
			out[key] = v
		}
	}
	return out
}

// own are the keys of a kind.
func own(s Settings) map[string]any {
	out := map[string]any{}
	for key, v := range s {
		put(out, key, v)
	}
	return out
}

// put sets a key to a value that says something.
func put(block map[string]any, key string, v any) {
	if !empty(v) {
		block[key] = v
	}
}

// empty reports whether a value says nothing.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case int:
		return v == 0
	case []string:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// short is a duration as people write it: 10m, not 10m0s.
func short(d time.Duration) string {
	text := d.String()
	if minutes, ok := strings.CutSuffix(text, "m0s"); ok {
		text = minutes + "m"
	}
	if hours, ok := strings.CutSuffix(text, "h0m"); ok {
		text = hours + "h"
	}
	return text
}
