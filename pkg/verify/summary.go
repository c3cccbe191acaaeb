package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// notForAsker is the end of the answer to a client that is told nothing about the node. Asking nodes recognize these words.
const notForAsker = "does not tell this client how it is"

// Why a remote's summary is not had, beside what it answers itself.
var (
	errOlder    = errors.New("it runs an older version, which has no summary")
	errNotForUs = errors.New("it does not tell this node: there, acceptFrom or remoteClients must name this node, and let it read")
	errOffline  = errors.New("it is offline")
	errVersion1 = errors.New("it is an existing peer of version 1, which cannot be asked")
	errSilent   = errors.New("it does not answer: perhaps its acceptFrom does not let this node read, or the broker's rights lack /verify")
)

// summary returns what a client may know about this node. Promise 8.
func (vf *Verifier) summary(ctx context.Context, asker string) (*wire.Summary, error) {
	ok, full := vf.Node.MayLook(asker)
	if !ok {
		return nil, fmt.Errorf("%s %s", vf.Node.ClientName, notForAsker)
	}
	s, err := vf.self.Summary(ctx)
	if err != nil {
		return nil, err
	}
	s.Actions = vf.Node.ActionsOf(asker)
	if !full {
		s.Problems, s.More = nil, s.More+len(s.Problems)
	}
	return &s, nil
}

// Summary asks a remote how it is. What it returns has been checked. The error is a reason that people can read.
func (vf *Verifier) Summary(ctx context.Context, remote string) (*wire.Summary, error) {
	a, err := vf.ask(ctx, remote, wire.Question{Ask: wire.AskSummary})
	if told, ok := errors.AsType[errAnswered](err); ok {
		switch {
		case strings.HasSuffix(told.reason, notForAsker):
			return nil, errNotForUs
		case strings.HasSuffix(told.reason, notSynced), strings.HasSuffix(told.reason, wire.UnknownQuestion): // of no table
			return nil, errOlder
		}
	}
	switch {
	case errors.Is(err, errNoAnswer):
		return nil, errSilent
	case err != nil:
		return nil, err
	case a.Summary == nil:
		return nil, errUnasked
	}
	return a.Summary, a.Summary.Check(remote)
}
