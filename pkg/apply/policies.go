package apply

import (
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// Policies returns the tables' conflict policies, from the configuration key conflictPolicy.
func Policies(key map[string]config.Policy) map[string]conflict.Policy {
	policies := map[string]conflict.Policy{}
	for table, p := range key {
		policies[table] = conflict.Policy{Name: p.Name, Clients: p.Priority, Counters: p.Counters}
	}
	return policies
}
