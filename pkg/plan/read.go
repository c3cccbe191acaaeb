package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// environPrefix is that of the variables which override keys of the file:
// MYSQLSYNC_CONNECTOR_HTTP__LISTEN is http.listen. It is none of the daemon's, which
// refuses variables that it does not know.
const environPrefix = "MYSQLSYNC_CONNECTOR_"

// Read reads the configuration at path: JSON, or YAML or TOML where the extension says
// so. Variables of environ (NAME=value) that begin with MYSQLSYNC_CONNECTOR_ override
// its keys, and ${NAME} in its strings is replaced.
//
// The strings are warnings. The error is keys.Mistakes with all that is wrong, unless
// the file cannot be read at all; promise 11. The plan then is what is sound of it, if anything is, and only good for finding more
// mistakes.
func Read(path string, environ []string, kinds Kinds) (*Plan, []string, error) {
	return ReadText(path, nil, environ, kinds)
}

// ReadText is Read for a text that the file does not have yet; nil: that which it has.
func ReadText(path string, content []byte, environ []string, kinds Kinds) (*Plan, []string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, fmt.Errorf("find configuration: %w", err)
	}
	text, err := kinds.Schema()
	if err != nil {
		return nil, nil, err
	}
	schema, err := keys.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	r := &reader{Checker: keys.New(keys.Source{
		Path: full, Content: content, Name: path, Environ: environ, Prefix: environPrefix, Manual: "docs/connector-configuration.md",
	})}
	if r.from, err = uses(fromJSON, kinds.Sources); err != nil {
		return nil, nil, err
	}
	if r.to, err = uses(toJSON, kinds.Destinations); err != nil {
		return nil, nil, err
	}
	given, err := r.Read(schema)
	if err != nil {
		return nil, nil, err
	}
	if given == nil {
		return nil, nil, r.Mistakes()
	}
	r.given, r.external, r.scripts = given, kinds.ExternalSync, kinds.Scripts
	p, err := r.plan(r.Check("", schema, given).(map[string]any))
	if err != nil {
		return nil, nil, err
	}
	if mistakes := r.Mistakes(); len(mistakes) > 0 {
		r.sound(p)
		return p, r.Warnings(), mistakes
	}
	return p, r.Warnings(), nil
}

// sound leaves in a plan with mistakes what has none, so that more can be found in it: sources and destinations that are Wrong, and
// the places of sources and legs, are all that is there of the rest.
func (r *reader) sound(p *Plan) {
	for key, list := range map[string]map[string]Adapter{"sources": p.Sources, "destinations": p.Destinations} {
		given, _ := r.given[key].(map[string]any)
		for name := range given {
			if r.Wrong(keys.Join(key, name)) {
				list[name] = Adapter{Wrong: true}
			}
		}
	}
	for key, section := range map[string]*Settings{"alerts": &p.Alerts, "publish": &p.Publish, "backup": &p.Backup} {
		if r.Wrong(key) {
			*section = nil
		}
	}
	if p.HTTP.Listen == "" && r.Wrong("http") {
		p.HTTP.Listen = "127.0.0.1:0" // it is not missing
	}
}

// reader makes a plan of checked keys, and checks what they mean together.
type reader struct {
	*keys.Checker
	given    map[string]any          // the file's keys
	from, to map[string]*keys.Schema // by the type of the adapter that is named
	external func(name string, content []byte) (*External, []string, error)
	scripts  map[string]string // of the user's own types
}

// file is the configuration.
type file struct {
	Connector    Identity                  `koanf:"connector"`
	Sources      map[string]map[string]any `koanf:"sources"`
	Destinations map[string]map[string]any `koanf:"destinations"`
	Jobs         map[string]fileJob        `koanf:"jobs"`
	Alerts       map[string]any            `koanf:"alerts"`
	Publish      map[string]any            `koanf:"publish"`
	Backup       map[string]any            `koanf:"backup"`
	HTTP         HTTP                      `koanf:"http"`
	Level        string                    `koanf:"loggingLevel"`
	Format       string                    `koanf:"loggingFormat"`
}

type fileJob struct {
	Description string `koanf:"description"`
	From        any    `koanf:"from"`
	To          any    `koanf:"to"`
	Transform   string `koanf:"transform"`
	After       string `koanf:"after"`
	fileSync    `koanf:",squash"`
	Schedule    *fileSchedule `koanf:"schedule"`
	Guard       *fileGuard    `koanf:"guard"`
	Report      *Report       `koanf:"report"`
	Notify      *bool         `koanf:"notifyOnFail"`
}

type fileSchedule struct {
	Cron      string `koanf:"cron"`
	Daily     string `koanf:"daily"`
	Weekly    string `koanf:"weekly"`
	Interval  string `koanf:"interval"`
	Zone      string `koanf:"zone"`
	OnStart   bool   `koanf:"onStart"`
	CatchUp   string `koanf:"catchUp"`
	IfRunning string `koanf:"ifRunning"`
	Disable   bool   `koanf:"disable"`
}

type fileGuard struct {
	Percent int  `koanf:"percent"`
	Rows    int  `koanf:"rows"`
	Off     bool `koanf:"off"`
}

type fileFrom struct {
	Source     string   `koanf:"source"`
	Key        []string `koanf:"key"`
	IgnoreCase bool     `koanf:"ignoreCase"`
	Watermark  string   `koanf:"watermark"`
	Overlap    string   `koanf:"overlap"`
	Stall      string   `koanf:"stall"`
	Full       string   `koanf:"full"`
	Deleted    string   `koanf:"deletedWhen"`
	Truthy     bool     `koanf:"deletedTruthy"`
}

type fileTo struct {
	Destination   string `koanf:"destination"`
	Mode          string `koanf:"mode"`
	Transform     string `koanf:"transform"`
	Compare       string `koanf:"compare"`
	CompareColumn string `koanf:"compareColumn"`
	Batch         int    `koanf:"batch"`
	Concurrency   int    `koanf:"concurrency"`
	BroughtBy     string `koanf:"broughtBy"`
}

// plan makes the plan.
func (r *reader) plan(checked map[string]any) (*Plan, error) {
	var f file
	if err := (Settings)(checked).Decode(&f); err != nil {
		return nil, err
	}
	p := &Plan{
		Sources: r.adapters("sources", f.Sources), Destinations: r.adapters("destinations", f.Destinations),
		Sections: Sections{Identity: f.Connector, HTTP: r.http(f.HTTP), Alerts: f.Alerts, Publish: f.Publish, Backup: f.Backup, Level: f.Level, Format: f.Format},
		locate:   r.Locate,
	}
	if len(f.Jobs) == 0 && !r.Wrong("jobs") {
		r.Mistakef("jobs", "is empty: say what is to be carried where")
	}
	for _, name := range slices.Sorted(maps.Keys(f.Jobs)) {
		if f.Jobs[name].File != "" {
			if err := r.sync(p, name, f.Jobs[name]); err != nil {
				return nil, err
			}
			continue
		}
		j, err := r.job(p, keys.Join("jobs", name), f.Jobs[name])
		if err != nil {
			return nil, err
		}
		j.Name = name
		p.Jobs = append(p.Jobs, j)
	}
	r.together(p, &f)
	return p, nil
}

// http checks the keys of the page together.
func (r *reader) http(h HTTP) HTTP {
	if (h.Cert == "") != (h.Key == "") {
		r.Mistakef("http.cert", "cert and key belong together: give both or none")
	}
	if host, _, err := net.SplitHostPort(h.Listen); h.Listen != "" && h.Token == "" && !r.Wrong("http") {
		if ip, failed := netip.ParseAddr(host); err != nil || host != "localhost" && (failed != nil || !ip.IsLoopback()) {
			r.Mistakef("http.listen", "%s is reachable from other machines; set http.token, or listen on 127.0.0.1", keys.Show(h.Listen))
		}
	}
	h.Cert, h.Key = r.Path(h.Cert), r.Path(h.Key)
	return h
}

// adapters are the blocks under sources or destinations.
func (r *reader) adapters(key string, blocks map[string]map[string]any) map[string]Adapter {
	list := map[string]Adapter{}
	for name, block := range blocks {
		r.name(keys.Join(key, name), name)
		kind, _ := block["type"].(string)
		delete(block, "type")
		list[name] = Adapter{Type: kind, Settings: block, Script: r.scripts[kind]}
	}
	return list
}

// name records a name that would not do in logs, files and addresses.
func (r *reader) name(key, name string) {
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	}) {
		r.Mistakef(key, "expected a name of 1 to 64 letters, digits, - or _")
	}
}

// job makes one job.
func (r *reader) job(p *Plan, key string, f fileJob) (Job, error) {
	r.whole(key, f)
	j := r.shell(key, f)
	if err := r.reads(p, &j, keys.Join(key, "from"), f.From); err != nil {
		return j, err
	}
	list, isList := f.To.([]any)
	switch {
	case !isList && f.To != nil:
		list = []any{f.To}
	case isList && len(list) == 0:
		r.Mistakef(keys.Join(key, "to"), "is empty: say where the rows go")
	}
	for i, to := range list {
		at := keys.Join(key, "to")
		if isList {
			at = fmt.Sprintf("%s[%d]", at, i)
		}
		if err := r.leg(p, &j, at, to, f.Transform); err != nil {
			return j, err
		}
		if len(j.To) == i {
			j.To = append(j.To, Leg{}) // it has a mistake, and those that follow keep their places
		}
	}
	return j, nil
}

// shell is a job but for what it reads and where that goes.
func (r *reader) shell(key string, f fileJob) Job {
	r.name(key, strings.TrimPrefix(key, "jobs."))
	j := Job{Description: f.Description, After: f.After, Guard: diff.DefaultGuard, Report: f.Report, Quiet: f.Notify != nil && !*f.Notify, CatchUp: 24 * time.Hour}
	if g := f.Guard; g != nil {
		j.Guard = diff.Guard{Percent: g.Percent, Rows: g.Rows, Off: g.Off}
	}
	if s := f.Schedule; s != nil {
		j.Schedule = schedule.Entry{Cron: s.Cron, Daily: s.Daily, Weekly: s.Weekly, Interval: s.Interval, Zone: s.Zone, OnStart: s.OnStart, Disabled: s.Disable}
		j.CatchUp, j.Skip = duration(s.CatchUp), s.IfRunning == "skip"
	} else {
		j.Schedule.OnStart = true
	}
	r.schedule(keys.Join(key, "schedule"), j.Schedule)
	if f.Report != nil {
		j.Quiet = j.Quiet || !f.Report.NotifyOnFail
		r.several(keys.Join(key, "report"), f.Report.Dates().Check())
	}
	return j
}

// schedule records what is wrong with a schedule.
func (r *reader) schedule(key string, e schedule.Entry) {
	_, err := schedule.Parse(e)
	r.several(key, err)
}

// several records the mistakes that an error consists of, each of which begins with a key of a block; nil: none.
func (r *reader) several(key string, err error) {
	for _, one := range keys.Each(err) {
		within, text, _ := strings.Cut(one.Error(), ": ")
		r.Mistakef(keys.Join(key, within), "%s", text)
	}
}

// reads is what a job reads.
func (r *reader) reads(p *Plan, j *Job, key string, given any) error {
	var f fileFrom
	own, err := r.use(key, given, "source", p.Sources, r.from, fromJSON, &f)
	if own == nil || err != nil {
		return err
	}
	j.From = From{
		Source: f.Source, Overlap: duration(f.Overlap), Full: f.Full, Settings: own,
		Rows: job.From{Key: f.Key, IgnoreCase: f.IgnoreCase, Watermark: f.Watermark, Deleted: f.Deleted, Truthy: f.Truthy, Stall: duration(f.Stall)},
	}
	if f.Full != "" {
		if _, err := schedule.Parse(schedule.Entry{Cron: f.Full}); err != nil && !r.Wrong(key) {
			r.Mistakef(keys.Join(key, "full"), "%s", strings.TrimPrefix(err.Error(), "cron: "))
		}
		if f.Watermark == "" {
			r.Warnf(keys.Join(key, "full"), "has no effect without watermark: each run reads all rows")
		}
	}
	if len(f.Key) == 0 {
		for name, given := range map[string]string{"deletedWhen": f.Deleted} {
			if given != "" {
				r.Mistakef(keys.Join(key, name), "needs key, or no row could be found again")
			}
		}
	}
	return nil
}

// leg is where a job's rows go.
func (r *reader) leg(p *Plan, j *Job, key string, given any, transform string) error {
	var f fileTo
	own, err := r.use(key, given, "destination", p.Destinations, r.to, toJSON, &f)
	if own == nil || err != nil {
		return err
	}
	mode := job.Mode(f.Mode)
	keyless := len(j.From.Rows.Key) == 0
	switch {
	case mode == "" && keyless:
		mode = job.ModeAppend
	case mode == "":
		mode = job.ModeUpdate
	case mode != job.ModeAppend && keyless && !r.Wrong(strings.TrimSuffix(key, ".to")+".from"):
		r.Mistakef(keys.Join(key, "mode"), "%q needs from.key: without a key no row can be found again", f.Mode)
	case mode == job.ModeReplace && j.Report != nil && !j.Report.RealTime:
		r.Mistakef(keys.Join(key, "mode"), "\"replace\" would delete the rows of all other days; use \"update\", or report.realTime")
	}
	compare := diff.Compare{}
	if f.CompareColumn != "" {
		compare = diff.Compare{Rule: diff.Different, Column: f.CompareColumn}
		if f.Compare == "newer" {
			compare.Rule = diff.Newer
		}
	} else if f.Compare == "newer" {
		r.Mistakef(keys.Join(key, "compare"), "\"newer\" needs compareColumn, the column with the time of a row's last change")
	}
	j.To = append(j.To, Leg{
		Destination: f.Destination, Mode: mode, Compare: compare, Transform: r.Path(cmp.Or(f.Transform, transform)),
		Batch: f.Batch, Concurrency: f.Concurrency, BroughtBy: f.BroughtBy, Settings: own,
	})
	return nil
}

// use checks a from or a to against the schema of the type that it names. The shared keys are decoded; those of the
// type are returned, nil if there is a mistake.
func (r *reader) use(key string, given any, name string, adapters map[string]Adapter, schemas map[string]*keys.Schema, common []byte, into any) (Settings, error) {
	block, ok := given.(map[string]any)
	if !ok {
		if given != nil {
			r.Mistakef(key, "is not a block of keys")
		}
		return nil, nil
	}
	all, err := keys.Parse(common)
	if err != nil {
		return nil, err
	}
	blocks, _ := r.given[name+"s"].(map[string]any) // those with mistakes too
	names := slices.Sorted(maps.Keys(blocks))
	named, _ := block[name].(string)
	a, known := adapters[named]
	schema := schemas[a.Type]
	switch {
	case named == "":
		r.Mistakef(keys.Join(key, name), "is missing%s", oneOf(name, names))
		return nil, nil
	case blocks[named] == nil:
		r.Mistakef(keys.Join(key, name), "there is no %s %q%s", name, named, oneOf(name, names))
		return nil, nil
	case !known || schema == nil:
		return nil, nil // it has a mistake
	}
	checked, _ := r.Check(key, schema, block).(map[string]any)
	if checked == nil || r.Wrong(key) {
		return nil, nil
	}
	shared, own := Settings{}, Settings{}
	for k, v := range checked {
		if all.Property(k) != nil {
			shared[k] = v
		} else {
			own[k] = v
		}
	}
	return own, shared.Decode(into)
}

// duration parses a text that a schema has accepted.
func duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return d
}

// oneOf lists the sources or destinations to choose from, after what is wrong.
func oneOf(name string, names []string) string {
	if len(names) == 0 {
		return "; none is defined in " + name + "s"
	}
	return ": one of " + strings.Join(names, ", ")
}
