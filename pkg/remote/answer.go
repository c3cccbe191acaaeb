package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// judged is how much of a failed answer's body is read.
const judged = 64 << 10

// answer is the body of a response, limited in size and time.
type answer struct {
	client   *Client
	ctx      context.Context // of the body, which ends with it
	end      func()
	slow     *time.Timer // restarted for each part that arrives; nil: all of them together must arrive in time
	request  *Request
	response *http.Response
	read     int64
	most     int64
}

func (a *answer) Read(p []byte) (int, error) {
	if a.slow != nil {
		a.slow.Reset(a.client.config.Tries.Timeout)
	}
	n, err := a.response.Body.Read(p)
	if a.slow != nil {
		a.slow.Stop() // the reader may take its time
	}
	a.read += int64(n)
	switch {
	case a.read > a.most:
		return 0, a.broken(errTooLarge)
	case err != nil && err != io.EOF: //nolint:errorlint // what a reader returns at its end
		if cause := context.Cause(a.ctx); cause != nil {
			err = cause
		}
		return n, a.broken(err)
	}
	return n, err
}

func (a *answer) Close() error {
	defer a.end()
	return a.response.Body.Close()
}

// broken is an answer of which only the start could be read. The service has accepted the request.
func (a *answer) broken(err error) *Error {
	next := Next{Do: Doubt}
	if a.request.Read {
		next.Do = Retry
		if errors.Is(err, errTooLarge) {
			next.Do = Stop
		}
	}
	if errors.Is(err, errTooLarge) {
		err = fmt.Errorf("%w: more than %d bytes", errTooLarge, a.most)
	}
	e := a.client.failed(a.request, next, err)
	e.Status, e.RequestID = a.response.StatusCode, a.client.requestID(a.request, a.response.Header)
	return e
}

// refused is an answer other than success.
func (a *answer) refused() *Error {
	// The unreadable part is not needed: the status says enough.
	text, _ := io.ReadAll(io.LimitReader(a.response.Body, judged))
	status, header := a.response.StatusCode, a.response.Header
	next := a.client.config.Rules.Judge(status, header, text, true)
	if wait := a.client.config.Wait; wait != nil {
		if after, ok := wait(status, header, text); ok {
			next = Next{Do: Retry, After: min(max(after, 0), longest)}
		}
	}
	if a.request.Read {
		next = next.ofRead()
	}
	e := &Error{Operation: a.request.Operation, Host: a.client.host(a.request), Status: status, RequestID: a.client.requestID(a.request, header), Next: next}
	e.Body = a.client.redactor(a.request).line(text)
	if status >= 300 && status < 400 && !a.request.Read {
		e.Err = errors.New("the server redirects; writes are not redirected")
	}
	return e
}

// requestID returns the service's id for the request, without secrets.
func (c *Client) requestID(r *Request, header http.Header) string {
	for _, name := range []string{"X-Request-Id", "Request-Id", "X-Amzn-Requestid", "X-Amz-Request-Id", "X-Correlation-Id", "X-Trace-Id", "Cf-Ray"} {
		if id := header.Get(name); id != "" {
			id = c.redactor(r).Text(id) // before it is cut: half of a secret would not be found
			return strings.ToValidUTF8(id[:min(len(id), 100)], "")
		}
	}
	return ""
}

// tokenError is why there is no token, without the answer, which may contain one.
func tokenError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("ask for a token: %w", cause)
	}
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.Response != nil {
		return fmt.Errorf("ask for a token: %s answered %s %s", answer.Response.Request.URL.Host, answer.Response.Status, answer.ErrorCode)
	}
	return fmt.Errorf("ask for a token: %w", address(err))
}
