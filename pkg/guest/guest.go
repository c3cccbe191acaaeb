package guest

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

//go:embed guest.js
var library []byte

// TimeLimit is how long a call may take, including its requests; MostText is how many bytes it may return or be given.
const (
	TimeLimit = time.Minute
	MostText  = 64 << 20
)

// Host is a JavaScript program that plays the environment for which a user's script is written. It exports the function
// that Call calls, requires the script by the name in ./.setup.json, and can use ./.guest.js.
type Host struct {
	Name    string // of its file, which starts with a dot
	Program []byte
	Setup   map[string]any // what ./.setup.json has besides file, env and most
	Answer  transform.Querier
	Redact  func(text string) string // removes secrets from what the script throws and logs; nil: none
}

// Script is a user's script with its host. It is safe for concurrent use; its calls run one after the other.
type Script struct {
	Path    string // as shown in messages
	scripts *transform.Transformers
}

// table is the name under which hosts are loaded.
const table = "script"

// Open loads a script, which runs it once. The error is keys.Mistakes if the script is at fault.
func Open(log *zap.Logger, path string, h Host) (*Script, error) {
	files, err := readFiles(path)
	if err != nil {
		return nil, err
	}
	env := variables(files)
	setup := map[string]any{"file": filepath.Base(path), "env": env, "most": MostText}
	maps.Copy(setup, h.Setup)
	text, err := json.Marshal(setup)
	if err != nil {
		return nil, err
	}
	files[".setup.json"], files[".guest.js"], files[h.Name] = text, library, h.Program
	s := &Script{Path: path, scripts: transform.New(log, h.Answer, nobody{}, transform.Config{Files: files, TimeLimit: TimeLimit, Runtimes: 1, Strict: true, Redact: hiding(env, h.Redact)})}
	if err := s.scripts.LoadFiles(map[string]string{table: h.Name}); err != nil {
		s.scripts.Close()
		return nil, s.Mistake(err)
	}
	return s, nil
}

// How many bytes the value of a variable must have to be hidden: "eu" and "5432" are in too many texts.
const (
	shortestSecret = 4 // if its name says that it is a secret
	shortestHidden = 8
)

var secretName = regexp.MustCompile(`(?i)auth|cred|key|pass|pwd|secret|token`)

// hiding returns what removes the values of variables from a text, since they may be secrets, and then does what redact
// does, if that is not nil.
func hiding(env map[string]string, redact func(string) string) func(string) string {
	var secrets []string
	for name, v := range env {
		if len(v) >= shortestHidden || len(v) >= shortestSecret && secretName.MatchString(name) {
			secrets = append(secrets, v)
		}
	}
	hide := remote.NewRedactor(secrets, nil).Start
	switch {
	case len(secrets) == 0:
		return redact
	case redact == nil:
		return hide
	}
	return func(text string) string { return redact(hide(text)) }
}

// Close ends the script's process.
func (s *Script) Close() error {
	s.scripts.Close()
	return nil
}

// Call calls the host's function with a task and its arguments, and returns the texts of its answer. The host's questions
// are answered with a context that has the values of ctx.
func (s *Script) Call(ctx context.Context, task string, about ...value.Field) (map[string]string, error) {
	result, err := s.scripts.Apply(ctx, transform.Call{Table: table, Entity: append(value.Entity{{Name: "task", Value: task}}, about...)})
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

// located finds, in an error of package transform, where a script has failed.
var located = regexp.MustCompile(`^(?:load transformer: )?([^:\s]+):([0-9]+): (.*)$`)

// Mistake returns a script's error as a mistake in a configuration, unless the script is not to blame.
func (s *Script) Mistake(err error) error {
	if transform.Transient(err) {
		return err
	}
	m := keys.Mistake{Key: s.Path, File: s.Path, Text: strings.TrimPrefix(err.Error(), "load transformer: ")}
	if at := located.FindStringSubmatch(err.Error()); at != nil {
		m.File, m.Text = filepath.Join(filepath.Dir(s.Path), at[1]), at[3]
		m.Key = "script"
		m.Line, _ = strconv.Atoi(at[2])
	}
	switch {
	case strings.Contains(m.Text, "Invalid module"), strings.Contains(m.Text, "Cannot find module"):
		m.Text += "; scripts can require files below their own folder by their relative path, and buffer, url and util, but no other modules"
	case strings.Contains(m.Text, "is not defined"):
		m.Text += "; scripts run in a sandbox without the globals of Node.js"
	}
	return keys.Mistakes{m}
}

// nobody refuses messages: a connector's scripts have no broker.
type nobody struct{}

func (nobody) Publish(context.Context, string, []byte, byte, bool) error {
	return errors.New("there is no broker")
}
