package agent

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/foreign"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	source "github.com/mysql-sync/mysql-sync/pkg/source/sql"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

//go:embed agent.js
var program []byte

// A function of a script may take so long, and return so much.
const (
	timeLimit = time.Minute
	mostText  = 64 << 20
)

// Config is what a script can reach. Zero values: nothing.
type Config struct {
	Database sqldb.Config
	// Remote is the HTTP configuration that all services share.
	Remote remote.Config
	// Dry keeps a script from changing anything.
	Dry bool
}

// Script is a configuration of Fliplet Agent. It is safe for concurrent use.
type Script struct {
	name    string // as messages have it
	config  Config
	scripts *transform.Transformers
	reads   *source.Source // nil: there is no database
	writes  *sql.DB        // nil: nothing may be changed
	dialect sqldb.Dialect

	mu      sync.Mutex
	clients map[string]*remote.Client // by address
}

// table is the name under which the script is loaded.
const table = "agent"

// Open loads a script, which runs it once, without its function setup. The error is keys.Mistakes if it is the script's.
func Open(log *zap.Logger, path string, c Config) (*Script, error) {
	files, err := readFiles(path)
	if err != nil {
		return nil, err
	}
	if c.Dry && c.Remote.Dry == nil {
		c.Remote.Dry = func(remote.Sent) {}
	}
	file := filepath.Base(path)
	setup, err := json.Marshal(map[string]any{"file": file, "env": variables(files), "dialect": c.Database.Driver, "most": mostText})
	if err != nil {
		return nil, err
	}
	files[".setup.json"], files[".agent.js"] = setup, program
	s := &Script{name: path, config: c, clients: map[string]*remote.Client{}}
	s.scripts = transform.New(log, s, s, transform.Config{Files: files, TimeLimit: timeLimit, Runtimes: 1})
	if err := s.scripts.LoadFiles(map[string]string{table: ".agent.js"}); err != nil {
		return nil, s.mistake(err)
	}
	if c.Database.Driver == "" {
		return s, nil
	}
	if err := s.connect(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect opens the database; it does not connect yet.
func (s *Script) connect() (err error) {
	if s.reads, err = source.Open(s.config.Database); err != nil {
		return err
	}
	if s.dialect, err = sqldb.DialectOf(s.config.Database.Driver); err != nil || s.config.Dry {
		return err
	}
	s.writes, err = s.dialect.Open(s.config.Database, true)
	return err
}

// Close ends the script's process and sessions.
func (s *Script) Close() error {
	s.scripts.Close()
	var list []error
	if s.reads != nil {
		list = append(list, s.reads.Close())
	}
	if s.writes != nil {
		list = append(list, s.writes.Close())
	}
	return errors.Join(list...)
}

// Plan reads a script and returns what it says to do. The strings are warnings; the error is keys.Mistakes if it is the
// script's.
func Plan(ctx context.Context, path string) (*plan.Plan, []string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	content, err := keys.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	s, err := Open(zap.NewNop(), path, Config{Dry: true})
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	result, err := s.call(ctx, "describe", 0)
	if err != nil {
		return nil, nil, s.mistake(err)
	}
	var described foreign.Script
	d := json.NewDecoder(strings.NewReader(result["text"]))
	d.UseNumber()
	if err := d.Decode(&described); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return foreign.FlipletScript(path, full, content, &described)
}

// call has the script do a task, and returns the texts that it answers with.
func (s *Script) call(ctx context.Context, task string, operation int, more ...value.Field) (map[string]string, error) {
	e := value.Entity{{Name: "task", Value: task}, {Name: "operation", Value: int64(operation)}}
	result, err := s.scripts.Apply(ctx, transform.Call{Table: table, Entity: append(e, more...)})
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
		return nil, err
	}
	texts := map[string]string{}
	for _, f := range result {
		texts[f.Name], _ = f.Value.(string)
	}
	return texts, nil
}

// located is where a script fails, in an error of package transform.
var located = regexp.MustCompile(`^(?:load transformer: )?([^:\s]+):([0-9]+): (.*)$`)

// mistake is an error of a script as one of a configuration.
func (s *Script) mistake(err error) error {
	if transform.Transient(err) {
		return err
	}
	m := keys.Mistake{Key: s.name, File: s.name, Text: strings.TrimPrefix(err.Error(), "load transformer: ")}
	if at := located.FindStringSubmatch(err.Error()); at != nil {
		m.File, m.Text = filepath.Join(filepath.Dir(s.name), at[1]), at[3]
		m.Key = "script"
		m.Line, _ = strconv.Atoi(at[2])
	}
	switch {
	case strings.Contains(m.Text, "Invalid module"), strings.Contains(m.Text, "Cannot find module"):
		m.Text += "; scripts can require files below their own folder by their relative path, and buffer, url and util, but no other modules"
	case strings.Contains(m.Text, "is not defined"):
		m.Text += "; scripts run in a sandbox, without what only Node.js has"
	}
	return keys.Mistakes{m}
}
