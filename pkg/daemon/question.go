package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// questionsMost is how many questions of remotes wait to be answered; a further
// one is not answered, and asked again.
const questionsMost = 64

// question is one that a remote has asked.
type question struct {
	from string
	wire.Question
}

// ask asks a remote and waits for its answer.
func (n *Node) ask(ctx context.Context, remote string, q wire.Question) (wire.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	n.asking.mu.Lock()
	n.asking.last++
	q.ID = n.session ^ n.asking.last
	q.Parts = true
	answer := make(chan wire.Answer, 1)
	n.asking.waiting[asked{remote, q.ID}] = answer
	n.asking.mu.Unlock()
	defer func() {
		n.asking.mu.Lock()
		delete(n.asking.waiting, asked{remote, q.ID})
		n.asking.mu.Unlock()
	}()
	payload, err := q.Encode()
	if err != nil {
		return wire.Answer{}, err
	}
	for {
		sealed, err := n.seal(seal.Verify, remote, payload) // anew for each: a message is taken once
		if err != nil {
			return wire.Answer{}, fmt.Errorf("ask %s: %w", remote, err)
		}
		m := transport.Message{Topic: n.topics.VerifyOf(remote, n.cfg.ClientName), Payload: sealed, QoS: 1}
		if err := n.transport.Publish(ctx, m); err != nil && !errors.Is(err, transport.ErrOffline) {
			return wire.Answer{}, err
		}
		select {
		case a := <-answer:
			if a.Error != "" {
				return a, fmt.Errorf("%s: %s", remote, wire.Shorten(a.Error, 255))
			}
			return a, nil
		case <-time.After(askTime / 3):
		case <-ctx.Done():
			return wire.Answer{}, fmt.Errorf("%w: %s", errNoAnswer, remote)
		}
	}
}

// askValues asks a remote for the rows with some keys, as often as it takes until it has answered for all.
func (n *Node) askValues(ctx context.Context, remote string, q wire.Question) (all wire.Answer, err error) {
	q.Ask = wire.AskValues
	for rest := q.Keys; len(rest) > 0; {
		q.Keys = rest[:wire.Within(len(rest), wire.VerifyRows, func(i int) int { return len(rest[i]) })]
		a, err := n.ask(ctx, remote, q)
		if err != nil {
			return a, err
		}
		done := len(q.Keys)
		if a.Part {
			done = max(1, min(len(a.Values), done)) // it has one value for each key, in their order
		}
		rest = rest[done:]
		a.Values = append(all.Values, a.Values...)
		all = a
	}
	return all, nil
}

// onVerify takes a message of /verify/{client}/{sender}.
func (n *Node) onVerify(topic wire.Topic, payload []byte) {
	sender := topic.Sender
	if n.senders[sender] == nil && !n.cfg.AcceptsFrom(sender) {
		return
	}
	payload, ok := n.unseal(topic, payload)
	if !ok {
		return
	}
	q, a, err := wire.ParseVerify(payload)
	switch {
	case err != nil:
		n.refused.Broken("message refused", sender, zap.Stringer("kind", topic.Kind), zap.Error(err))
	case a != nil:
		n.asking.mu.Lock()
		waiting := n.asking.waiting[asked{sender, a.ID}]
		n.asking.mu.Unlock()
		select {
		case waiting <- *a:
		default: // nobody asks, or it is answered already
		}
	default:
		select {
		case n.questions <- question{sender, *q}:
		default: // asked again
		}
	}
}

// answerQuestions answers the questions of remotes, one by one, until ctx ends.
func (n *Node) answerQuestions(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case q := <-n.questions:
			a, err := n.answer(ctx, q)
			if err != nil {
				a = wire.Answer{Error: err.Error()}
			}
			a.ID = q.ID
			if q.Parts {
				a.Fit()
			}
			payload, err := a.Encode()
			if err == nil {
				payload, err = n.seal(seal.Verify, q.from, payload)
			}
			if err == nil {
				_, err = n.transport.PublishAsync(ctx, transport.Message{Topic: n.topics.VerifyOf(q.from, n.cfg.ClientName), Payload: payload, QoS: 1})
			}
			if err != nil && ctx.Err() == nil {
				n.log.Debug("answer not published", zap.String("remote", q.from), zap.Error(err))
			}
		}
	}
}

// notSynced ends the answer to a question about a table that the node does not have to
// do with. Nodes that ask know it by these words.
const notSynced = "is not synced here"

// answer answers a question about a table that the node syncs or receives.
// Promise 8: it tells nothing of others.
func (n *Node) answer(ctx context.Context, q question) (wire.Answer, error) {
	var a wire.Answer
	if !slices.Contains(n.allTables(), q.Table) {
		return a, fmt.Errorf("table %.64q "+notSynced, q.Table)
	}
	t, err := n.tables.Fresh(ctx, q.Table)
	if err != nil {
		return a, err
	}
	a.Form = min(max(q.Form, 0), wire.FormLarge)
	r := snapshot.Range{After: q.After, UpTo: q.UpTo}
	switch q.Ask {
	case wire.AskSum:
		a.Count, a.Sum, err = snapshot.Sum(ctx, n.db, t, q.Columns, r, a.Form)
	case wire.AskHashes:
		a.Hashes, err = snapshot.Hashes(ctx, n.db, t, q.Columns, r, wire.VerifyRows, a.Form)
	case wire.AskValues:
		a.Types, a.Values, err = n.verifyValues(ctx, t, q)
		a.Takes = n.cfg.Receives(t.Name) && n.transformers.Has(t.Name)
	case wire.AskSend:
		err = n.sendAsked(ctx, t, q)
	case wire.AskColumns:
		a.Sends, a.Changes = n.cfg.Syncs(t.Name) && n.senders[q.from] != nil, n.transformers.Has(t.Name)
		a.Key, a.Unique = t.KeyNames(), t.Unique
		for i := range t.Columns {
			c := &t.Columns[i]
			a.Columns = append(a.Columns, wire.VerifyColumn{Name: c.Name, DataType: c.DataType, Type: c.Type, Length: c.Length,
				Precision: c.Precision, Scale: c.Scale, Charset: c.Charset, Nullable: c.Nullable})
		}
	default:
		err = fmt.Errorf("%.40q "+wire.UnknownQuestion, q.Ask)
	}
	return a, err
}

func (n *Node) verifyValues(ctx context.Context, t *schema.Table, q question) (types []string, list []wire.VerifyValue, err error) {
	var keep func(int, []byte) []byte
	if q.Form >= wire.FormLarge && len(q.Types) == len(q.Columns) {
		keep = func(i int, stored []byte) []byte {
			c, _ := t.Column(q.Columns[i]) // Values has seen that it is there
			return snapshot.Brief(*c, stored, q.Types[i])
		}
	}
	found, err := snapshot.Values(ctx, n.db, t, q.Columns, q.Keys, keep)
	if err != nil {
		return nil, nil, err
	}
	pending, err := n.pendingFor(ctx, q.from, t.Name, q.Keys)
	if err != nil {
		return nil, nil, err
	}
	rows := make([]change.Row, len(q.Keys))
	for i, k := range q.Keys {
		rows[i] = change.Row{Table: t.Name, Key: string(k)}
	}
	if err := n.tables.Identify(ctx, rows); err != nil {
		return nil, nil, err
	}
	states, err := version.Read(ctx, n.db, rows)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range q.Columns {
		c, _ := t.Column(name)
		types = append(types, c.DataType)
	}
	ways, err := n.rehearse(ctx, q.from, t, q.Keys)
	if err != nil {
		return nil, nil, err
	}
	for i, k := range q.Keys {
		v := states[rows[i]].Version
		list = append(list, wire.VerifyValue{Key: k, Values: found[string(k)], Pending: pending[string(k)], Time: v.Time, Origin: v.Origin, Way: ways[string(k)].way})
	}
	return types, list, nil
}

// sendAsked marks rows for the client that asks for them, if it is a remote. A
// row that is not here is sent as a delete if the node has a version of it and it has
// not vanished; that does nothing where the other has the same version, or a later one.
func (n *Node) sendAsked(ctx context.Context, t *schema.Table, q question) error {
	if n.senders[q.from] == nil || !n.cfg.Syncs(t.Name) || len(q.Keys) == 0 {
		return nil
	}
	found, err := snapshot.Values(ctx, n.db, t, t.Names()[:1], q.Keys, nil)
	if err != nil {
		return err
	}
	rows := make([]change.Row, len(q.Keys))
	for i, k := range q.Keys {
		rows[i] = change.Row{Table: t.Name, Key: string(k)}
	}
	if err := n.tables.Identify(ctx, rows); err != nil {
		return err
	}
	states, err := version.Read(ctx, n.db, rows)
	if err != nil {
		return err
	}
	fates, err := version.Fates(ctx, n.db, rows)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r change.Row) bool {
		_, here := found[r.Key]
		return !here && (states[r].Version.IsZero() || fates[r] == version.There)
	})
	defer n.senders[q.from].mark()
	return n.outbox.MarkAll(ctx, q.from, rows)
}
