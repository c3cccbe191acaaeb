package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// Bounds of what pushing clients can make the connector hold. Promise 5.
const (
	atOnce   = 2                // bodies in memory
	slotTime = 10 * time.Second // wait for one of these places
	bodyTime = time.Minute      // for a body to arrive

	storeTime = 10 * time.Second // before a retry when the state cannot be written

	shownMost   = 100 // refused rows that an answer lists
	shownReason = 300 // bytes of a reason
)

// Server serves hooks.
type Server struct {
	hooks map[string]*Source // by path
	slots chan struct{}
	tries *serve.Tries
	now   func() time.Time
}

// NewServer returns a server of hooks, which must have different paths.
func NewServer(list ...*Source) *Server {
	s := &Server{hooks: map[string]*Source{}, slots: make(chan struct{}, atOnce), tries: serve.NewTries(), now: time.Now}
	for _, h := range list {
		s.hooks[h.Path()] = h
	}
	return s
}

// Handler serves the hooks, and leaves other paths to next.
func (s *Server) Handler(next http.Handler) http.Handler {
	hooks := http.NewCrossOriginProtection().Handler(serve.Hurried(http.HandlerFunc(s.serve)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, Prefix) {
			hooks.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// accepted is the answer to a request.
type accepted struct {
	Error     string    `json:"error,omitempty"`
	Accepted  int       `json:"accepted"`  // rows on disk
	Unchanged int       `json:"unchanged"` // of these: rows that were there already, or are outdated
	Refused   int       `json:"refused"`
	Rows      []refused `json:"rows,omitempty"` // the first refused rows
}

// refused is an unacceptable row.
type refused struct {
	Row    int    `json:"row"` // from 0
	Reason string `json:"reason"`
}

// errNotThere is the answer for an unknown hook.
var errNotThere = serve.Kind(serve.ErrNotFound, errors.New("there is no such hook"))

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 { // even without reading the body
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // only a test's writer has no deadlines
	}
	h := s.hooks[r.URL.Path]
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := s.admit(w, r, h); err != nil {
		refuse(w, err)
		return
	}
	if r.Method == http.MethodGet { // DataCollect pulls here and gets nothing
		write(w, http.StatusOK, []any{})
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.Context().Done():
		return
	case <-time.After(slotTime):
		later(w, time.Second)
		refuse(w, serve.Kind(serve.ErrUnavailable, errors.New("others are pushing: try again")))
		return
	}
	answer, err := h.take(w, r)
	switch {
	case err != nil:
		refuse(w, err)
	case answer.Refused > 0: // Promise 3
		write(w, http.StatusUnprocessableEntity, answer)
	default:
		write(w, http.StatusOK, answer)
	}
}

// write sends an answer.
func write(w http.ResponseWriter, status int, answer any) {
	serve.Hurry(w) // Hurried ends it
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client may be gone
}

// statusError is an error with a status for which package serve has no kind.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*statusError](err); ok {
		write(w, e.status, serve.Answer{Error: e.text})
		return
	}
	serve.Refuse(w, err)
}

// later says when to retry.
func later(w http.ResponseWriter, d time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))))
}

// admit checks who pushes what, and whether it comes too early. Promise 4.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, h *Source) error {
	who, now := serve.Sender(r), s.now()
	if h == nil || h.check != nil {
		right, shown := false, false
		if h != nil {
			right, shown = h.check(r)
		}
		switch {
		case right:
		case s.tries.TooMany(who, now):
			later(w, time.Second)
			return serve.Kind(serve.ErrBusy, errors.New("too many wrong requests: wait a little"))
		case h == nil:
			s.tries.Wrong(who, now)
			return errNotThere
		default:
			if shown {
				s.tries.Wrong(who, now)
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="hook"`)
			return serve.Kind(serve.ErrUnknown, errors.New("the credentials are missing or wrong"))
		}
	}
	serve.LetIn(r.Context()) // without credentials, the path is the secret
	if r.Method != http.MethodPost && r.Method != http.MethodPut && r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET, POST, PUT")
		return &statusError{http.StatusMethodNotAllowed, "use POST"}
	}
	if wait := h.early(); wait > 0 {
		later(w, wait)
		return serve.Kind(serve.ErrBusy, fmt.Errorf("more than %d requests a second", h.config.PerSecond))
	}
	if r.Method == http.MethodGet {
		return nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json"):
		return &statusError{http.StatusUnsupportedMediaType, "send JSON, with the Content-Type application/json"}
	case r.Header.Get("Content-Encoding") != "":
		return &statusError{http.StatusUnsupportedMediaType, "send the body as it is, without Content-Encoding"}
	case r.ContentLength > h.config.MaxBytes:
		return h.tooLarge()
	}
	return nil
}

// tooLarge is the answer to an oversized body.
func (s *Source) tooLarge() error {
	return &statusError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", s.config.MaxBytes)}
}

// take takes a request's rows. If it returns an error, which is the answer, it has taken none.
func (s *Source) take(w http.ResponseWriter, r *http.Request) (*accepted, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.config.MaxBytes))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, s.tooLarge()
	}
	if err != nil {
		return nil, serve.Kind(serve.ErrRequest, errors.New("the body did not arrive"))
	}
	list, err := rowsOf(body, s.config.Rows)
	switch {
	case errors.Is(err, errMany):
		return nil, &statusError{http.StatusRequestEntityTooLarge, err.Error()}
	case err != nil:
		return nil, serve.Kind(serve.ErrRequest, err)
	}
	a := &accepted{}
	rows := make([]row, 0, len(list))
	for i, text := range list {
		got, err := s.rowOf(text)
		if err == nil {
			rows = append(rows, got)
			continue
		}
		if a.Refused++; a.Refused <= shownMost {
			a.Rows = append(a.Rows, refused{i, short(err.Error())})
		}
	}
	a.Accepted = len(rows)
	changed, err := s.store(r.Context(), rows)
	if err != nil {
		s.log.Error("pushed rows could not be stored", zap.Error(err))
		later(w, storeTime)
		return nil, serve.Kind(serve.ErrUnavailable, errors.New("the rows could not be stored: try again later"))
	}
	a.Unchanged = a.Accepted - changed
	if a.Refused > 0 {
		a.Error = fmt.Sprintf("%d of %d rows are refused; the others are stored", a.Refused, len(list))
		s.log.Warn("pushed rows were refused", zap.Int("refused", a.Refused), zap.Int("rows", len(list)), zap.String("first", a.Rows[0].Reason))
	}
	return a, nil
}

// short cuts a reason to the limit.
func short(text string) string {
	if len(text) <= shownReason {
		return text
	}
	return strings.ToValidUTF8(text[:shownReason], "") + "…"
}
