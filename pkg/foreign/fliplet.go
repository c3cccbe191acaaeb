package foreign

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// flipletFile is a configuration of Fliplet Agent in YAML, with the keys of its
// documentation and of its version 2.0.7.
type flipletFile struct {
	flipletAccount  `yaml:",inline"`
	flipletDatabase `yaml:",inline"`
	flipletRows     `yaml:",inline"`
	flipletRun      `yaml:",inline"`
}

type flipletAccount struct {
	AuthToken  string   `yaml:"auth_token" secret:"yes"`
	BaseURL    string   `yaml:"base_url"`
	DataSource int      `yaml:"datasource_id"`
	RunHooks   []string `yaml:"run_hooks"`
	Merge      bool     `yaml:"merge"`

	Encryption *flipletEncrypt `yaml:"encrypt"`
	Files      []flipletColumn `yaml:"files"`
}

// flipletColumn is a column whose values name files.
type flipletColumn struct {
	Column    string            `yaml:"column"`
	Type      string            `yaml:"type"`
	Directory string            `yaml:"directory"`
	Headers   map[string]string `yaml:"headers"`
	Username  string            `yaml:"username"` // of sharepoint
	Password  string            `yaml:"password" secret:"yes"`
	Private   bool              `yaml:"private"` // ours: remote files may have private addresses
}

// flipletEncrypt says which columns are encrypted.
type flipletEncrypt struct {
	Fields []string `yaml:"fields"`
	Key    string   `yaml:"key" secret:"yes"`
	Salt   string   `yaml:"salt"` // of the organization's keystore
}

type flipletDatabase struct {
	Driver     string `yaml:"database_driver"`
	Host       string `yaml:"database_host"`
	User       string `yaml:"database_username"`
	Password   string `yaml:"database_password" secret:"yes"`
	Port       int    `yaml:"database_port"`
	Database   string `yaml:"database_name"`
	Domain     string `yaml:"database_domain"`   // of SQL Server
	Instance   string `yaml:"database_instance"` // of SQL Server
	Encrypt    bool   `yaml:"database_encrypt"`  // of SQL Server
	NativeODBC bool   `yaml:"database_native_odbc"`
}

type flipletRows struct {
	Query       string `yaml:"query"`
	Primary     string `yaml:"primary_column"`
	IgnoreCase  bool   `yaml:"case_insensitive_primary_column"`
	Timestamp   string `yaml:"timestamp_column"`
	Delete      string `yaml:"delete_column"`
	DeletedWhen string `yaml:"deleted_when"` // ours: not_null (default) or truthy
	Compare     string `yaml:"compare"`      // ours: different (default) or newer
	Mode        string `yaml:"mode"`
}

type flipletRun struct {
	Type         string `yaml:"type"` // push
	Description  string `yaml:"description"`
	SyncOnInit   *bool  `yaml:"sync_on_init"` // default: true
	Frequency    string `yaml:"frequency"`
	BatchSize    int    `yaml:"batch_size"`
	Concurrency  int    `yaml:"concurrency"`
	LogVerbosity string `yaml:"log_verbosity"`
	DryRun       bool   `yaml:"is_dry_run"`
}

// Fliplet reads a YAML configuration of Fliplet Agent; name is the file's name in messages. What the original does with
// it and we do not is returned as warnings. The error is keys.Mistakes, unless the text is empty.
func Fliplet(name string, content []byte) (*plan.Plan, []string, error) {
	var f flipletFile
	r := newReader(name, content)
	r.decode(&f)
	if len(r.mistakes) == 0 {
		f.check(r)
	}
	if len(r.mistakes) > 0 {
		return nil, nil, r.sorted()
	}
	p, warnings := f.plan()
	return p, warnings, nil
}

// flipletDrivers are those of the original.
var flipletDrivers = []string{"mysql", "postgres", "sqlite", "mssql"}

// flipletLevels are the levels of our log by the original's log_verbosity. Ours has an error where that is critical.
var flipletLevels = map[string]string{"debug": "debug", "info": "info", "critical": "error"}

// check records what is wrong with the combination of keys.
func (f *flipletFile) check(r *reader) {
	f.flipletAccount.check(r)
	f.flipletDatabase.check(r)
	if f.Query == "" {
		r.mistake("query", "is missing: say which rows to push")
	}
	f.flipletRows.check(r)
	f.flipletRun.check(r)
	f.Encryption.check(r, f.Primary)
	f.checkFiles(r)
}

// checkFiles records what is wrong with the columns of files.
func (f *flipletFile) checkFiles(r *reader) {
	for i, c := range f.Files {
		switch {
		case c.Column == "":
			r.mistake("files", "[%d].column is missing", i)
		case c.Type == "sharepoint":
			r.mistake("files", "[%d].type: sharepoint is not supported; have the files in a directory, with type: local", i)
		case c.Type != "remote" && c.Type != "local":
			r.mistake("files", "[%d].type: %q is not one of remote, local", i, c.Type)
		case c.Column == f.Primary:
			r.mistake("files", "[%d]: the primary column cannot become a URL: no entry would be found again", i)
		case c.Username != "" || c.Password != "":
			r.mistake("files", "[%d]: username and password are of sharepoint; remove them", i)
		}
	}
}

func (e *flipletEncrypt) check(r *reader, primary string) {
	switch {
	case e == nil:
	case len(e.Fields) == 0:
		r.mistake("encrypt", "has no fields: say which columns to encrypt")
	case slices.Contains(e.Fields, primary):
		r.mistake("encrypt", "the primary column %q cannot be encrypted: no entry would be found again", primary)
	case e.Key == "":
		r.mistake("encrypt", "has no key: give the passphrase as key; the organization's keystore is not read")
	case e.Salt != "":
		r.mistake("encrypt", "salt is of the organization's keystore, which is not read; remove it")
	}
}

func (f *flipletAccount) check(r *reader) {
	if f.AuthToken == "" {
		r.mistake("auth_token", "is missing: create one in Fliplet Studio")
	}
	if strings.ContainsFunc(f.AuthToken, func(c rune) bool { return c <= ' ' || c > '~' }) {
		r.mistake("auth_token", "contains a character that no token has, such as a space or newline")
	}
	switch {
	case f.DataSource == 0:
		r.mistake("datasource_id", "is missing: it stands in Fliplet Studio, in the settings of the data source")
	case f.DataSource < 0:
		r.mistake("datasource_id", "%d is less than 1", f.DataSource)
	}
	if u, err := url.Parse(f.BaseURL); f.BaseURL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
		r.mistake("base_url", "must be a URL that begins with https://")
	}
	for i, h := range f.RunHooks {
		switch {
		case h != "insert" && h != "update":
			r.mistake("run_hooks", "%q is not one of insert, update", h)
		case slices.Contains(f.RunHooks[:i], h):
			r.mistake("run_hooks", "%q is there twice; remove one", h)
		}
	}
}

func (f *flipletDatabase) check(r *reader) {
	switch {
	case f.Driver == "":
		r.mistake("database_driver", "is missing: one of %s", strings.Join(flipletDrivers, ", "))
	case !slices.Contains(flipletDrivers, f.Driver):
		r.mistake("database_driver", "%q is not one of %s", f.Driver, strings.Join(flipletDrivers, ", "))
	}
	if f.Database == "" {
		r.mistake("database_name", "is missing: name the database")
	}
	if f.NativeODBC {
		r.mistake("database_native_odbc", "ODBC is not supported; remove the key: the connector connects to SQL Server directly")
	}
	if f.Port < 0 || f.Port > 65535 {
		r.mistake("database_port", "%d is not between 1 and 65535", f.Port)
	}
}

func (f *flipletRows) check(r *reader) {
	r.oneOf("mode", f.Mode, "update", "replace")
	r.oneOf("compare", f.Compare, "different", "newer")
	r.oneOf("deleted_when", f.DeletedWhen, "not_null", "truthy")
	if f.Primary == "" {
		for key, column := range map[string]string{"timestamp_column": f.Timestamp, "delete_column": f.Delete} {
			if column != "" {
				r.mistake(key, "needs primary_column, which identifies rows at Fliplet")
			}
		}
	}
}

func (f *flipletRun) check(r *reader) {
	r.oneOf("type", f.Type, "push")
	r.oneOf("log_verbosity", f.LogVerbosity, "debug", "info", "critical")
	if f.Frequency != "" {
		if _, err := schedule.Parse(schedule.Entry{Cron: f.Frequency}); err != nil {
			r.mistake("frequency", "%s", strings.TrimPrefix(err.Error(), "cron: "))
		}
	}
	for key, n := range map[string]int{"batch_size": f.BatchSize, "concurrency": f.Concurrency} {
		if n < 0 {
			r.mistake(key, "%d is less than 1", n)
		}
	}
}

// plan is what the file says to do.
func (f *flipletFile) plan() (*plan.Plan, []string) {
	var warnings []string
	var key []string
	mode := job.Mode(f.Mode)
	switch {
	case f.Primary == "":
		mode = job.ModeAppend
		warnings = append(warnings, "primary_column: is missing, so each run appends all rows again")
	case mode == "":
		key, mode = []string{f.Primary}, job.ModeUpdate
	default:
		key = []string{f.Primary}
	}
	for i, c := range f.Files {
		if c.Type == "local" && c.Directory == "" {
			warnings = append(warnings, fmt.Sprintf("files: [%d] has no directory, so rows can name any file that the connector can read", i))
		}
	}
	compare := diff.Compare{}
	if f.Timestamp != "" {
		compare = diff.Compare{Rule: diff.Different, Column: f.Timestamp}
		if f.Compare == "newer" {
			compare.Rule = diff.Newer
		}
	}
	hooks := f.RunHooks
	if hooks == nil {
		hooks = []string{}
	}
	return &plan.Plan{
		Sources:      map[string]plan.Adapter{"database": {Type: f.Driver, Settings: f.database()}},
		Destinations: map[string]plan.Adapter{"fliplet": {Type: "fliplet", Settings: f.account()}},
		Jobs: []plan.Job{{
			Name: "push", Description: f.Description, Guard: diff.DefaultGuard,
			From: plan.From{Source: "database", Rows: job.From{
				Query: f.Query, Key: key, IgnoreCase: f.IgnoreCase, Deleted: f.Delete, Truthy: f.DeletedWhen == "truthy", Stall: job.UsualStall,
			}},
			To: []plan.Leg{{
				Destination: "fliplet", Mode: mode, Compare: compare, Batch: f.BatchSize, Concurrency: f.Concurrency,
				Settings: f.leg(hooks),
			}},
			Schedule: schedule.Entry{Cron: f.Frequency, Zone: "local", OnStart: f.SyncOnInit == nil || *f.SyncOnInit || f.Frequency == ""},
			CatchUp:  24 * time.Hour,
		}},
		Once:     f.Frequency == "",
		Test:     f.DryRun,
		Sections: plan.Sections{Level: flipletLevels[f.LogVerbosity]},
	}, warnings
}

func (f *flipletFile) database() plan.Settings {
	if f.Driver == "sqlite" {
		return plan.Settings{"database": f.Database}
	}
	s := plan.Settings{"host": f.Host, "port": f.Port, "user": f.User, "password": f.Password, "database": f.Database}
	if f.Driver == "mssql" {
		s["domain"], s["instance"], s["tls"] = f.Domain, f.Instance, f.Encrypt
	}
	return s
}

// leg is what is said of the data source.
func (f *flipletFile) leg(hooks []string) plan.Settings {
	s := plan.Settings{"dataSource": f.DataSource, "merge": f.Merge, "runHooks": hooks}
	if f.Encryption != nil {
		s["encrypt"] = f.Encryption.Fields
	}
	var files []any
	for _, c := range f.Files {
		file := map[string]any{"column": c.Column, "type": c.Type}
		if c.Directory != "" {
			file["directory"] = c.Directory
		}
		if len(c.Headers) > 0 {
			headers := map[string]any{}
			for name, v := range c.Headers {
				headers[name] = v
			}
			file["headers"] = headers
		}
		if c.Private {
			file["private"] = true
		}
		files = append(files, file)
	}
	if files != nil {
		s["files"] = files
	}
	return s
}

func (f *flipletFile) account() plan.Settings {
	s := plan.Settings{"token": f.AuthToken, "baseURL": f.BaseURL}
	if f.Encryption != nil {
		s["encryptKey"] = f.Encryption.Key
	}
	return s
}
