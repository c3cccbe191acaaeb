package connector

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// sections are the parts of a configuration that have forms.
var sections = []string{"sources", "destinations", "jobs"}

// name is a valid name of a block.
var name = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// document is the current configuration file.
type document struct {
	file   string // its path as given, whose extension says which format it has
	path   string // symbolic links resolved
	text   []byte
	given  map[string]any
	kinds  plan.Kinds
	schema *keys.Schema
}

// document reads the file. The result has neither keys nor a schema if the file is another program's.
func (c *Connector) document() (*document, error) {
	path, err := filepath.EvalSymlinks(c.options.File)
	if err != nil {
		return nil, fmt.Errorf("find the configuration: %w", err)
	}
	d := &document{file: c.options.File, path: path}
	if d.text, err = keys.ReadFile(path); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if !own(d.file, d.text) {
		return d, nil
	}
	if d.given, err = keys.Values(d.file, d.text); err != nil {
		return nil, fmt.Errorf("%w: %w", api.ErrRequest, err)
	}
	if d.kinds, err = KindsOf(d.file); err == nil {
		d.schema, err = d.kinds.Forms(d.given)
	}
	return d, err
}

// hash identifies the text.
func (d *document) hash() string {
	sum := sha256.Sum256(d.text)
	return hex.EncodeToString(sum[:])
}

// block is the schema of a section's blocks.
func (d *document) block(section string) *keys.Schema {
	return d.schema.Property(section).AdditionalProperties.Schema
}

// Configuration implements api.Editor.
func (c *Connector) Configuration() (*api.Configuration, error) {
	d, err := c.document()
	if err != nil {
		return nil, err
	}
	out := &api.Configuration{File: c.options.File, Hash: d.hash()}
	if d.schema == nil {
		out.ReadOnly, out.Text = c.foreign()
		return out, nil
	}
	out.ReadOnly = readOnly(d.path)
	out.Forms, out.Blocks = map[string]keys.Form{}, map[string]map[string]any{}
	for _, section := range sections {
		out.Forms[section] = d.block(section).Form()
		out.Blocks[section], _ = d.schema.Property(section).Redact(d.given[section]).(map[string]any)
	}
	return out, nil
}

// foreign returns why another program's file cannot be edited here, and the same configuration in this program's format.
func (c *Connector) foreign() (why, text string) {
	why = "The file is one of Fliplet Agent, which is not changed here."
	converted, variables, err := c.plan.Write(Kinds())
	if errors.Is(err, plan.ErrCode) {
		return why + " Its jobs are JavaScript functions, which forms cannot show.", ""
	}
	if err == nil {
		converted, err = keys.Format("connector.yaml", converted)
	}
	if err != nil {
		return why, ""
	}
	why += " To use forms, put this into a file of its own, and start that."
	if len(variables) > 0 {
		why += " Its secrets become variables of the environment."
	}
	return why, string(converted)
}

// edited returns the current configuration, the edited one, and a connector of that, which runs nothing.
func (c *Connector) edited(e api.Edit) (d *document, ch *change, probe *Connector, err error) {
	if d, err = c.document(); err != nil {
		return nil, nil, nil, err
	}
	if ch, err = c.change(d, e); err != nil {
		return nil, nil, nil, err
	}
	probe, err = c.checked(d, ch)
	return d, ch, probe, err
}

// Test implements api.Editor.
func (c *Connector) Test(ctx context.Context, e api.Edit) (*api.Tested, error) {
	_, _, probe, err := c.edited(e)
	if err != nil {
		return nil, err
	}
	probe.bounds.limits.Ledger = c.state // requests count
	found := probe.probe(ctx, e.Section, e.Name)
	return &api.Tested{Findings: append([]finding.Finding{}, found...)}, probe.Close()
}

// Save implements api.Editor.
func (c *Connector) Save(ctx context.Context, e api.Edit) (*api.Saved, error) {
	if c.options.service == nil {
		return nil, fmt.Errorf("%w: it runs each job once", api.ErrRequest)
	}
	c.options.service.editing.Lock()
	defer c.options.service.editing.Unlock()
	d, change, probe, err := c.edited(e)
	if err != nil {
		return nil, err
	}
	if err := probe.Close(); err != nil {
		return nil, err
	}
	why := readOnly(d.path)
	var kept string
	if why == "" {
		if kept, err = replace(d.path, d.text, change.text); fixed(err) {
			why, err = fmt.Sprintf("%s cannot be written: %v.", c.options.File, err), nil
		}
	}
	if why != "" {
		return nil, d.byHand(why, e, change.block)
	}
	if err != nil {
		return nil, err
	}
	c.log.Info("the configuration has been changed on the page", zap.String("section", e.Section), zap.String("name", e.Name), zap.String("before", kept))
	if err := c.Reload(ctx); err != nil {
		return nil, fmt.Errorf("saved, but %w", err)
	}
	return &api.Saved{Kept: kept}, nil
}

// change is an edit with its secrets filled in, and the text that the file would have.
type change struct {
	block any
	text  []byte
}

// change applies an edit. Hidden values are taken from the file, but a stored secret is never sent to a new
// address.
func (c *Connector) change(d *document, e api.Edit) (*change, error) {
	switch {
	case d.schema == nil:
		return nil, &api.Refusal{Why: "The file is one of Fliplet Agent, which is not changed here."}
	case e.Hash != d.hash():
		return nil, api.ErrStale
	case d.schema.Property(e.Section) == nil || d.schema.Property(e.Section).AdditionalProperties.Schema == nil:
		return nil, fmt.Errorf("%w: there is no section %.40q: it is sources, destinations or jobs", api.ErrRequest, e.Section)
	case !name.MatchString(e.Name):
		return nil, wrong("A mistake keeps the change from being made.", api.Mistake{Text: "the name has 1 to 64 letters, digits, - or _"})
	}
	blocks, _ := d.given[e.Section].(map[string]any)
	was := blocks[e.Name]
	out := &change{}
	if len(e.Block) > 0 && !bytes.Equal(e.Block, []byte("null")) {
		v, err := keys.FromJSON(e.Block)
		block, ok := v.(map[string]any)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: block: %w", api.ErrRequest, err)
		case !ok:
			return nil, fmt.Errorf("%w: block is not an object", api.ErrRequest)
		}
		key := keys.Join(e.Section, e.Name)
		r := restorer{}
		out.block = d.block(e.Section).Restore(key, was, block, r.keep, r.lose)
		r.moved(e.Section, was, out.block)
		r.outside(d.file, key, was, out.block)
		if len(r.mistakes) > 0 {
			return nil, wrong("", r.mistakes...)
		}
	} else if was == nil {
		return nil, fmt.Errorf("%w: there is no %.80q in %s", api.ErrRequest, e.Name, e.Section)
	}
	var err error
	out.text, err = keys.Edit(d.file, d.text, []string{e.Section, e.Name}, out.block)
	switch {
	case errors.Is(err, keys.ErrByHand):
		return nil, d.byHand("The file is written in a way that only an editor can change.", e, out.block)
	case err == nil && len(out.text) > keys.MaxFile:
		err = fmt.Errorf("%w: the file would have more than %d bytes", api.ErrRequest, keys.MaxFile)
	}
	return out, err
}

// checked returns a connector of the edited file, to be asked and closed. Anything that would keep it from starting is a
// Refusal.
func (c *Connector) checked(d *document, ch *change) (*Connector, error) {
	p, _, err := plan.ReadText(c.options.File, ch.text, os.Environ(), d.kinds)
	var probe *Connector
	if err != nil {
		err = more(c.options.File, p, err)
	} else {
		probe, err = New(p, Options{Log: c.log, Version: c.options.Version, State: c.options.State, File: c.options.File, Test: true})
	}
	if mistakes, ok := errors.AsType[keys.Mistakes](err); ok {
		var list []api.Mistake
		for _, m := range mistakes {
			list = append(list, api.Mistake{Key: m.Key, Text: m.Text, File: m.File, Line: keys.Find(d.file, d.text, m.Key).Line})
		}
		return nil, wrong("", list...)
	}
	return probe, err
}

// wrong is a Refusal for mistakes.
func wrong(why string, list ...api.Mistake) *api.Refusal {
	if why == "" {
		why = list[0].Key + ": " + list[0].Text
	}
	return &api.Refusal{Why: why, Mistakes: list}
}

// byHand is a Refusal that shows what to put into the file by hand, without its secrets.
func (d *document) byHand(why string, e api.Edit, block any) *api.Refusal {
	r := &api.Refusal{Why: why, Text: fmt.Sprintf("Remove %s from %s.\n", e.Name, e.Section)}
	if block == nil {
		return r
	}
	shown, err := json.MarshalIndent(map[string]any{e.Section: map[string]any{e.Name: d.block(e.Section).Redact(block)}}, "", "  ")
	if err == nil {
		shown, err = keys.Format(d.file, shown)
	}
	if r.Text = string(shown); err != nil {
		r.Text = err.Error()
	}
	return r
}
