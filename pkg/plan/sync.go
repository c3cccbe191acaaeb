package plan

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// fileSync are the keys of a job that takes a server from a file of DataCollect.
type fileSync struct {
	File   string   `koanf:"externalSyncFile"`
	Events any      `koanf:"events"`
	PullTo any      `koanf:"pullTo"`
	Order  []string `koanf:"order"`
}

// externalName ends the names of the source and the destination of such a job. None of a user has one.
const externalName = ".externalSync"

// PullSuffix ends the name of the job that pulls, of a job that both pushes and pulls.
const PullSuffix = "-pull"

// mostSync is how many bytes a file of DataCollect may have.
const mostSync = 4 << 20

// sync makes jobs of one that takes a server from a file of DataCollect: one that pushes,
// and one that pulls, of which the second runs when the first has.
func (r *reader) sync(p *Plan, name string, f fileJob) error {
	key := keys.Join("jobs", name)
	for inner, given := range map[string]any{"from": f.From, "to": f.To} {
		if given != nil {
			r.Mistakef(keys.Join(key, inner), "has events and pullTo in its place, with externalSyncFile")
		}
	}
	if f.Events == nil && f.PullTo == nil {
		r.Mistakef(keys.Join(key, "externalSyncFile"), "says with whom to speak; events and pullTo say what about, and both are missing")
	}
	server := r.server(keys.Join(key, "externalSyncFile"), f.File)
	if server == nil {
		return nil
	}
	p.Sources[name+externalName], p.Destinations[name+externalName] = server.Pull, server.Push
	both := f.Events != nil && f.PullTo != nil
	var list []Job
	if f.PullTo != nil {
		j := r.shell(key, f)
		j.Name, j.From = name+PullSuffix, From{Source: name + externalName, Overlap: syncOverlap}
		j.From.Rows.Key, j.From.Rows.Watermark = []string{"guid"}, "timestamp"
		j.From.Rows.Stall = job.UsualStall
		if err := r.leg(p, &j, keys.Join(key, "pullTo"), f.PullTo, ""); err != nil {
			return err
		}
		list = append(list, j)
	}
	if f.Events != nil {
		j := r.shell(key, f)
		j.Name = name
		if err := r.reads(p, &j, keys.Join(key, "events"), with(f.Events, map[string]any{"key": []any{"guid"}, "watermark": "timestamp"})); err != nil {
			return err
		}
		l := Leg{Destination: name + externalName, Mode: job.ModeUpdate, Transform: r.Path(f.Transform), Batch: server.Batch, Settings: Settings{}}
		if both {
			l.BroughtBy = name + PullSuffix
		}
		j.To = []Leg{l}
		list = append(list, j)
	}
	if both {
		if len(f.Order) == 2 && f.Order[0] == "push" {
			slices.Reverse(list)
		}
		list[0].Schedule, list[1].After = schedule.Entry{}, list[0].Name
	}
	p.Jobs = append(p.Jobs, list...)
	return nil
}

// syncOverlap is how far before the last event a pull begins.
const syncOverlap = 10 * time.Minute

// with is a block with keys that it does not have itself.
func with(given any, defaults map[string]any) any {
	block, ok := given.(map[string]any)
	if !ok {
		return given
	}
	all := maps.Clone(defaults)
	maps.Copy(all, block)
	return all
}

// server reads the server from a file; nil if there is a mistake.
func (r *reader) server(key, file string) *External {
	if r.external == nil {
		r.Mistakef(key, "is not supported")
		return nil
	}
	content, err := readSome(r.Path(file))
	if err != nil {
		r.Mistakef(key, "%v", err)
		return nil
	}
	server, warnings, err := r.external(file, content)
	for _, w := range warnings {
		r.Warnf(key, "%s", w)
	}
	mistakes, several := errors.AsType[keys.Mistakes](err)
	for _, m := range mistakes {
		r.Mistakef(key, "%s", strings.TrimSpace(keys.Mistakes{m}.Located()))
	}
	if err != nil && !several {
		r.Mistakef(key, "%v", err)
	}
	if err != nil {
		return nil
	}
	server.Push.Script, server.Pull.Script = r.scripts[server.Push.Type], r.scripts[server.Pull.Type]
	return server
}

// readSome reads a file that is not too large.
func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(f, mostSync+1))
	if err == nil && len(content) > mostSync {
		err = fmt.Errorf("%s has more than %d bytes", path, mostSync)
	}
	return content, err
}
