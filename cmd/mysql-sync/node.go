package main

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
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/service"
)

// errNotRunning says that no one answers on the node's Unix socket.
var errNotRunning = errors.New("the node is not running")

// answerMost bounds an answer that is read as a whole, in bytes.
const answerMost = 64 << 20

// api is the API of the running node, reached over its Unix socket; see pkg/web.
type api struct {
	socket string
	client *http.Client
}

// apiOf returns the API of the node with this configuration. It connects with the
// first call.
func apiOf(cfg *config.Config) *api {
	socket := service.Socket(cfg)
	return &api{socket: socket, client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true, // a command makes one request
	}}}
}

// call sends a request to the node, and decodes its answer into answer unless that is nil. The error is errNotRunning
// if no node answers.
func (a *api) call(ctx context.Context, method, path string, question, answer any) error {
	body, err := a.stream(ctx, method, path, question)
	if err != nil {
		return err
	}
	defer body.Close()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(body, answerMost)).Decode(answer); err != nil {
		return fmt.Errorf("read the node's answer: %w", err)
	}
	return nil
}

// stream is call for an answer that arrives bit by bit. The caller closes it.
func (a *api) stream(ctx context.Context, method, path string, question any) (io.ReadCloser, error) {
	var body io.Reader
	if question != nil {
		text, err := json.Marshal(question)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://node"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, a.explain(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// answerTime bounds how long a running node may take to report its state. Other requests may take longer.
const answerTime = 10 * time.Second

// within is call for requests that a running node answers at once.
func (a *api) within(ctx context.Context, path string, answer any) error {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err := a.call(limited, http.MethodGet, path, nil, answer)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("the node at %s accepted the request but did not answer within %s", a.socket, answerTime)
	}
	return err
}

// explain says what keeps a command from reaching the node.
func (a *api) explain(err error) error {
	if address, ok := errors.AsType[*url.Error](err); ok {
		err = address.Err // the address would mean nothing to a person
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: no answer at %s", errNotRunning, a.socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("reach the running node: %w: run this command as the node's user", err)
	}
	return fmt.Errorf("reach the running node: %w", err)
}

// refusal returns the error that the node answered with.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10)) // the status alone would do
	var a serve.Answer
	if json.Unmarshal(text, &a) != nil || a.Error == "" {
		a.Error = strings.TrimSpace(resp.Status + " " + string(text))
	}
	err := fmt.Errorf("the node says: %s", command.Clean(a.Error))
	if resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusForbidden {
		return command.Usage(err)
	}
	return err
}
