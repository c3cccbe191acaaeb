package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Variable is a session variable: a user variable, whose name begins with @, or a
// server variable. Its value is an int, a string or a bool.
type Variable struct {
	Name  string
	Value any
}

// userVariable matches the names that user variables may have here.
var userVariable = regexp.MustCompile(`^@[a-zA-Z0-9_$.]{1,64}$`)

// ownVariables tell the node's own triggers what it is doing.
const ownVariables = "@mysql_sync_"

// nodeVariables are server variables that the node relies on: what is stored, how
// it is read, and what a transaction sees.
var nodeVariables = []string{
	"autocommit", "character_set_client", "character_set_connection", "character_set_results", "check_constraint_checks", "collation_connection",
	"default_storage_engine", "explicit_defaults_for_timestamp", "foreign_key_checks", "innodb_lock_wait_timeout", "insert_id", "last_insert_id", "lock_wait_timeout",
	"max_allowed_packet", "names", "sql_auto_is_null", "sql_mode", "sql_quote_show_create", "sql_select_limit", "time_zone", "timestamp", "transaction_isolation", "transaction_read_only",
	"tx_isolation", "tx_read_only", "unique_checks", "wait_timeout",
}

// freeVariables are the server variables that may be set.
var freeVariables = []string{
	"default_week_format", "div_precision_increment", "group_concat_max_len", "lc_time_names", "max_sp_recursion_depth", "sql_log_bin", "sql_safe_updates",
}

// session reads the variables of the sessions that write received rows.
func (c *checker) session(given map[string]any) []Variable {
	var list []Variable
	for _, name := range slices.Sorted(maps.Keys(given)) {
		key, plain := keys.Join("applySession", name), strings.ToLower(name)
		switch {
		case strings.HasPrefix(plain, ownVariables), slices.Contains(nodeVariables, plain):
			c.Mistakef(key, "is set by the node itself; remove it")
		case strings.HasPrefix(plain, "@") && !userVariable.MatchString(name):
			c.Mistakef(key, "is not a variable name: @ and up to 64 letters, digits, _, $ or .")
		case !strings.HasPrefix(plain, "@") && !slices.Contains(freeVariables, plain):
			c.Mistakef(key, "cannot be set here; allowed are variables of your own, such as @%s, and %s", strings.TrimLeft(plain, "@"), strings.Join(freeVariables, ", "))
		case slices.ContainsFunc(list, func(v Variable) bool { return strings.EqualFold(v.Name, name) }):
			c.Mistakef(key, "is set twice: names ignore case")
		default:
			list = append(list, Variable{Name: name, Value: given[name]})
		}
	}
	return list
}
