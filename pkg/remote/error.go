package remote

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrDry is why a request was not sent: the run is a dry one.
var ErrDry = errors.New("not sent: this is a dry run")

// errors of one try that have no status.
var (
	errSlow      = errors.New("no complete answer in time")
	errTooLarge  = errors.New("the answer is too large")
	errSwitches  = errors.New("the server switches to another protocol")
	errRedirects = errors.New("redirected too often")
	errDowngrade = errors.New("redirected to an address without TLS")
	errElsewhere = errors.New("redirected to another host, which must not see the request's body")
)

// An Error is a request that did not succeed. Neither its text nor what it wraps contains a secret.
type Error struct {
	Operation string // what the request was for
	Host      string
	Status    int // 0: there was no answer
	RequestID string
	Body      string // the answer's, short and redacted
	Next      Next
	Err       error // why there was no answer, or no readable one
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Operation, e.Host)
	if e.Status != 0 {
		fmt.Fprintf(&b, " answered %d", e.Status)
		if text := http.StatusText(e.Status); text != "" {
			b.WriteString(" " + text)
		}
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	for _, part := range []string{e.Body, said(e.Err)} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.Next.Do == Doubt {
		b.WriteString("; it may have been carried out")
	}
	return b.String()
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (e *Error) Unwrap() error { return e.Err }
