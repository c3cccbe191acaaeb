package connector

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	return plan.Read(path, os.Environ(), kinds)
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
