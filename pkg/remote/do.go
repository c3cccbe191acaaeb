package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// A Request is what an adapter asks of a service.
type Request struct {
	Operation string // what it is for, as errors name it: "commit entries"
	Method    string // GET if empty
	Path      string // below the base, or a whole address, such as that of a next page
	Query     url.Values
	Header    http.Header // sent to the base's host only
	Before    [][]byte    // the parts of the body before Body; see Append
	Body      []byte      // JSON, unless Header has another Content-Type

	Read     bool     // it changes nothing: a dry run sends it, and it may be repeated
	Again    bool     // the service recognizes duplicates, so a doubtful outcome does not prevent a retry
	Unread   bool     // the answer's status suffices: its body is not returned, and may be of any size
	MaxBytes int64    // of the answer; 0: the client's limit
	Secrets  []string // texts that no one may see
}

// A Response is an answer with a status of 2xx.
type Response struct {
	Status    int
	Header    http.Header
	RequestID string
	Body      []byte
}

// A Stream is an answer with a status of 2xx whose body is read as it arrives. An error of Read is an *Error.
type Stream struct {
	Status    int
	Header    http.Header
	RequestID string
	io.ReadCloser
}

// unreadTime is how long to wait for the end of a body that is not needed.
const unreadTime = time.Second

// Do sends a request until it succeeds or retrying is pointless. The error is an *Error, or ErrDry.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	return retried(ctx, c, r, func() (*Response, error) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		s, err := c.open(ctx, r, true)
		if err != nil {
			return nil, err
		}
		if r.Unread {
			defer time.AfterFunc(unreadTime, stop).Stop()
			_, _ = io.CopyN(io.Discard, s, judged) // a connection is used again once its answer was read
			_ = s.Close()
			return &Response{Status: s.Status, Header: s.Header, RequestID: s.RequestID}, nil
		}
		text, err := io.ReadAll(s)
		_ = s.Close()
		if err != nil {
			return nil, err
		}
		return &Response{Status: s.Status, Header: s.Header, RequestID: s.RequestID, Body: text}, nil
	})
}

// Open is Do for an answer that is too large to keep in memory. Until its body begins it is retried as by Do. The
// caller closes the stream.
func (c *Client) Open(ctx context.Context, r *Request) (*Stream, error) {
	return retried(ctx, c, r, func() (*Stream, error) { return c.open(ctx, r, false) })
}

// retried calls try until it succeeds or fails for good, under the client's budgets.
func retried[T any](ctx context.Context, c *Client, r *Request, try func() (T, error)) (T, error) {
	var none T
	if c.config.Dry != nil && !r.Read {
		c.record(r)
		return none, ErrDry // Promise 4
	}
	var last *Error
	renewed, doubt := false, false
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.Multiplier, pauses.MaxInterval = c.config.Tries.Pause, 2, c.config.Tries.MaxPause
	answer, err := backoff.Retry(ctx, func() (T, error) {
		leave, refused := c.wait(ctx, r) // Promise 5
		if refused != nil {
			last = refused
			return none, backoff.Permanent(refused)
		}
		answer, err := try()
		leave(true)
		if err == nil {
			return answer, nil
		}
		if !errors.As(err, &last) {
			return none, backoff.Permanent(err)
		}
		next := last.Next
		doubt = doubt || next.Do == Doubt
		if last.Status == http.StatusTooManyRequests {
			for _, name := range c.held() {
				if err := c.config.Budgets.Hold(ctx, name, next.After); err != nil {
					last.Err = errors.Join(last.Err, err)
				}
			}
		}
		switch {
		case last.Status == http.StatusUnauthorized && !renewed && c.config.Auth != nil && c.config.Auth.refused():
			renewed = true
			return none, &backoff.RetryAfterError{}
		case next.Do == Retry && next.After > c.config.Tries.Patience, next.Do != Retry && (next.Do != Doubt || !r.Again):
			return none, backoff.Permanent(last)
		case next.After > 0:
			return none, &backoff.RetryAfterError{Duration: next.After}
		}
		return none, last
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(uint(c.config.Tries.Most)), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(_ error, pause time.Duration) {
			if c.config.Waits != nil {
				c.config.Waits(last, pause)
			}
		}))
	switch {
	case err == nil:
		return answer, nil
	case last == nil:
		return none, c.failed(r, Next{Do: Retry}, err)
	case ctx.Err() != nil && !errors.Is(last.Err, context.Cause(ctx)): // a pause was cut short
		last.Err = errors.Join(last.Err, context.Cause(ctx))
	}
	if doubt && last.Next.Do == Retry { // an earlier try may have been executed
		last.Next.Do = Doubt
	}
	return none, last
}

// wait waits for the client's budgets. leave is called when the request has an answer, or has none.
func (c *Client) wait(ctx context.Context, r *Request) (leave func(sent bool), refused *Error) {
	var entered []func(bool)
	leave = func(sent bool) {
		for _, l := range entered {
			l(sent)
		}
	}
	for _, l := range append([]Limit{{Name: c.base.Host}}, c.config.Limits...) {
		one, wait, err := c.config.Budgets.enter(ctx, l, c.config.Tries.Patience)
		if err == nil && wait == 0 {
			entered = append(entered, one)
			wait, err = c.config.Budgets.take(ctx, l, c.config.Tries.Patience)
		}
		switch {
		case err != nil:
			refused = c.failed(r, Next{Do: Retry}, err)
		case wait > 0:
			refused = c.failed(r, Next{Do: Retry, After: wait}, errors.New("not sent: the limit of "+l.Name+" is used up"))
		}
		if refused != nil {
			leave(false)
			return nil, refused
		}
	}
	return leave, nil
}

// held names what to hold when a service is called too often: its limits, or, if none are known, its host.
func (c *Client) held() (names []string) {
	for _, l := range c.config.Limits {
		names = append(names, l.Name)
	}
	if names == nil {
		names = []string{c.base.Host}
	}
	return names
}

// failed is a request without an answer.
func (c *Client) failed(r *Request, next Next, err error) *Error {
	return &Error{Operation: r.Operation, Host: c.host(r), Next: next, Err: c.redactor(r).err(err)}
}

// record reports what a dry run does not send.
func (c *Client) record(r *Request) {
	hide := c.redactor(r)
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	text := r.text()
	if header.Get("Content-Type") == "" && text != nil {
		header.Set("Content-Type", "application/json")
	}
	c.config.Dry(Sent{Operation: r.Operation, Method: or(r.Method, http.MethodGet), Host: c.host(r), Header: hide.header(header), Body: []byte(hide.Text(string(text)))})
}

// open makes one try. within says whether the whole answer must arrive in time, not only its next part.
func (c *Client) open(ctx context.Context, r *Request, within bool) (*Stream, error) {
	address, err := c.address(r)
	if err != nil {
		return nil, c.failed(r, Next{Do: Stop}, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	slow := time.AfterFunc(c.config.Tries.Timeout, func() { cancel(errSlow) })
	end := func() { slow.Stop(); cancel(nil) }
	if c.config.Auth != nil {
		if err := c.config.Auth.prepare(ctx, c.plain); err != nil {
			defer end()
			return nil, c.failed(r, tokenNext(err), tokenError(ctx, err))
		}
	}
	a := &attempt{request: r}
	request, err := http.NewRequestWithContext(a.watch(ctx), or(r.Method, http.MethodGet), address.String(), nil)
	if err != nil {
		defer end()
		return nil, c.failed(r, Next{Do: Stop}, err)
	}
	request.Header.Set("Accept", "application/json, */*;q=0.5")
	request.Header.Set("User-Agent", c.config.UserAgent)
	if n := r.length(); n > 0 {
		request.Header.Set("Content-Type", "application/json")
		request.ContentLength = int64(n)
		request.GetBody = func() (io.ReadCloser, error) { return newBody(r, &a.sent), nil }
		request.Body, _ = request.GetBody()
	}
	response, err := c.http.Do(request)
	if err != nil {
		defer end()
		if errors.Is(err, ErrDry) {
			return nil, ErrDry
		}
		return nil, c.silent(ctx, r, a, err)
	}
	answer := &answer{client: c, ctx: ctx, end: end, request: r, response: response, most: or(r.MaxBytes, c.config.MaxBytes)}
	if !within {
		slow.Stop()
		answer.slow = slow
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		defer func() { _ = answer.Close() }()
		return nil, answer.refused()
	}
	if response.ContentLength > answer.most && !r.Unread {
		defer func() { _ = answer.Close() }()
		return nil, answer.broken(errTooLarge)
	}
	return &Stream{Status: response.StatusCode, Header: response.Header, RequestID: c.requestID(r, response.Header), ReadCloser: answer}, nil
}

// silent is a try that got no answer.
func (c *Client) silent(ctx context.Context, r *Request, a *attempt, err error) *Error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	next := Judge(0, nil, nil, a.sent.Load())
	if hopeless(err) {
		next = Next{Do: Stop}
	}
	if r.Read {
		next = next.ofRead()
	}
	return c.failed(r, next, err)
}
