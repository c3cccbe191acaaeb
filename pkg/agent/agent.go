package agent

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/foreign"
	"github.com/mysql-sync/mysql-sync/pkg/guest"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	source "github.com/mysql-sync/mysql-sync/pkg/source/sql"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

//go:embed agent.js
var program []byte

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
	guest   *guest.Script
	web     *guest.Web
	config  Config
	reads   *source.Source // nil: no database
	writes  *sql.DB        // nil: no database, or a dry run
	dialect sqldb.Dialect
}

// Open loads a script, which runs it once, without its setup function. The error is keys.Mistakes if the script is at
// fault.
func Open(log *zap.Logger, path string, c Config) (*Script, error) {
	if c.Dry && c.Remote.Dry == nil {
		c.Remote.Dry = func(remote.Sent) {}
	}
	s := &Script{config: c, web: guest.NewWeb(c.Remote, nil)}
	var err error
	s.guest, err = guest.Open(log, path, guest.Host{Name: ".agent.js", Program: program, Setup: map[string]any{"dialect": c.Database.Driver}, Answer: s})
	if err != nil {
		return nil, err
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
	list := []error{s.guest.Close()}
	if s.reads != nil {
		list = append(list, s.reads.Close())
	}
	if s.writes != nil {
		list = append(list, s.writes.Close())
	}
	return errors.Join(list...)
}

// Plan reads a script and returns the plan that it describes. The strings are warnings; the error is keys.Mistakes if the
// script is at fault.
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
		return nil, nil, s.guest.Mistake(err)
	}
	var described foreign.Script
	d := json.NewDecoder(strings.NewReader(result["text"]))
	d.UseNumber()
	if err := d.Decode(&described); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return foreign.FlipletScript(path, full, content, &described)
}

// call has the script do a task of an operation, and returns the texts of its answer.
func (s *Script) call(ctx context.Context, task string, operation int, more ...value.Field) (map[string]string, error) {
	return s.guest.Call(ctx, task, append(more, value.Field{Name: "operation", Value: int64(operation)})...)
}
