package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Bounds of what clients can make a server hold. Promise 10.
const (
	headerTime   = 5 * time.Second
	bodyTime     = 10 * time.Second
	answerTime   = time.Minute // to read an answer, or each part of a streamed one
	idleTime     = 2 * time.Minute
	farewellTime = time.Second      // for answers in progress when the program stops
	retiredTime  = 90 * time.Second // for those of a replaced listener, as at a reload
	headerBytes  = 32 << 10
	bodyBytes    = 1 << 20
)

// Kinds of errors, which decide the status of an answer; that of any other is 500.
var (
	ErrRequest     = errors.New("wrong")           // 400
	ErrUnknown     = errors.New("not known")       // 401: the client has not sent the token
	ErrForbidden   = errors.New("not allowed")     // 403: not for this client
	ErrNotFound    = errors.New("not there")       // 404
	ErrConflict    = errors.New("not as expected") // 409
	ErrBusy        = errors.New("too many")        // 429: retry later
	ErrFailed      = errors.New("failed")          // 502: the attempt failed
	ErrUnavailable = errors.New("not available")   // 503
)

// codes are the statuses of the kinds.
var codes = map[error]int{
	ErrRequest: http.StatusBadRequest, ErrUnknown: http.StatusUnauthorized, ErrForbidden: http.StatusForbidden, ErrNotFound: http.StatusNotFound,
	ErrConflict: http.StatusConflict, ErrBusy: http.StatusTooManyRequests, ErrFailed: http.StatusBadGateway, ErrUnavailable: http.StatusServiceUnavailable,
}

// kindError is an error of a kind, which its text does not say.
type kindError struct {
	error
	kind error
}

func (e *kindError) Unwrap() []error { return []error{e.error, e.kind} }

// Kind gives an error a kind.
func Kind(kind, err error) error { return &kindError{err, kind} }

// Answer is the body of an error.
type Answer struct {
	Error string `json:"error"`
}

// Refuse answers with an error, and the status of its kind.
func Refuse(w http.ResponseWriter, err error) { RefuseWith(w, err, Answer{Error: err.Error()}) }

// RefuseWith is Refuse with a body that says more. It has the key error, too.
func RefuseWith(w http.ResponseWriter, err error, body any) {
	code := http.StatusInternalServerError
	for kind, its := range codes {
		if errors.Is(err, kind) {
			code = its
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		code = http.StatusRequestEntityTooLarge
	}
	Hurry(w) // ended by Hurried
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the reader may be gone
}

// JSON answers with a value. The reader's time begins here: the work itself may
// have taken longer.
func JSON(w http.ResponseWriter, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	Hurry(w) // ended by Hurried
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // the reader may be gone
	return nil
}

// List answers with a list, which is never null.
func List[T any](w http.ResponseWriter, l []T, err error) error {
	if err != nil {
		return err
	}
	if l == nil {
		l = []T{}
	}
	return JSON(w, l)
}

// Body reads a JSON object into v. An empty body is an empty object.
func Body(w http.ResponseWriter, r *http.Request, v any) error {
	// A client that sends nothing must not keep the connection forever. A reader
	// without deadlines (a test's) is fine too.
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
	return Kind(ErrRequest, fmt.Errorf("read the body: %w", err))
}

// Number reads an integer parameter of the URL, with a default.
func Number(r *http.Request, name string, missing uint64) (uint64, error) {
	text := r.FormValue(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, Kind(ErrRequest, fmt.Errorf("%s: %.40q is not a whole number of 0 or more", name, text))
	}
	return n, nil
}

// Hurry sets a deadline for reading what is written until the function that it
// returns is called. A writer without deadlines is left alone.
func Hurry(w http.ResponseWriter) (enough func()) {
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Now().Add(answerTime))
	return func() { _ = c.SetWriteDeadline(time.Time{}) }
}

// Hurried sets a deadline for reading each answer, and clears it for the
// connection's next request.
func Hurried(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer Hurry(w)()
		next.ServeHTTP(w, r)
	})
}
