package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/service"
)

// errNotRunning means that no one answers on the node's Unix socket.
var errNotRunning = fmt.Errorf("%s %w", theNode, serve.ErrNotRunning)

// theNode is what errors call the node.
const theNode = "the node"

// api is the API of the running node, reached over its Unix socket; see pkg/web.
type api struct{ *serve.Client }

// apiOf returns the API of the node with this configuration. The first call connects.
func apiOf(cfg *config.Config) *api { return &api{serve.NewClient(theNode, service.Socket(cfg))} }

// call sends a request to the node, and decodes its answer into answer unless that is nil. The error is
// serve.ErrNotRunning if no node answers.
func (a *api) call(ctx context.Context, method, path string, question, answer any) error {
	return said(a.Call(ctx, method, path, question, answer))
}

// stream is call for an answer that arrives bit by bit. The caller must close it.
func (a *api) stream(ctx context.Context, method, path string, question any) (io.ReadCloser, error) {
	body, err := a.Stream(ctx, method, path, question)
	return body, said(err)
}

// answerTime bounds how long a running node may take to report its state. Other requests may take longer.
const answerTime = 10 * time.Second

// within is call for requests that a running node answers at once.
func (a *api) within(ctx context.Context, path string, answer any) error {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err := a.call(limited, http.MethodGet, path, nil, answer)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("the node at %s accepted the request but did not answer within %s", a.Socket(), answerTime)
	}
	return err
}

// said turns a refusal into a usage error if the request was at fault.
func said(err error) error {
	refused, ok := errors.AsType[*serve.Refused](err)
	if !ok {
		return err
	}
	err = fmt.Errorf("the node says: %s", command.Clean(refused.Error()))
	if errors.Is(refused, serve.ErrRequest) || errors.Is(refused, serve.ErrForbidden) {
		return command.Usage(err)
	}
	return err
}
