package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// ErrNotRunning says that no one answers at a program's socket.
var ErrNotRunning = errors.New("is not running")

const (
	answerBytes  = 64 << 20 // most of an answer that is read as a whole
	refusalBytes = 16 << 10 // likewise, of one that is an error
)

// Client reaches a running program's API over its Unix socket. It connects with each call, and any goroutine may use it.
type Client struct {
	who    string
	socket string
	client *http.Client
}

// NewClient returns a client of the program at a socket. who is what errors call it, such as "the node".
func NewClient(who, socket string) *Client {
	return &Client{who, socket, &http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return DialSocket(ctx, socket) },
		DisableKeepAlives: true, // a command makes one request
	}}}
}

// Socket returns the path of the program's socket.
func (c *Client) Socket() string { return c.socket }

// Call sends a request, with a question as JSON unless that is nil, and decodes the answer into the given value unless that
// is nil. The error is ErrNotRunning if no one answers, and Refused if the answer is not success.
func (c *Client) Call(ctx context.Context, method, path string, question, answer any) error {
	body, err := c.Stream(ctx, method, path, question)
	if err != nil {
		return err
	}
	defer body.Close()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(body, answerBytes)).Decode(answer); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.who, err)
	}
	return nil
}

// Stream is Call for an answer that arrives bit by bit. The caller closes it.
func (c *Client) Stream(ctx context.Context, method, path string, question any) (io.ReadCloser, error) {
	var body io.Reader
	if question != nil {
		text, err := json.Marshal(question)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://program"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	if resp.StatusCode/100 == 2 {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// explain says what keeps a command from reaching the program.
func (c *Client) explain(err error) error {
	if address, ok := errors.AsType[*url.Error](err); ok {
		err = address.Err // the address would mean nothing to a person
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s %w: no answer at %s", c.who, ErrNotRunning, c.socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("reach %s: %w: run this command as its user", c.who, err)
	}
	return fmt.Errorf("reach %s: %w", c.who, err)
}

// Refused is an answer that is an error, in the program's words. It is of the Kind that its status stands for.
type Refused struct {
	text string
	kind error // may be nil
}

func (r *Refused) Error() string { return r.text }
func (r *Refused) Unwrap() error { return r.kind }

// refusal returns the error of an answer.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, refusalBytes)) // the status alone would do
	var a Answer
	if json.Unmarshal(text, &a) != nil || a.Error == "" {
		a.Error = strings.TrimSpace(resp.Status + " " + string(text))
	}
	for kind, status := range codes {
		if status == resp.StatusCode {
			return &Refused{a.Error, kind}
		}
	}
	return &Refused{text: a.Error}
}
