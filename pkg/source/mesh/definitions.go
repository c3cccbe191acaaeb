package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// How long an answer may take, and how long it is valid: a new column is noticed at once, one whose type has
// changed only after this time.
const (
	askTime  = 8 * time.Second
	askAgain = 2 * time.Second
	believed = 2 * time.Second
)

// definitions learns tables by asking those who send them. It implements receive.Definitions and dispatch.Verifier,
// and is safe for concurrent use.
type definitions struct {
	cfg  *config.Config
	line mesh.Line
	keys map[string][]string // of tables that existing peers send

	mu      sync.Mutex
	known   map[place]told
	waiting map[uint64]*asked // by question id
	last    uint64
}

// place is a table of a client.
type place struct{ client, table string }

// told is a client's latest answer.
type told struct {
	*schema.Table // nil: it has no such table for this client
	at            time.Time
	shapes        []uint64 // shapes of rows with fewer columns seen since, so that each causes only one question
}

// shapesMost is how many shapes of rows make a client be asked again.
const shapesMost = 16

// fits reports whether rows with these columns match the table as described. A table that has lost columns sends rows
// without them; so does a transformer, for good.
func (t told) fits(columns []string, shape uint64) bool {
	if t.Table == nil || time.Since(t.at) >= believed || slices.ContainsFunc(columns, func(name string) bool { return t.Index(name) < 0 }) {
		return false
	}
	return columns == nil || len(columns) >= len(t.Columns) || len(t.shapes) >= shapesMost || slices.Contains(t.shapes, shape)
}

// shapeOf identifies a list of columns.
func shapeOf(columns []string) uint64 {
	h := fnv.New64a()
	for _, name := range columns {
		_, _ = h.Write(append([]byte(name), 0))
	}
	return h.Sum64()
}

// knownMost limits the definitions of all clients together, in bytes, roughly.
const knownMost = 16 << 20

// size is the approximate size of a definition in bytes.
func (t told) size() int {
	n := 0
	if t.Table != nil {
		for i := range t.Columns {
			n += 400 + 2*len(t.Columns[i].Name) + 3*len(t.Columns[i].Type)
		}
	}
	return n
}

// note records a client's answer. If room is short, the oldest answers are forgotten, and asked for again: any client may
// have sent them. Promise 10.
func (d *definitions) note(p place, t told) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[p] = t
	room := knownMost
	for _, k := range d.known {
		room -= 400 + k.size()
	}
	for room < 0 && len(d.known) > 1 {
		first := p
		for other, k := range d.known {
			if other != p && (first == p || k.at.Before(d.known[first].at)) {
				first = other
			}
		}
		room += 400 + d.known[first].size()
		delete(d.known, first)
	}
}

// asked is a question that awaits its answer.
type asked struct {
	client string
	answer chan wire.Answer
}

func newDefinitions(cfg *config.Config, line mesh.Line, keys map[string][]string) *definitions {
	return &definitions{cfg: cfg, line: line, keys: keys, known: map[place]told{}, waiting: map[uint64]*asked{}}
}

// Definition implements receive.Definitions.
func (d *definitions) Definition(ctx context.Context, client, table string, columns []string, entity value.Entity) (*schema.Table, error) {
	if entity != nil || !d.line.Mesh.IsNode(client) {
		return d.guess(table, entity), nil
	}
	p, shape := place{client, table}, shapeOf(columns)
	d.mu.Lock()
	known := d.known[p]
	d.mu.Unlock()
	if known.fits(columns, shape) {
		return known.Table, nil
	}
	t, err := d.ask(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("%w: table %s of %s: %w", receive.ErrLater, table, client, err)
	}
	shapes := []uint64{shape}
	if known.Table != nil && time.Since(known.at) < believed {
		shapes = append(shapes, known.shapes...)
	}
	d.note(p, told{t, time.Now(), shapes})
	if known.Table == nil || slices.ContainsFunc(known.Columns, func(c value.Column) bool { return t.Index(c.Name) < 0 }) {
		d.learnOthers(ctx, p)
	}
	return t, nil
}

// guess derives a definition from the values of a row of an existing peer, which cannot be asked.
func (d *definitions) guess(table string, entity value.Entity) *schema.Table {
	var columns []value.Column
	for _, f := range entity {
		kind, dataType := value.Text, "longtext"
		switch f.Value.(type) {
		case bool, int64, uint64:
			kind, dataType = value.Integer, "bigint"
		case float64:
			kind, dataType = value.Double, "double"
		case []byte:
			kind, dataType = value.Binary, "longblob"
		case json.RawMessage:
			kind, dataType = value.JSON, "json"
		}
		columns = append(columns, value.Column{Name: f.Name, Kind: kind, DataType: dataType})
	}
	var key []int
	for _, name := range d.keys[table] {
		at := slices.IndexFunc(columns, func(c value.Column) bool { return c.Name == name })
		if at < 0 {
			at = len(columns)
			columns = append(columns, value.Column{Name: name, Kind: value.Text, DataType: "longtext"})
		}
		key = append(key, at)
	}
	t := schema.Define(table, columns...)
	t.Key = key
	return t
}

// ask asks a client for a table's definition.
func (d *definitions) ask(ctx context.Context, p place) (*schema.Table, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	d.mu.Lock()
	d.last++
	q := wire.Question{ID: d.line.Session ^ d.last, Ask: wire.AskColumns, Table: p.table}
	a := &asked{p.client, make(chan wire.Answer, 1)}
	d.waiting[q.ID] = a
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.waiting, q.ID)
		d.mu.Unlock()
	}()
	payload, err := q.Encode()
	if err != nil {
		return nil, err
	}
	for {
		sealed, err := d.line.Mesh.Seal(seal.Verify, p.client, payload) // a new one each time: each message is accepted only once
		if err != nil {
			return nil, err
		}
		m := transport.Message{Topic: d.line.Topics.VerifyOf(p.client, d.cfg.ClientName), Payload: sealed, QoS: 1}
		if err := d.line.Transport.Publish(ctx, m); err != nil && !errors.Is(err, transport.ErrOffline) {
			return nil, err
		}
		select {
		case answer := <-a.answer:
			return define(p.table, answer)
		case <-time.After(askAgain):
		case <-ctx.Done():
			return nil, errors.New("it does not say which columns the table has")
		}
	}
}

// define returns the table that an answer describes.
func define(table string, a wire.Answer) (*schema.Table, error) {
	if a.Error != "" {
		return nil, refusal(wire.Shorten(a.Error, 255))
	}
	var columns []value.Column
	for _, v := range a.Columns {
		c, err := v.Column()
		if err != nil {
			return nil, fmt.Errorf("column %.64q: %w", v.Name, err)
		}
		columns = append(columns, c)
	}
	t := schema.Define(table, columns...)
	t.Key = nil
	for _, name := range a.Key {
		at := t.Index(name)
		if at < 0 {
			return nil, fmt.Errorf("it does not say what the key column %.64q is; it may have no right to tell", name)
		}
		t.Key = append(t.Key, at)
	}
	if len(t.Key) == 0 {
		return nil, errors.New("it does not say what the table's key is: run a newer version there")
	}
	return t, nil
}

// smallQuestion is the largest message, in bytes, from a client that has nothing to answer.
const smallQuestion = 64 << 10

// MayCome implements dispatch.Verifier: an answer may come while its question waits, and small questions at any time.
func (d *definitions) MayCome(sender string, bytes int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.waiting {
		if a.client == sender {
			return true
		}
	}
	return bytes <= smallQuestion
}

// noTable answers questions about a table.
const noTable = "is a connector: it keeps the rows that it has received, but no table that could be compared"

// refuse answers a question, so that the asker does not wait.
func (d *definitions) refuse(client string, q *wire.Question) {
	payload, err := wire.Answer{ID: q.ID, Error: noTable}.Encode()
	if err == nil {
		payload, err = d.line.Mesh.Seal(seal.Verify, client, payload)
	}
	if err == nil {
		_, _ = d.line.Transport.PublishAsync(context.Background(), transport.Message{Topic: d.line.Topics.VerifyOf(client, d.cfg.ClientName), Payload: payload, QoS: 1})
	}
}

// Hear implements dispatch.Verifier.
func (d *definitions) Hear(topic wire.Topic, payload []byte) {
	plain, ok := d.line.Mesh.Unseal(topic, payload)
	if !ok {
		return
	}
	question, answer, err := wire.ParseVerify(plain)
	if err != nil {
		d.line.Refused.Broken("answer refused", topic.Sender, zap.Error(err))
		return
	}
	if question != nil {
		d.refuse(topic.Sender, question)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.waiting[answer.ID]; a != nil && a.client == topic.Sender {
		select {
		case a.answer <- *answer:
		default:
		}
	}
}
