package verify

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// answersAtOnce is how many questions are answered at a time, no two of one remote; one report beside them.
const answersAtOnce = 3

// Bytes of rows in an answer. Promise 10.
const (
	answerBytes  = wire.MessageBytes * 5 / 8 // if it may come in parts; it always has at least one row
	answerMost   = 2 << 20                   // if it may not, and of one row
	answerBriefs = 8 << 20                   // read to compute checksums; always at least one row
)

// MayCome reports whether a client may send a question, or an answer, of so many bytes.
func (vf *Verifier) MayCome(sender string, bytes int) bool {
	switch {
	case vf.asking.expects(sender):
		return true
	case !vf.Node.MayAsk(sender):
		return false
	case bytes > wire.MostQuestion+seal.Overhead:
		vf.Refused.Broken("message refused", sender, zap.Stringer("kind", wire.VerifyFor), zap.Error(errNobodyAsked))
		return false
	}
	return true
}

// Hear takes a message of /verify/{client}/{sender}.
func (vf *Verifier) Hear(topic wire.Topic, payload []byte) {
	sender := topic.Sender
	if !vf.MayCome(sender, 0) {
		return
	}
	key := seal.KeyOf(payload)
	payload, ok := vf.Mesh.Unseal(topic, payload)
	if !ok {
		return
	}
	refuse := func(err error) {
		vf.Refused.Broken("message refused", sender, zap.Stringer("kind", topic.Kind), zap.Error(err))
	}
	if len(payload) > wire.MostQuestion && !vf.asking.expects(sender) {
		refuse(errNobodyAsked)
		return
	}
	q, a, err := wire.ParseVerify(payload)
	switch {
	case err != nil:
		refuse(err)
	case a != nil:
		vf.asking.answered(sender, *a)
	case q.Ask == wire.AskLead:
		vf.reports.Put(sender, key, *q, len(payload))
	default:
		vf.questions.Put(sender, key, *q, len(payload)) // what is dropped is asked again
	}
}

var errNobodyAsked = errors.New("it is too large for a question, but nothing was asked")

// answerAll answers remotes' questions until ctx ends.
func (vf *Verifier) answerAll(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for range answersAtOnce {
		g.Go(func() error { return vf.answerFrom(ctx, vf.questions) })
	}
	g.Go(func() error { return vf.answerFrom(ctx, vf.reports) })
	return g.Wait()
}

func (vf *Verifier) answerFrom(ctx context.Context, list *receive.Questions) error {
	for {
		q, done, ok := list.Next(ctx)
		if !ok {
			return nil
		}
		vf.reply(ctx, q, done)
	}
}

// reply answers a question while its asker waits. A panic costs only this question. Promise 9.
func (vf *Verifier) reply(ctx context.Context, q receive.Question, done func()) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	a, err := vf.answerSafely(ctx, q)
	done() // before the asker hears it, and asks the next one
	if err != nil {
		vf.Log.Debug("question not answered", zap.String("remote", q.From), zap.String("ask", wire.Shorten(q.Ask, 40)), zap.Error(err))
		if mysqldb.Number(err) != 0 {
			err = errNotTold
		}
		a = wire.Answer{Error: receive.Told(err)}
	}
	if a.ID = q.ID; q.Table == "" { // check asks about none, to find out how the node is
		a.Now = vf.Now().UnixMilli()
	}
	if q.Parts {
		a.Fit()
	}
	payload, err := a.Encode()
	if err == nil {
		payload, err = vf.Mesh.Seal(seal.Verify, q.From, payload)
	}
	if err == nil {
		_, err = vf.Transport.PublishAsync(ctx, transport.Message{Topic: vf.Topics.VerifyOf(q.From, vf.Node.ClientName), Payload: payload, QoS: 1})
	}
	if err != nil && ctx.Err() == nil {
		vf.Log.Debug("answer not published", zap.String("remote", q.From), zap.Error(err))
	}
}

// errNotTold stands for a server error that reveals more than its reason.
var errNotTold = errors.New("the table could not be read; the node's log says why, at the level debug")

// answerSafely is answer for any question.
func (vf *Verifier) answerSafely(ctx context.Context, q receive.Question) (a wire.Answer, err error) {
	err = receive.ErrPanic
	defer func() {
		if p := recover(); p != nil {
			vf.Events.Panicked(p, debug.Stack())
		}
	}()
	return vf.answer(ctx, q)
}

// notSynced is the end of the answer to a question about a table that the node does not sync. Asking nodes recognize
// these words.
const notSynced = "is not synced here"

// answer answers a question about a table, or about the node, as far as the asker may see it. Promise 8: it reveals nothing about others.
func (vf *Verifier) answer(ctx context.Context, q receive.Question) (wire.Answer, error) {
	var a wire.Answer
	if q.Ask == wire.AskSummary {
		s, err := vf.summary(ctx, q.From)
		return wire.Answer{Summary: s}, err
	}
	if q.Ask == wire.AskLead {
		return vf.lead(q)
	}
	if q.Ask == wire.AskAct {
		return vf.act(ctx, q)
	}
	v, ok := vf.viewOf(q.From, q.Table)
	if !ok {
		return a, fmt.Errorf("table %.64q "+notSynced, q.Table)
	}
	t, err := vf.Tables.Fresh(ctx, q.Table)
	if err == nil {
		err = sensible(t, &q.Question)
	}
	if err != nil {
		return a, err
	}
	a.Form = min(max(q.Form, 0), wire.FormLarge)
	v.t = t
	switch q.Ask {
	case wire.AskSum:
		a.Count, a.Sum, err = v.sum(ctx, &q.Question, a.Form)
	case wire.AskHashes:
		a.Hashes, a.Part, err = v.hashes(ctx, &q.Question, a.Form)
	case wire.AskValues:
		if v.whole || v.given(&q.Question) {
			if a.Part, err = vf.within(ctx, t, &q.Question); err != nil {
				return a, err
			}
		}
		a.Types, a.Values, err = v.verifyValues(ctx, q)
		a.Takes = vf.Node.Receives(t.Name) && vf.Rows.Transforms(t.Name)
	case wire.AskSend:
		err = vf.sendAsked(ctx, t, q)
	case wire.AskColumns:
		a.Sends, a.Changes = vf.sends(q.From, t.Name), vf.Rows.Transforms(t.Name)
		a.Key, a.Unique = t.KeyNames(), t.Unique
		for i := range t.Columns {
			c := &t.Columns[i]
			if !vf.Node.MayColumn(q.From, t.Name, c.Name) {
				continue
			}
			a.Columns = append(a.Columns, wire.VerifyColumn{Name: c.Name, DataType: c.DataType, Type: c.Type, Length: c.Length,
				Precision: c.Precision, Scale: c.Scale, Charset: c.Charset, Nullable: c.Nullable})
		}
	default:
		err = fmt.Errorf("%.40q "+wire.UnknownQuestion, q.Ask)
	}
	return a, err
}

// sensible checks what a question asks about a table, before anything is read. A key named twice is answered once.
func sensible(t *schema.Table, q *wire.Question) error {
	switch q.Ask {
	case wire.AskSum, wire.AskHashes, wire.AskValues:
		if len(q.Columns) == 0 {
			return errors.New("the question names no column")
		}
	}
	columns := map[int]bool{}
	for _, name := range q.Columns {
		at := t.Index(name)
		if at >= 0 && columns[at] {
			return fmt.Errorf("the question names column %.64q twice", name)
		}
		columns[at] = true
	}
	for _, k := range [][]byte{q.After, q.UpTo} {
		if k != nil {
			if _, err := t.KeyValues(string(k)); err != nil {
				return err
			}
		}
	}
	if q.Known != nil && len(q.Known) != len(q.Keys) || q.Sums != nil && len(q.Sums) != len(q.Keys) {
		return errors.New("the question must have one known version, or checksum, for each key")
	}
	known, sums := q.Known[:0], q.Sums[:0]
	keys := make(map[string]bool, len(q.Keys))
	distinct := q.Keys[:0]
	for i, k := range q.Keys {
		if _, err := t.KeyValues(string(k)); err != nil {
			return err
		}
		if keys[string(k)] {
			continue
		}
		keys[string(k)] = true
		distinct = append(distinct, k)
		if q.Known != nil {
			known = append(known, q.Known[i])
		}
		if q.Sums != nil {
			sums = append(sums, q.Sums[i])
		}
	}
	q.Keys, q.Known, q.Sums = distinct, known, sums
	return nil
}

// within keeps as many of a question's keys as an answer may have rows, and reports whether there are others. The size
// of the rows is queried before any is read. Promise 10.
func (vf *Verifier) within(ctx context.Context, t *schema.Table, q *wire.Question) (part bool, err error) {
	sizes, err := snapshot.Sizes(ctx, vf.DB, t, q.Columns, q.Keys)
	if err != nil {
		return false, err
	}
	most, briefs := answerMost, q.Form >= wire.FormLarge && len(q.Types) == len(q.Columns)
	switch {
	case briefs:
		most = answerBriefs
	case q.Parts:
		most = answerBytes
	}
	room := most
	for i, k := range q.Keys {
		size := sizes[string(k)]
		if size > answerMost && !briefs {
			return false, errors.New("a row of the question is too large to return")
		}
		if room -= size; room < 0 && i > 0 {
			if !q.Parts {
				return false, errors.New("the question asks for too much")
			}
			q.Keys, q.Known, q.Sums = q.Keys[:i], q.Known[:min(i, len(q.Known))], q.Sums[:min(i, len(q.Sums))]
			return true, nil
		}
	}
	return false, nil
}

// sendAsked marks rows for the client that asks for them, if it is a remote. A missing row is sent as a delete if the
// node has a version of it and it has not vanished; that does nothing if the other side has the same version, or a
// later one. A row that is another remote's is not marked: its mark would let the client write it, as one that has not heard yet
// that it lost the row. Such a row is withdrawn if this node compares.
func (vf *Verifier) sendAsked(ctx context.Context, t *schema.Table, q receive.Question) error {
	if !vf.sends(q.From, t.Name) || len(q.Keys) == 0 {
		return nil
	}
	found, err := snapshot.Values(ctx, vf.DB, t, t.Names()[:1], q.Keys, nil)
	if err != nil {
		return err
	}
	rows := make([]change.Row, len(q.Keys))
	for i, k := range q.Keys {
		rows[i] = change.Row{Table: t.Name, Key: string(k)}
	}
	if err := vf.Tables.Identify(ctx, rows); err != nil {
		return err
	}
	states, err := version.Read(ctx, vf.DB, rows)
	if err != nil {
		return err
	}
	fates, err := version.Fates(ctx, vf.DB, rows)
	if err != nil {
		return err
	}
	others, err := vf.notTheirs(ctx, vf.DB, q.From, t, rows)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r change.Row) bool {
		_, here := found[r.Key]
		return others[r.Key] || !Given(here, states[r], fates[r])
	})
	defer vf.Events.Marked(q.From)
	return vf.Outbox.MarkAll(ctx, q.From, rows)
}
