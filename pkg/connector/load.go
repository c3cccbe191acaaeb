package connector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/agent"
	"github.com/mysql-sync/mysql-sync/pkg/foreign"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// Load reads a configuration of this program or another. The strings are warnings.
func Load(path string) (*plan.Plan, []string, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".yml", ".yaml":
		content, err := keys.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		if !own(path, content) {
			return foreign.Fliplet(path, content)
		}
	case ".json", ".toml":
	case ".js":
		return agent.Plan(context.Background(), path)
	default:
		return nil, nil, fmt.Errorf("%s: expected a .yaml, .json or .toml file, or the .yml or .js file of Fliplet Agent", path)
	}
	kinds, err := KindsOf(path)
	if err != nil {
		return nil, nil, err
	}
	p, warnings, err := plan.Read(path, os.Environ(), kinds)
	if err != nil {
		return nil, warnings, more(path, p, err)
	}
	return p, warnings, nil
}

// more adds to the mistakes of a file those that only New finds, in what is sound of the plan; nil: nothing is. A person then sees
// all at once. Promise 11.
func more(path string, p *plan.Plan, err error) error {
	mistakes, ok := errors.AsType[keys.Mistakes](err)
	if !ok || p == nil {
		return err
	}
	c, err := New(p, Options{Log: zap.NewNop(), File: path, State: path + ".db", Test: true}) // which writes nothing there
	if err == nil {
		_ = c.Close() // nothing was connected
		return mistakes
	}
	found, _ := errors.AsType[keys.Mistakes](err)
	for _, m := range found {
		one := strings.Replace(m.Key, ".to[0]", ".to", 1) // as the plan calls the only one
		if !slices.ContainsFunc(mistakes, func(known keys.Mistake) bool { return known.Key == m.Key || known.Key == one }) {
			mistakes = append(mistakes, m)
		}
	}
	slices.SortStableFunc(mistakes, func(a, b keys.Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return mistakes
}

// own reports whether a file is this program's: a YAML file of Fliplet Agent has none of its blocks.
func own(path string, content []byte) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".js":
		return false
	case ".yml", ".yaml":
	default:
		return true
	}
	var top map[string]yaml.Node
	if yaml.Unmarshal(content, &top) != nil {
		return strings.Contains("\n"+string(content), "\njobs:") // it is told what is wrong with it
	}
	for _, key := range []string{"jobs", "sources", "destinations", "connector"} {
		if _, is := top[key]; is {
			return true
		}
	}
	return false
}
