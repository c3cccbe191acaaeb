package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/agent"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/foreign"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// load reads a configuration, whichever program it is of. The strings are warnings.
func load(path string) (*plan.Plan, []string, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".yml", ".yaml":
		content, err := keys.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		if !own(content) {
			return foreign.Fliplet(path, content)
		}
	case ".json", ".toml":
	case ".js":
		return agent.Plan(context.Background(), path)
	default:
		return nil, nil, fmt.Errorf("%s: expected a .yaml, .json or .toml file, or the .yml or .js file of Fliplet Agent", path)
	}
	kinds, err := connector.KindsOf(path)
	if err != nil {
		return nil, nil, err
	}
	return plan.Read(path, os.Environ(), kinds)
}

// own reports whether a YAML file is of this program: one of Fliplet Agent has none of
// its blocks.
func own(content []byte) bool {
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

// stateFile is where the state of a configuration is, unless a flag says otherwise.
func stateFile(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".db" }
