package foreign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// Agent is the type of the source that a JavaScript configuration of Fliplet Agent is.
const Agent = "fliplet-agent"

// Script is what a JavaScript configuration of Fliplet Agent says, as package agent finds it out.
type Script struct {
	Config     map[string]any    `json:"config"` // nil: it exports none
	Setup      string            `json:"setup"`  // the type of the function setup
	Operations []ScriptOperation `json:"operations"`
}

// ScriptOperation is what a script wants pushed or pulled.
type ScriptOperation struct {
	Type      string         `json:"type"` // push or pull
	Line      int            `json:"line"` // of the call of agent.push
	Keys      map[string]any `json:"keys"`
	Functions []string       `json:"functions"` // those of its keys that are functions
}

// ScriptSettings are the settings of a source of type Agent.
type ScriptSettings struct {
	File     string        `koanf:"file"`   // path
	Driver   string        `koanf:"driver"` // "": there is no database
	Database plan.Settings `koanf:"database"`
	Account  plan.Settings `koanf:"account"` // at Fliplet
}

// ScriptJob is what a job reads of a source of type Agent.
type ScriptJob struct {
	Operation int           `koanf:"operation"`
	Pull      plan.Settings `koanf:"pull"` // of the source fliplet; nil: the operation pushes
}

// scriptKeys are the keys of a script's config, database and operations by those of a YAML configuration, which mean
// the same.
var scriptKeys = map[string]map[string]string{
	"config": {
		"authToken": "auth_token", "baseURL": "base_url", "isDryRun": "is_dry_run", "syncOnInit": "sync_on_init", "logVerbosity": "log_verbosity",
		"batchSize": "batch_size",
	},
	"database": {
		"dialect": "database_driver", "host": "database_host", "username": "database_username", "password": "database_password", "port": "database_port",
		"database": "database_name", "storage": "database_name",
	},
	"dialectOptions": {"domain": "database_domain", "instanceName": "database_instance", "encrypt": "database_encrypt"},
	"operation": {
		"description": "description", "frequency": "frequency", "primaryColumnName": "primary_column", "caseInsensitivePrimaryColumn": "case_insensitive_primary_column",
		"timestampColumnName": "timestamp_column", "deleteColumnName": "delete_column", "mode": "mode", "runHooks": "run_hooks", "targetDataSourceId": "datasource_id",
		"merge": "merge", "concurrency": "concurrency", "compare": "compare", "deletedWhen": "deleted_when",
		"encrypt": "encrypt", "files": "files",
	},
}

// ofSequelize are options of a database that concern only the original's library.
var ofSequelize = []string{
	"logging", "pool", "define", "operatorsAliases", "benchmark", "retry", "omitNull", "quoteIdentifiers", "native", "sync", "hooks", "minifyAliases",
	"typeValidation", "isolationLevel", "logQueryParameters", "dialectModule", "transactionType", "standardConformingStrings",
}

// FlipletScript returns the plan of a JavaScript configuration of Fliplet Agent. name is the file's name in messages, and
// path the script's. The strings are warnings. The error is keys.Mistakes.
func FlipletScript(name, path string, content []byte, s *Script) (*plan.Plan, []string, error) {
	r := &scriptReader{name: name, lines: strings.Split(string(content), "\n")}
	if s.Config == nil {
		r.mistake(0, "exports.config", "is missing: export an object with authToken and database")
	}
	if s.Setup != "function" {
		r.mistake(0, "exports.setup", "is missing: export a function that calls agent.push")
	} else if len(s.Operations) == 0 {
		r.mistake(0, "exports.setup", "calls neither agent.push nor agent.pull")
	}
	if len(r.mistakes) > 0 {
		return nil, nil, r.mistakes
	}
	shared, hasDatabase := r.shared(s.Config)
	p := &plan.Plan{Once: true}
	count := map[string]int{}
	for i := range s.Operations {
		o := &s.Operations[i]
		f := r.operation(o, shared, hasDatabase)
		if f == nil {
			continue
		}
		one, warnings := f.plan()
		for _, w := range warnings {
			if o.Type != pull {
				r.warn(o.Line, w)
			}
		}
		j := &one.Jobs[0]
		j.From.Source, j.From.Rows.Query, j.From.Settings = "script", "", plan.Settings{"operation": i}
		if o.Type == pull {
			pulled(j, o, f)
		}
		if count[o.Type]++; count[o.Type] > 1 {
			j.Name += "-" + strconv.Itoa(count[o.Type])
		}
		settings := plan.Settings{"file": path, "account": f.account()}
		if hasDatabase {
			settings["driver"], settings["database"] = f.Driver, f.database()
		}
		p.Sources = map[string]plan.Adapter{"script": {Type: Agent, Settings: settings}}
		join(p, j, one.Destinations["fliplet"])
		p.Jobs = append(p.Jobs, *j)
		p.Once, p.Test, p.Sections = p.Once && one.Once, one.Test, one.Sections
	}
	if len(r.mistakes) > 0 {
		slices.SortStableFunc(r.mistakes, func(a, b keys.Mistake) int { return cmp.Compare(a.Line, b.Line) })
		return nil, nil, slices.Compact(r.mistakes)
	}
	return p, r.warnings, nil
}

// pull is the type of an operation that brings entries to the script's function action.
const pull = "pull"

// ofQuery are the keys of such an operation that Fliplet gets as they are.
var ofQuery = []string{"where", "attributes", "join", "distinct"}

// pulled makes a job of one that pushes: it gives entries to the script, and has no destination.
func pulled(j *plan.Job, o *ScriptOperation, f *flipletFile) {
	query := plan.Settings{"dataSource": f.DataSource}
	for _, name := range ofQuery {
		if v := o.Keys[name]; v != nil {
			query[name] = v
		}
	}
	j.Name, j.To = pull, nil
	j.From.Settings["pull"] = query
}

// join adds the account of a job. Operations that encrypt with keys of their own have accounts of their own.
func join(p *plan.Plan, j *plan.Job, a plan.Adapter) {
	if p.Destinations == nil {
		p.Destinations = map[string]plan.Adapter{}
	}
	name := "fliplet"
	if _, ok := a.Settings["encryptKey"]; ok && len(j.To) > 0 {
		name += "-" + j.Name
	}
	p.Destinations[name] = a
	for i := range j.To {
		j.To[i].Destination = name
	}
}

// scriptReader makes configurations in YAML of what a script says, and collects what is wrong.
type scriptReader struct {
	name     string
	lines    []string
	mistakes keys.Mistakes
	warnings []string
}

// mistake records what is wrong with a key. It is looked for from a line on.
func (r *scriptReader) mistake(from int, key, format string, args ...any) {
	m := keys.Mistake{Key: key, Text: fmt.Sprintf(format, args...), File: r.name}
	if m.Line = r.line(from, key); m.Line == 0 && !strings.HasPrefix(key, "exports.") {
		m.Line = r.line(0, "exports.config")
	}
	r.mistakes = append(r.mistakes, m)
}

// warn records a warning, which begins with a key.
func (r *scriptReader) warn(from int, text string) {
	key, rest, _ := strings.Cut(inScript(text), ": ")
	r.warnings = append(r.warnings, fmt.Sprintf("%s:%d: %s: %s", r.name, max(1, r.line(from, key)), key, rest))
}

// line is where a key stands, or else the given line; 0: nowhere.
func (r *scriptReader) line(from int, key string) int {
	name := key[strings.LastIndexByte(key, '.')+1:]
	pattern := regexp.MustCompile(`(^|[^\w$'"])['"]?` + regexp.QuoteMeta(name) + `['"]?\s*[:(,}=]`)
	for i := max(0, from-1); i < len(r.lines); i++ {
		if i > from && from > 0 && operationBegins.MatchString(r.lines[i]) {
			break
		}
		if pattern.MatchString(r.lines[i]) {
			return i + 1
		}
	}
	return from
}

// operationBegins matches where the next operation begins.
var operationBegins = regexp.MustCompile(`\.\s*(push|pull)\(`)

// shared returns the keys that config has in common for all operations, and whether there is a database.
func (r *scriptReader) shared(config map[string]any) (given map[string]any, hasDatabase bool) {
	given = map[string]any{}
	for name, v := range config {
		if name != "database" && name != "path" {
			r.take(given, 0, "config", name, v)
		}
	}
	database, ok := config["database"].(map[string]any)
	switch {
	case config["database"] == nil || ok && len(database) == 0:
		return given, false
	case !ok:
		r.mistake(0, "database", "is not an object")
		return given, true
	}
	if address, ok := database["url"].(string); ok {
		if err := addressOf(address, database); err != nil {
			r.mistake(0, "url", "%v", err)
		}
	}
	for name, v := range database {
		switch {
		case name == "url", slices.Contains(ofSequelize, name):
		case name == "dialect" && v == "mariadb":
			given["database_driver"] = "mysql"
		case name == "dialectModulePath" && v != nil:
			given["database_native_odbc"] = true
		case name == "timezone" && v != "+00:00" && v != "Z":
			r.mistake(0, name, "only +00:00 is supported: moments are in UTC; remove it, and convert in the query")
		case name == "timezone":
		case name == "dialectOptions":
			options, _ := v.(map[string]any)
			for option, v := range options {
				r.take(given, 0, "dialectOptions", option, v)
			}
		default:
			r.take(given, 0, "database", name, v)
		}
	}
	return given, true
}

// take takes a key of a script.
func (r *scriptReader) take(given map[string]any, from int, section, name string, v any) {
	key, known := scriptKeys[section][name]
	switch {
	case !known:
		r.mistake(from, name, "unknown key%s", keys.Suggest(name, slices.Sorted(maps.Keys(scriptKeys[section]))))
	case v != nil:
		given[key] = plainOf(key, v)
	}
}

// whole are the keys whose values are numbers, which scripts also write as texts.
var whole = []string{"datasource_id", "concurrency", "batch_size", "database_port"}

// plainOf is a value as YAML has it.
func plainOf(key string, v any) any {
	text := fmt.Sprint(v)
	_, isNumber := v.(json.Number)
	if n, err := strconv.Atoi(text); err == nil && slices.Contains(whole, key) {
		return n
	}
	if isNumber && !slices.Contains(whole, key) {
		return text // such as a password of digits
	}
	return v
}

// functions are the keys that are functions.
var functions = []string{"sourceQuery", "source", "action", "onSync"}

// operation is an operation with what all have, as a configuration in YAML; nil if there is a mistake.
func (r *scriptReader) operation(o *ScriptOperation, shared map[string]any, hasDatabase bool) *flipletFile {
	before := len(r.mistakes)
	given := maps.Clone(shared)
	for name, v := range o.Keys {
		switch {
		case slices.Contains(functions, name):
			r.mistake(o.Line, name, "is not a function")
		case o.Type == pull && slices.Contains(ofQuery, name):
		case o.Type == pull && !slices.Contains([]string{"description", "frequency", "targetDataSourceId"}, name):
			r.mistake(o.Line, name, "does not belong to agent.pull; remove it")
		default:
			r.take(given, o.Line, "operation", name, v)
		}
	}
	r.functions(o, hasDatabase)
	text, err := yaml.Marshal(given)
	if err != nil {
		r.mistake(o.Line, "agent."+o.Type, "%v", err)
		return nil
	}
	y := newReader(r.name, text)
	f := &flipletFile{}
	if y.decode(f); len(y.mistakes) == 0 {
		f.flipletAccount.check(y)
		if hasDatabase {
			f.flipletDatabase.check(y)
		}
		f.flipletRows.check(y)
		f.flipletRun.check(y)
		f.Encryption.check(y, f.Primary)
		f.checkFiles(y)
	}
	for _, m := range y.mistakes {
		from := o.Line
		if shared[m.Key] != nil || slices.Contains([]string{"auth_token", "database_driver", "database_name"}, m.Key) {
			from = 0
		}
		r.mistake(from, inScript(m.Key), "%s", inScript(m.Text))
	}
	if len(r.mistakes) > before {
		return nil
	}
	if f.Mode == "" && o.Type != pull && f.Primary != "" {
		r.warn(o.Line, "mode: is missing, so entries that the source does not have are kept; say mode: 'replace' to delete them")
	}
	return f
}

// functions records what is wrong with the functions of an operation.
func (r *scriptReader) functions(o *ScriptOperation, hasDatabase bool) {
	reads := 0
	for _, name := range o.Functions {
		switch {
		case o.Type == pull && name == "action":
			reads++
		case o.Type == pull:
			r.mistake(o.Line, name, "does not belong to agent.pull; remove it")
		case name == "sourceQuery" && !hasDatabase:
			r.mistake(o.Line, name, "needs config.database")
		case name == "sourceQuery" || name == "source":
			reads++
		case name == "onSync":
			r.mistake(o.Line, name, "is not supported; remove it, and see what was sent with mysql-sync-connector runs")
		default:
			r.mistake(o.Line, name, "is a function, but must be a value")
		}
	}
	switch {
	case reads == 0 && o.Type == pull:
		r.mistake(o.Line, "agent.pull", "has no function action: say what is done with the entries")
	case reads == 0:
		r.mistake(o.Line, "agent.push", "has neither of the functions sourceQuery and source: say which rows to push")
	}
}

// inScript is a text in which the keys of YAML are those of a script.
func inScript(text string) string { return scriptNames.Replace(text) }

var scriptNames = func() *strings.Replacer {
	byLength := map[string]string{}
	for _, section := range scriptKeys {
		for script, y := range section {
			if strings.Contains(y, "_") && script != "storage" {
				byLength[y] = script
			}
		}
	}
	var pairs []string
	for _, y := range slices.SortedFunc(maps.Keys(byLength), func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) }) {
		pairs = append(pairs, y, byLength[y])
	}
	return strings.NewReplacer(pairs...)
}()
