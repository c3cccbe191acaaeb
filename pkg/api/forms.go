package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// testsMost is how many connections are tested at a time.
const testsMost = 2

// Editor shows a configuration to forms, and changes it.
type Editor interface {
	// Configuration returns what forms show. No secret is in it.
	Configuration() (*Configuration, error)
	// Test checks an edit and tries the connections that it is about; nothing is written anywhere.
	Test(ctx context.Context, e Edit) (*Tested, error)
	// Save checks an edit, writes it to the file, and reloads.
	Save(ctx context.Context, e Edit) (*Saved, error)
}

// ErrStale says that a form was opened before the file changed.
var ErrStale = errors.New("the configuration has changed since the form was opened; open it again")

// Configuration is what forms show of a configuration.
type Configuration struct {
	File string `json:"file"`
	Hash string `json:"hash"` // of the file, for an Edit
	// ReadOnly is why the file cannot be changed; "": it can.
	ReadOnly string `json:"readOnly,omitempty"`
	// Text is the configuration as this program would have it, if the file is another program's.
	Text string `json:"text,omitempty"`
	// Forms are those of a block, by section: sources, destinations or jobs. None: there is nothing to edit.
	Forms map[string]keys.Form `json:"forms,omitempty"`
	// Blocks are what the file has, by section and name. "***" stands for a secret.
	Blocks map[string]map[string]any `json:"blocks,omitempty"`
}

// Edit is a block as a form has it.
type Edit struct {
	Hash    string          `json:"hash"`    // of the Configuration that the form was drawn from
	Section string          `json:"section"` // sources, destinations or jobs
	Name    string          `json:"name"`
	Block   json.RawMessage `json:"block"` // null: it is removed. "***" keeps a secret
}

// Tested is what came of a test.
type Tested struct {
	Findings []finding.Finding `json:"findings"`
}

// Saved is what came of saving.
type Saved struct {
	Kept string `json:"kept"` // path of the copy of the file as it was
}

// Refusal is why an edit is not tested, or not saved.
type Refusal struct {
	Mistakes []Mistake `json:"mistakes,omitempty"`
	// Text is what to put into the file by hand, if the file cannot be written. "***" stands for a secret.
	Text string `json:"text,omitempty"`
	Why  string `json:"error"`
}

// Mistake is what is wrong with a key, and what to do about it.
type Mistake struct {
	Key  string `json:"key"`
	Text string `json:"text"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"` // in the file as it is, of the key or of the block that lacks it
}

// Error returns why.
func (r *Refusal) Error() string { return r.Why }

// Unwrap returns the kind of the answer.
func (r *Refusal) Unwrap() error {
	if r.Text != "" {
		return serve.ErrConflict
	}
	return serve.ErrRequest
}

func (s *server) configuration(w http.ResponseWriter, _ *http.Request) error {
	c, err := s.Configuration()
	if err != nil {
		return err
	}
	return serve.JSON(w, c)
}

func (s *server) test(w http.ResponseWriter, r *http.Request) error {
	return edit(w, r, s.Test)
}

func (s *server) save(w http.ResponseWriter, r *http.Request) error {
	return edit(w, r, s.Save)
}

// edit answers with what came of an edit; a Refusal is an answer of its own.
func edit[R any](w http.ResponseWriter, r *http.Request, do func(context.Context, Edit) (*R, error)) error {
	var e Edit
	if err := serve.Body(w, r, &e); err != nil {
		return err
	}
	result, err := do(r.Context(), e)
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		serve.RefuseWith(w, err, refusal)
		return nil
	}
	if err != nil {
		return err
	}
	return serve.JSON(w, result)
}
