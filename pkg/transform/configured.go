package transform

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// Of returns the Config for the scripts of a configuration.
func Of(cfg *config.Config) Config {
	return Config{Directory: cfg.TransformerDirectory, Led: cfg.From.Files, MaxRow: cfg.LargestRow()}
}

// LoadFor loads the scripts for the tables of a configuration; see Load. Scripts that it needs must exist. The error
// names its key.
func (t *Transformers) LoadFor(cfg *config.Config) error {
	if err := t.Load(cfg.Tables()); err != nil {
		return fmt.Errorf("%s: %w", Origin(cfg), err)
	}
	return t.Unresolved(cfg.ConflictPolicy)
}

// Origin names what says where a configuration's scripts come from.
func Origin(cfg *config.Config) string {
	switch from := &cfg.From; {
	case from.Files == nil:
		return "transformerDirectory"
	case cfg.TransformerDirectory == "":
		return from.Source()
	default:
		return "transformerDirectory, or " + from.Source()
	}
}

// Unresolved returns an error for each table whose conflicts a script must decide but that has none, or whose
// counters a transformer could change.
func (t *Transformers) Unresolved(policies map[string]config.Policy) error {
	var mistakes []error
	for _, table := range slices.Sorted(maps.Keys(policies)) {
		if policies[table].Name == conflict.Script && !t.HasResolve(table) {
			mistakes = append(mistakes, fmt.Errorf(`conflictPolicy.%s: "script": %w`, table, ErrNoResolve))
		}
		if len(policies[table].Counters) > 0 && t.Has(table) {
			mistakes = append(mistakes, fmt.Errorf("counters.%s: the table has a transformer, %s, and what that makes of a row is not what was counted: remove the script, or the table from counters", table, t.File(table)))
		}
	}
	return errors.Join(mistakes...)
}
