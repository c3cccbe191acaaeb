package mesh

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// rights calls f with each table that a right in a block names, and the right's key, in key order.
func rights(block map[string]any, f func(key, table string)) {
	clients, _ := block["acceptFrom"].(map[string]any)
	for _, client := range slices.Sorted(maps.Keys(clients)) {
		key := keys.Join("acceptFrom", client)
		of, _ := clients[client].(map[string]any)
		columns, _ := of["columns"].(map[string]any)
		for _, table := range slices.Sorted(maps.Keys(columns)) {
			f(keys.Join(keys.Join(key, "columns"), table), table)
		}
		for _, right := range []string{"delete", "read", "write"} {
			list, _ := of[right].([]any)
			for _, table := range list {
				if name, ok := table.(string); ok {
					f(keys.Join(key, right), name)
				}
			}
		}
	}
}

// unreceived returns a mistake for each table that a right names but no job receives.
func unreceived(block map[string]any, tables []string) (wrong config.Mistakes) {
	rights(block, func(key, table string) {
		if !slices.Contains(tables, table) {
			wrong = append(wrong, keys.Mistake{Key: key, Text: fmt.Sprintf("no job receives the table %q%s", table, keys.Suggest(table, tables))})
		}
	})
	return wrong
}
