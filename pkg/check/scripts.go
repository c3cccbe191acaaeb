package check

import (
	"context"
	"errors"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// checkScripts loads the transformers like the node.
func checkScripts(cfg *config.Config) []finding.Finding {
	f := &finding.List{Area: AreaTransformers}
	if cfg.TransformerDirectory == "" {
		return nil
	}
	t := transform.New(zap.NewNop(), silent{}, silent{}, transform.Config{Directory: cfg.TransformerDirectory})
	defer t.Close()
	tables := allTables(cfg)
	if err := t.Load(tables); err != nil {
		for _, e := range keys.Each(err) {
			f.Wrongf("transformerDirectory", "", "%v", e)
		}
		return f.Found
	}
	for _, e := range keys.Each(t.Unresolved(cfg.ConflictPolicy)) {
		f.Wrongf("conflictPolicy", "", "%v", e)
	}
	none := 0
	for _, table := range tables {
		switch file := t.File(table); {
		case file == "":
			f.Rightf(table, "has no transformer; its file would be %s", transform.FileName(table))
			none++
		case file != transform.FileName(table):
			f.Rightf(table, "has a transformer: %s, although %s would take precedence", file, transform.FileName(table))
		default:
			f.Rightf(table, "has a transformer: %s", file)
		}
	}
	shared := t.Shared()
	for _, file := range sortedKeys(shared) {
		f.Warnf(file, "Let the script check context.table, or rename a table.", "is the file of %s: each uses it", list(shared[file]))
	}
	names := make([]string, len(tables))
	for i, table := range tables {
		names[i] = transform.FileName(table)
	}
	for _, file := range t.Unused() {
		meant := ""
		if nearest := keys.Nearest(file, names); nearest != "" {
			meant = "; did you mean " + nearest + "?"
		}
		f.Warnf(file, "Give it the name of a table's file, as listed here, or move files that others require into a folder.",
			"matches no table in syncTables or receiveTables, and is not used%s", meant)
	}
	if none == len(tables) {
		f.Warnf("transformerDirectory", "Remove the key, or put files there, named as above.", "%s has no file for a table", cfg.TransformerDirectory)
	}
	return f.Found
}

// silent is the database and the broker for scripts that are only loaded.
type silent struct{}

var errLoading = errors.New("the file is only loaded")

// Query does nothing.
func (silent) Query(context.Context, string, string) ([]value.Entity, error) { return nil, errLoading }

// Publish does nothing.
func (silent) Publish(context.Context, string, []byte, byte, bool) error { return errLoading }

// allTables returns the tables of both lists, each once, in order.
func allTables(cfg *config.Config) []string {
	all := slices.Concat(cfg.SyncTables, cfg.ReceiveTables)
	slices.Sort(all)
	return slices.Compact(all)
}
