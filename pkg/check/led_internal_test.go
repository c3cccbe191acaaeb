package check

import (
	"errors"
	"fmt"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

func TestANodeStartsWithoutATableThatItsHubNames(t *testing.T) {
	t.Parallel()
	gone := func(key, table string) error {
		return errors.Join(&tableMistake{key, table, fmt.Errorf("table %s: %w in database d", table, schema.ErrNoTable)})
	}
	unfit := errors.Join(&tableMistake{"receiveTables", "c", fmt.Errorf("table c: %w: it is a view", schema.ErrUnfit)})
	for name, x := range map[string]struct {
		err    error
		led    []string
		starts bool
	}{
		"nothing is wrong":         {starts: true},
		"a table is gone":          {err: errors.Join(gone("syncTables", "a"), gone("receiveTables", "a")), led: []string{"receiveTables", "syncTables"}, starts: true},
		"another cannot be synced": {err: errors.Join(gone("syncTables", "a"), unfit), led: []string{"receiveTables", "syncTables"}, starts: true},
		"all are gone":             {err: errors.Join(errors.Join(gone("syncTables", "a"), gone("syncTables", "b")), unfit), led: []string{"receiveTables", "syncTables"}},
		"its own file names it":    {err: errors.Join(gone("syncTables", "a"), gone("receiveTables", "a")), led: []string{"syncTables"}},
		"no hub leads it":          {err: gone("syncTables", "a")},
		"something else is wrong":  {err: errors.Join(gone("syncTables", "a"), errors.New("counters.b: no number")), led: []string{"syncTables"}},
	} {
		cfg := &config.Config{SyncTables: []string{"a", "b"}, ReceiveTables: []string{"a", "c"}, From: config.From{Led: config.Led{Keys: x.led}}}
		if err := ledTables(zap.NewNop(), cfg, x.err); (err == nil) != x.starts || err != nil && !errors.Is(err, x.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
