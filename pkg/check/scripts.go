package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Resolvers returns an error for each table whose conflicts a script is to decide
// and that has none.
func Resolvers(policies map[string]config.Policy, t *transform.Transformers) error {
	var mistakes []error
	for _, table := range slices.Sorted(maps.Keys(policies)) {
		if policies[table].Name == conflict.Script && !t.HasResolve(table) {
			mistakes = append(mistakes, fmt.Errorf(`conflictPolicy.%s: "script": %w`, table, transform.ErrNoResolve))
		}
	}
	return errors.Join(mistakes...)
}

// checkScripts loads the transformers as the node does.
func checkScripts(cfg *config.Config) []Finding {
	f := &findings{area: AreaTransformers}
	if cfg.TransformerDirectory == "" {
		return nil
	}
	t := transform.New(zap.NewNop(), silent{}, silent{}, transform.Config{Directory: cfg.TransformerDirectory})
	defer t.Close()
	tables := allTables(cfg)
	if err := t.Load(tables); err != nil {
		for _, e := range each(err) {
			f.wrong("transformerDirectory", "", "%v", e)
		}
		return f.list
	}
	for _, e := range each(Resolvers(cfg.ConflictPolicy, t)) {
		f.wrong("conflictPolicy", "", "%v", e)
	}
	none := 0
	for _, table := range tables {
		switch file := t.File(table); {
		case file == "":
			f.right(table, "has no transformer; its file would be %s", transform.FileName(table))
			none++
		case file != transform.FileName(table):
			f.right(table, "has a transformer: %s, although %s would take precedence", file, transform.FileName(table))
		default:
			f.right(table, "has a transformer: %s", file)
		}
	}
	shared := t.Shared()
	for _, file := range sortedKeys(shared) {
		f.warn(file, "Let the script check context.table, or rename a table.", "is the file of %s: each uses it", list(shared[file]))
	}
	names := make([]string, len(tables))
	for i, table := range tables {
		names[i] = transform.FileName(table)
	}
	for _, file := range t.Unused() {
		meant := ""
		if nearest := config.Nearest(file, names); nearest != "" {
			meant = "; did you mean " + nearest + "?"
		}
		f.warn(file, "Give it the name of a table's file, as listed here, or move files that others require into a folder.",
			"matches no table in syncTables or receiveTables, and is not used%s", meant)
	}
	if none == len(tables) {
		f.warn("transformerDirectory", "Remove the key, or put files there, named as above.", "%s has no file for a table", cfg.TransformerDirectory)
	}
	return f.list
}

// silent is the database and the broker of scripts that are only loaded.
type silent struct{}

var errLoading = errors.New("the file is only loaded")

// Query does nothing.
func (silent) Query(context.Context, string, string) ([]value.Entity, error) { return nil, errLoading }

// Publish does nothing.
func (silent) Publish(context.Context, string, []byte, byte, bool) error { return errLoading }

// each returns the errors that were joined.
func each(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	lines := make([]string, len(joined.Unwrap()))
	for i, e := range joined.Unwrap() {
		lines[i] = e.Error()
	}
	if strings.Join(lines, "\n") != err.Error() {
		return []error{err} // one error that wraps several
	}
	return joined.Unwrap()
}

// allTables returns the tables of both lists, each once, in order.
func allTables(cfg *config.Config) []string {
	all := slices.Concat(cfg.SyncTables, cfg.ReceiveTables)
	slices.Sort(all)
	return slices.Compact(all)
}
