package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// What an error wraps says which status it is answered with, beside the kinds of
// package status; any other is 500.
var (
	ErrUnknown   = errors.New("not known")       // 401: the one who asks has not shown the token
	ErrForbidden = errors.New("not allowed")     // 403: not for the one who asks
	ErrBusy      = errors.New("too many")        // 429: later
	errWritten   = errors.New("answered partly") // the answer has begun: no status can be set any more
)

// Bounds of a list: how many are answered where nothing is asked for, and at most.
const (
	limitDefault = 100
	limitMost    = 1000
)

// api answers requests. Its methods return an error where they have not answered.
type api struct {
	*Server
	socket bool
}

// Answer is the body of an error.
type Answer struct {
	Error string `json:"error"`
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	for kind, its := range map[error]int{
		status.ErrRequest: http.StatusBadRequest, ErrUnknown: http.StatusUnauthorized, ErrForbidden: http.StatusForbidden, status.ErrNotFound: http.StatusNotFound,
		status.ErrChanged: http.StatusConflict,
		ErrBusy:           http.StatusTooManyRequests, status.ErrUnavailable: http.StatusServiceUnavailable,
	} {
		if errors.Is(err, kind) {
			code = its
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, errWritten):
		return
	case errors.As(err, &large):
		code = http.StatusRequestEntityTooLarge
	}
	hurry(w) // ended by hurried
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(Answer{Error: err.Error()}) // the reader may be gone
}

// answer answers with a value. The reader's time begins here: what was asked for may
// have taken longer.
func answer(w http.ResponseWriter, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	hurry(w) // ended by hurried
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // the reader may be gone
	return nil
}

// list answers with a list, which is never null.
func list[T any](w http.ResponseWriter, l []T, err error) error {
	if err != nil {
		return err
	}
	if l == nil {
		l = []T{}
	}
	return answer(w, l)
}

// body reads a JSON object into v. An empty body is an empty object.
func body(w http.ResponseWriter, r *http.Request, v any) error {
	// One who sends nothing must not keep the connection for ever. A reader that has
	// no deadlines (a test) is as good.
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(bodyTime))
	defer func() { _ = c.SetReadDeadline(time.Time{}) }()
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyBytes))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.Join(errors.New("there is more than one object"), err)
	}
	return status.Kind(status.ErrRequest, fmt.Errorf("read the body: %w", err))
}

// number reads a parameter of the address that is a whole number; one that is
// missing is what is given.
func number(r *http.Request, name string, missing uint64) (uint64, error) {
	text := r.FormValue(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, status.Kind(status.ErrRequest, fmt.Errorf("%s: %.40q is not a whole number of 0 or more", name, text))
	}
	return n, nil
}

func limit(r *http.Request) (int, error) {
	n, err := number(r, "limit", limitDefault)
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
	return answer(w, s)
}

func (a api) errors(w http.ResponseWriter, r *http.Request) error {
	n, err := limit(r)
	if err != nil {
		return err
	}
	l, err := a.node.Errors(r.Context(), status.Rows{Remote: r.FormValue("remote"), Table: r.FormValue("table"), ID: r.FormValue("id")}, n)
	return list(w, l, err)
}

func (a api) retry(w http.ResponseWriter, r *http.Request) error {
	var rows status.Rows
	if err := body(w, r, &rows); err != nil {
		return err
	}
	n, err := a.node.Retry(r.Context(), rows)
	if err != nil {
		return err
	}
	return answer(w, Retried{Rows: n})
}

// Retried is the answer of POST /api/retry.
type Retried struct {
	Rows int64 `json:"rows"` // that are sent again
}

func (a api) conflicts(w http.ResponseWriter, r *http.Request) error {
	n, err := limit(r)
	if err != nil {
		return err
	}
	before, err := number(r, "before", 0)
	if err != nil {
		return err
	}
	l, err := a.node.Conflicts(r.Context(), before, n)
	return list(w, l, err)
}

func (a api) putBack(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		return status.Kind(status.ErrRequest, fmt.Errorf("%.40q is not the number of a conflict", r.PathValue("id")))
	}
	var how status.PutBack
	if err := body(w, r, &how); err != nil {
		return err
	}
	if err := a.node.PutBack(r.Context(), id, how); err != nil {
		return err
	}
	return answer(w, struct{}{})
}

func (a api) conflict(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		return status.Kind(status.ErrRequest, fmt.Errorf("%.40q is not the number of a conflict", r.PathValue("id")))
	}
	c, err := a.node.Conflict(r.Context(), id)
	if err != nil {
		return err
	}
	return answer(w, c)
}

func (a api) resync(w http.ResponseWriter, r *http.Request) error {
	var q status.Resync
	if err := body(w, r, &q); err != nil {
		return err
	}
	if q.Where != "" && !a.socket {
		return status.Kind(ErrForbidden, errors.New("where is SQL, which is taken only by the node's Unix socket: use mysql-sync resync on its machine"))
	}
	if err := a.node.Resync(r.Context(), q); err != nil {
		return err
	}
	return answer(w, struct{}{})
}

// verify answers with a Comparison a line, as each ends. Where it stops before the
// end, the last line is an Answer: who reads it must not take what came for all.
func (a api) verify(w http.ResponseWriter, r *http.Request) error {
	var q status.Verify
	if err := body(w, r, &q); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	hurry(w)() // which ends the time of the whole: each part has its own
	begun := false
	lines := json.NewEncoder(w)
	err := a.node.Verify(r.Context(), q, func(c status.Comparison) error {
		begun = true
		defer hurry(w)()
		if err := lines.Encode(c); err != nil {
			return err // the reader is gone
		}
		return http.NewResponseController(w).Flush()
	})
	if err != nil && begun {
		defer hurry(w)()
		_ = lines.Encode(Answer{Error: err.Error()}) // the reader may be gone
		return errWritten
	}
	return err
}

func (a api) log(w http.ResponseWriter, _ *http.Request) error {
	return list(w, a.lines.Last(), nil)
}

// LogLevel is the body of PUT /api/log-level.
type LogLevel struct {
	Level string `json:"level"` // error, warn, info, debug, or trace, which is debug
}

func (a api) logLevel(w http.ResponseWriter, r *http.Request) error {
	var l LogLevel
	if err := body(w, r, &l); err != nil {
		return err
	}
	if err := a.node.SetLogLevel(l.Level); err != nil {
		return err
	}
	return answer(w, struct{}{})
}

func (a api) reload(w http.ResponseWriter, r *http.Request) error {
	hurry(w)() // it lasts until the node works again
	if err := a.node.Reload(r.Context()); err != nil {
		return err
	}
	return answer(w, struct{}{})
}

// healthz says that the process answers.
func (a api) healthz(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, struct {
		Status string `json:"status"`
	}{"ok"})
}

// readyz says whether the node can do its work, and why not; see door.readyz.
func (a api) readyz(w http.ResponseWriter, r *http.Request) error {
	if err := a.node.Health(r.Context()); err != nil {
		return status.Kind(status.ErrUnavailable, err)
	}
	return a.healthz(w, r)
}

func (a api) nothing(_ http.ResponseWriter, r *http.Request) error {
	return status.Kind(status.ErrNotFound, fmt.Errorf("%s %.100s is not a command of the node", r.Method, r.URL.Path))
}
