package check

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// checkScripts loads the transformers like the node, and those that it gives to others.
func checkScripts(cfg *config.Config) []finding.Finding {
	f := &finding.List{Area: AreaTransformers}
	for i := range cfg.Leads {
		judgeLed(f, &cfg.Leads[i])
	}
	if cfg.HasScripts() {
		judgeScripts(f, cfg)
	}
	return f.Found
}

// judgeLed judges the scripts of a profile.
func judgeLed(f *finding.List, l *config.Lead) {
	key := "lead." + l.Name + ".scripts"
	t, err := loadLed(l)
	if err != nil {
		for _, e := range keys.Each(err) {
			f.Wrongf(key, "", "%v", e)
		}
		return
	}
	defer t.Close()
	for _, table := range tablesOf(l) {
		if file := t.File(table); file != "" {
			f.Rightf(key, "gives %s a script: %s", table, file)
		}
	}
	if file := t.Unused(); len(file) > 0 && len(tablesOf(l)) > 0 {
		f.Warnf(key, "Give it the name of a table's file, or move files that others require into a folder.", "no table of the profile uses %s", list(file))
	}
}

// loadLed loads the scripts of a profile for the tables that it names. All files must at least be valid.
func loadLed(l *config.Lead) (*transform.Transformers, error) {
	files := transform.Files{}
	for name, text := range l.Scripts {
		files[name] = []byte(text)
	}
	t := transform.New(zap.NewNop(), silent{}, silent{}, transform.Config{Files: files})
	err := transform.Syntax(files)
	if err == nil {
		err = t.Load(tablesOf(l))
	}
	if err != nil {
		t.Close()
	}
	return t, err
}

// tablesOf returns the tables that a profile names.
func tablesOf(l *config.Lead) (tables []string) {
	for _, key := range []string{"syncTables", "receiveTables"} {
		var some []string
		if json.Unmarshal(l.Keys[key], &some) == nil { // the sites' own otherwise
			tables = append(tables, some...)
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

// judgeScripts judges the scripts for the node's own rows.
func judgeScripts(f *finding.List, cfg *config.Config) {
	t := transform.New(zap.NewNop(), silent{}, silent{}, transform.Of(cfg))
	defer t.Close()
	tables := allTables(cfg)
	if err := t.Load(tables); err != nil {
		about := "transformerDirectory"
		if cfg.TransformerDirectory == "" {
			about = "configurationFrom"
		}
		for _, e := range keys.Each(err) {
			f.Wrongf(about, "", "%v", e)
		}
		return
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
		case transform.FromHub(file):
			f.Rightf(table, "has a transformer from %s: %s", cfg.From.Source(), file)
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
	if none == len(tables) && cfg.TransformerDirectory != "" {
		f.Warnf("transformerDirectory", "Remove the key, or put files there, named as above.", "%s has no file for a table", cfg.TransformerDirectory)
	}
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
