package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/diagnostics"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// errWritten says that the answer has begun: it is too late to set a status.
var errWritten = errors.New("answered partly")

// Bounds of a list: default and maximum number of items.
const (
	limitDefault = 100
	limitMost    = 1000
)

// api answers requests. Its methods return an error if they have not answered.
type api struct {
	*Server
	socket bool
}

// refuse answers with an error status.
func refuse(w http.ResponseWriter, err error) {
	if !errors.Is(err, errWritten) {
		serve.Refuse(w, kindOf(err))
	}
}

// kindOf maps an error of the node to the kind of the answer.
func kindOf(err error) error {
	for kind, its := range map[error]error{
		status.ErrRequest: serve.ErrRequest, status.ErrNotFound: serve.ErrNotFound, status.ErrChanged: serve.ErrConflict, status.ErrUnavailable: serve.ErrUnavailable,
	} {
		if errors.Is(err, kind) {
			return serve.Kind(its, err)
		}
	}
	return err
}

func limit(r *http.Request) (int, error) {
	n, err := serve.Number(r, "limit", limitDefault)
	if err == nil && (n == 0 || n > limitMost) {
		err = status.Kind(status.ErrRequest, fmt.Errorf("limit: %d is not between 1 and %d", n, limitMost))
	}
	return int(min(n, limitMost)), err
}

func (a api) status(w http.ResponseWriter, r *http.Request) error {
	s, err := a.node.State(r.Context())
	if err != nil {
		return err
	}
	return serve.JSON(w, s)
}

func (a api) fleet(w http.ResponseWriter, r *http.Request) error {
	f, err := a.node.Fleet(r.Context())
	if err != nil {
		return err
	}
	return serve.JSON(w, f)
}

func (a api) history(w http.ResponseWriter, r *http.Request) error {
	h, err := a.node.History(r.Context(), r.FormValue("site"))
	if err != nil {
		return err
	}
	return serve.JSON(w, h)
}

func (a api) diagnostics(w http.ResponseWriter, r *http.Request) error {
	s, err := a.node.State(r.Context())
	version := ""
	if err == nil {
		version = s.Version
	}
	var b bytes.Buffer // an error has a status, and the file is small
	n := diagnostics.Node{
		Config: a.node.Configuration(), Environ: os.Environ(), Version: version, State: a.node, Errors: a.node.Errors, Lines: a.lines.Last(), Metrics: a.metrics, Running: true,
	}
	serve.Hurry(w)() // the database may be slow
	if err := diagnostics.Write(r.Context(), &b, n); err != nil {
		return err
	}
	defer serve.Hurry(w)()
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", diagnostics.Name(n.Config.ClientName, time.Now())))
	_, _ = w.Write(b.Bytes()) // the reader may be gone
	return nil
}

func (a api) row(w http.ResponseWriter, r *http.Request) error {
	ask := status.RowAsk{Table: r.FormValue("table"), ID: r.FormValue("id")}
	if !r.Form.Has("id") { // an empty one is a key
		ask.Table = ""
	}
	row, err := a.node.Row(r.Context(), ask)
	if err != nil {
		return err
	}
	defer serve.Hurry(w)() // remotes took a while
	return serve.JSON(w, row)
}

func (a api) errors(w http.ResponseWriter, r *http.Request) error {
	n, err := limit(r)
	if err != nil {
		return err
	}
	l, err := a.node.Errors(r.Context(), status.Rows{Remote: r.FormValue("remote"), Table: r.FormValue("table"), ID: r.FormValue("id")}, n)
	return serve.List(w, l, err)
}

func (a api) retry(w http.ResponseWriter, r *http.Request) error {
	var rows status.Rows
	if err := serve.Body(w, r, &rows); err != nil {
		return err
	}
	n, err := a.node.Retry(r.Context(), rows)
	if err != nil {
		return err
	}
	return serve.JSON(w, Retried{Rows: n})
}

// Retried is the answer of POST /api/retry.
type Retried struct {
	Rows int64 `json:"rows"` // rows that will be resent
}

func (a api) conflicts(w http.ResponseWriter, r *http.Request) error {
	n, err := limit(r)
	if err != nil {
		return err
	}
	before, err := serve.Number(r, "before", 0)
	if err != nil {
		return err
	}
	dismissed := false
	if v := r.FormValue("dismissed"); v != "" {
		if dismissed, err = strconv.ParseBool(v); err != nil {
			return status.Kind(status.ErrRequest, fmt.Errorf("dismissed: %.40q must be true or false", v))
		}
	}
	l, err := a.node.Conflicts(r.Context(), status.ConflictsAsk{Before: before, Limit: n, Table: r.FormValue("table"), Row: r.FormValue("row"), Find: r.FormValue("find"), Dismissed: dismissed})
	return serve.List(w, l, err)
}

// conflictOf returns the number of the conflict that a request names.
func conflictOf(r *http.Request) (uint64, error) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, status.Kind(status.ErrRequest, fmt.Errorf("%.40q is not the number of a conflict", r.PathValue("id")))
	}
	return id, nil
}

// Dismissed is the answer of POST /api/conflicts/dismiss.
type Dismissed struct {
	Conflicts int64 `json:"conflicts"` // how many that changed
}

func (a api) dismiss(w http.ResponseWriter, r *http.Request) error {
	var d status.Dismiss
	if err := serve.Body(w, r, &d); err != nil {
		return err
	}
	n, err := a.node.Dismiss(r.Context(), d)
	if err != nil {
		return err
	}
	return serve.JSON(w, Dismissed{Conflicts: n})
}

// Both is the answer of POST /api/conflicts/{id}/keep-both.
type Both struct {
	ID string `json:"id"` // the new row's
}

func (a api) keepBoth(w http.ResponseWriter, r *http.Request) error {
	id, err := conflictOf(r)
	if err != nil {
		return err
	}
	var how status.KeepBoth
	if err := serve.Body(w, r, &how); err != nil {
		return err
	}
	newID, err := a.node.KeepBoth(r.Context(), id, how)
	if err != nil {
		return err
	}
	return serve.JSON(w, Both{ID: newID})
}

func (a api) putBack(w http.ResponseWriter, r *http.Request) error {
	id, err := conflictOf(r)
	if err != nil {
		return err
	}
	var how status.PutBack
	if err := serve.Body(w, r, &how); err != nil {
		return err
	}
	if err := a.node.PutBack(r.Context(), id, how); err != nil {
		return err
	}
	return serve.JSON(w, struct{}{})
}

func (a api) conflict(w http.ResponseWriter, r *http.Request) error {
	id, err := conflictOf(r)
	if err != nil {
		return err
	}
	c, err := a.node.Conflict(r.Context(), id)
	if err != nil {
		return err
	}
	return serve.JSON(w, c)
}

func (a api) resync(w http.ResponseWriter, r *http.Request) error {
	var q status.Resync
	if err := serve.Body(w, r, &q); err != nil {
		return err
	}
	if q.Where != "" && !a.socket {
		return serve.Kind(serve.ErrForbidden, errors.New("where is SQL, which is accepted only at the node's Unix socket: use mysql-sync resync on its machine"))
	}
	if err := a.node.Resync(r.Context(), q); err != nil {
		return err
	}
	return serve.JSON(w, struct{}{})
}

func (a api) pause(w http.ResponseWriter, r *http.Request) error {
	var p status.PauseAsk
	if err := serve.Body(w, r, &p); err != nil {
		return err
	}
	if err := a.node.Pause(r.Context(), p); err != nil {
		return err
	}
	return serve.JSON(w, struct{}{})
}

func (a api) resume(w http.ResponseWriter, r *http.Request) error {
	var of status.ResumeAsk
	if err := serve.Body(w, r, &of); err != nil {
		return err
	}
	ended, err := a.node.Resume(r.Context(), of)
	return serve.List(w, ended, err)
}

// verify answers with one Comparison per line, as each ends. If it stops early,
// the last line is an Answer: the reader must not consider the rest complete.
func (a api) verify(w http.ResponseWriter, r *http.Request) error {
	var q status.Verify
	if err := serve.Body(w, r, &q); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	serve.Hurry(w)() // this lifts the limit on the whole answer: each part has its own
	begun := false
	lines := json.NewEncoder(w)
	err := a.node.Verify(r.Context(), q, func(c status.Comparison) error {
		begun = true
		defer serve.Hurry(w)()
		if err := lines.Encode(c); err != nil {
			return err // the reader is gone
		}
		return http.NewResponseController(w).Flush()
	})
	if err != nil && begun {
		defer serve.Hurry(w)()
		_ = lines.Encode(serve.Answer{Error: err.Error()}) // the reader may be gone
		return errWritten
	}
	return err
}

// at has another node do something. The answer may take as long as that takes.
func (a api) at(w http.ResponseWriter, r *http.Request) error {
	var act wire.Act
	if err := serve.Body(w, r, &act); err != nil {
		return err
	}
	serve.Hurry(w)() // this lifts the limit on the whole answer
	x, err := a.node.At(r.Context(), r.PathValue("site"), act)
	if err != nil {
		return err
	}
	defer serve.Hurry(w)()
	return serve.JSON(w, x)
}

func (a api) admit(w http.ResponseWriter, r *http.Request) error {
	var x status.Admit
	if err := serve.Body(w, r, &x); err != nil {
		return err
	}
	if err := a.node.Admit(r.Context(), x); err != nil {
		return err
	}
	return serve.JSON(w, struct{}{})
}

func (a api) log(w http.ResponseWriter, _ *http.Request) error {
	return serve.List(w, a.lines.Last(), nil)
}

// LogLevel is the body of PUT /api/log-level.
type LogLevel struct {
	Level string `json:"level"` // error, warn, info, debug, or trace, which is debug
}

func (a api) logLevel(w http.ResponseWriter, r *http.Request) error {
	var l LogLevel
	if err := serve.Body(w, r, &l); err != nil {
		return err
	}
	if err := a.node.SetLogLevel(l.Level); err != nil {
		return err
	}
	return serve.JSON(w, struct{}{})
}

func (a api) reload(w http.ResponseWriter, r *http.Request) error {
	serve.Hurry(w)() // it lasts until the node works again
	if err := a.node.Reload(r.Context()); err != nil {
		return err
	}
	return serve.JSON(w, struct{}{})
}

// healthz says that the process answers.
func (a api) healthz(w http.ResponseWriter, _ *http.Request) error {
	return serve.JSON(w, struct {
		Status string `json:"status"`
	}{"ok"})
}

// readyz says whether the node can do its work, or why not; see door.readyz.
func (a api) readyz(w http.ResponseWriter, r *http.Request) error {
	if err := a.node.Health(r.Context()); err != nil {
		return status.Kind(status.ErrUnavailable, err)
	}
	return a.healthz(w, r)
}

func (a api) nothing(_ http.ResponseWriter, r *http.Request) error {
	return status.Kind(status.ErrNotFound, fmt.Errorf("%s %.100s is not a command of the node", r.Method, r.URL.Path))
}
