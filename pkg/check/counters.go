package check

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// uncountable is why a column cannot be a counter, and what to do about it.
type uncountable struct{ table, why, do string }

func (u uncountable) Error() string {
	return "counters." + u.table + ": " + u.why + ": " + strings.ToLower(u.do[:1]) + strings.TrimSuffix(u.do[1:], ".")
}

// counterMistakes returns why columns cannot be counters, for each that cannot.
func counterMistakes(t *schema.Table, names []string) (mistakes []uncountable) {
	wrong := func(name, why, do string) {
		mistakes = append(mistakes, uncountable{t.Name, "column " + name + " " + why, do})
	}
	length := 0
	for _, name := range t.Names() {
		length += len(name)
	}
	for _, name := range names {
		named := func(other string) bool { return strings.EqualFold(name, other) }
		among := func(columns []string) bool { return slices.ContainsFunc(t.Written(columns), named) }
		c, ok := t.Column(name)
		switch {
		case !ok:
			wrong(name, "is not in the table, or is computed by the server", "Correct the name, or remove it.")
		case !c.Adds():
			wrong(name, "is a "+strings.ToUpper(c.DataType)+", and only whole numbers and DECIMAL add up exactly", "Change its type to DECIMAL, or remove it.")
		case t.IsKeyColumn(c.Name):
			wrong(name, "is in the primary key, by which sites know the row", "Remove it.")
		case slices.ContainsFunc(t.Unique, among):
			wrong(name, "is in a unique key, or one of its columns is computed from it, and sums would break that", "Remove it from counters, or drop the key.")
		case slices.ContainsFunc(t.ForeignKeys, func(f schema.ForeignKey) bool { return among(f.Columns) }):
			wrong(name, "is in a foreign key, and a sum refers to nothing", "Remove it.")
		case strings.Contains(strings.Join(t.Names(), ""), "`"):
			wrong(name, "cannot be counted, since a column of the table has a backtick in its name, which not every server accepts in the trigger", "Rename that column.")
		case length > 20_000:
			wrong(name, "cannot be counted, since the names of the table's columns are too long for the trigger", "Remove it.")
		}
	}
	return mistakes
}

// counters returns why the configured counters cannot count. Tables that cannot be read are others' business.
func counters(ctx context.Context, ts *schema.Tables, cfg *config.Config) error {
	var mistakes []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Counters)) {
		t, err := ts.Table(ctx, name)
		if errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit) {
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range counterMistakes(t, cfg.Counters[name]) {
			mistakes = append(mistakes, m)
		}
	}
	return errors.Join(mistakes...)
}

// judgeCounters judges the counters.
func judgeCounters(f *finding.List, c *catalogue, cfg *config.Config) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Counters)) {
		t := c.tables[name]
		if t == nil {
			continue
		}
		mistakes := counterMistakes(t, cfg.Counters[name])
		for _, m := range mistakes {
			f.Wrongf("counters."+name, m.do, "%s", m.why)
		}
		if len(mistakes) > 0 {
			continue
		}
		key := "counters." + name
		f.Rightf(key, "increments add up in %s", strings.Join(cfg.Counters[name], ", "))
		for _, column := range cfg.Counters[name] {
			if c, _ := t.Column(column); c.Unsigned {
				f.Warnf(key, "Make the column signed, if sites may sell more than there is.",
					"column %s is UNSIGNED: while the increments of all sites make less than 0, each site keeps its own number, and sync_status says so", column)
			}
		}
		if t.Triggered {
			f.Warnf(key, "Have the trigger leave counters alone.",
				"the table has a BEFORE trigger: if that changes a counter that this node writes, the sites differ")
		}
		if len(cfg.Version1Clients) > 0 {
			f.Warnf(key, "Let these clients only read the table; see acceptFrom.",
				"%s speak version 1: what they change in a counter is not counted, but kept in sync_conflicts", strings.Join(cfg.Version1Clients, ", "))
		}
	}
}
