package verify

import (
	"context"
	"errors"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Why a hub says nothing, beside what it answers itself.
var (
	errLeadsOlder = errors.New("it runs an older version, which does not lead others")
	errNoReport   = errors.New("the question has no report")
)

// lead answers a client that takes its configuration from here. Promise 8: it gets the profile that is for it, and no other.
func (vf *Verifier) lead(q receive.Question) (wire.Answer, error) {
	if q.Led == nil {
		return wire.Answer{}, errNoReport
	}
	if err := q.Led.Check(); err != nil {
		return wire.Answer{}, err
	}
	document, err := vf.self.Lead(q.From, *q.Led)
	return wire.Answer{Lead: document}, err
}

// AskLead asks a hub for the configuration that it has for this node, and tells it which one that is now. The answer, which
// nobody has checked, is empty if the hub has no other.
func (vf *Verifier) AskLead(ctx context.Context, hub string, has wire.Led) ([]byte, error) {
	has.Fit()
	a, err := vf.ask(ctx, hub, wire.Question{Ask: wire.AskLead, Errand: wire.Errand{Led: &has}})
	if told, ok := errors.AsType[errAnswered](err); ok && (strings.HasSuffix(told.reason, notSynced) || strings.HasSuffix(told.reason, wire.UnknownQuestion)) {
		return nil, errLeadsOlder
	}
	return a.Lead, err
}
