package adapter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Destination is a job's destination that an adapter pushes to. It is safe for concurrent use.
type Destination struct {
	adapter *Adapter
	job     string
	key     []string
	options json.RawMessage
}

// Destination returns a destination for a job; it sends nothing. key has the columns by which the job identifies its rows;
// none if it appends them all.
func (a *Adapter) Destination(job string, o Options, key []string) (*Destination, error) {
	if !a.Pushes {
		return nil, fmt.Errorf("destination: %s does not export push", a.name)
	}
	options, err := o.json()
	return &Destination{adapter: a, job: job, key: key, options: options}, err
}

// json returns the options in the form that the script gets.
func (o Options) json() (json.RawMessage, error) {
	if o.Options == nil {
		return json.RawMessage("{}"), nil
	}
	text, err := json.Marshal(o.Options)
	if err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	return text, nil
}

// Limits returns the limits of a call of push. If the adapter sets its batch size, a job cannot ask for more.
func (d *Destination) Limits() job.Limits {
	limits := job.Limits{Rows: d.adapter.rows, Bytes: bytesInBatch}
	if d.adapter.BatchSize == nil {
		limits.Most = mostRows
	}
	return limits
}

// operation is an operation in the form that push gets.
type operation struct {
	Kind  job.Kind          `json:"kind"`
	Key   map[string]string `json:"key,omitempty"` // the key columns, as text
	ID    *string           `json:"id"`            // that push has returned for the row; nil: none
	Event string            `json:"event"`
	Row   json.RawMessage   `json:"row"`
}

// operations returns a batch in the form that push gets, and an id that stays the same when the same operations are pushed
// again.
func (d *Destination) operations(b *job.Batch) (text json.RawMessage, id string, err error) {
	list := make([]operation, len(b.Operations))
	var events strings.Builder
	for i := range b.Operations {
		o := &b.Operations[i]
		list[i] = operation{Kind: o.Kind, Event: o.Event, Row: o.Data}
		events.WriteString(o.Event)
		if o.ID != "" {
			list[i].ID = &o.ID
		}
		if len(d.key) == 0 {
			continue
		}
		parts, err := record.SplitKey(o.Key, len(d.key))
		if err != nil {
			return nil, "", fmt.Errorf("push a row: %w", err)
		}
		list[i].Key = map[string]string{}
		for at, name := range d.key {
			list[i].Key[name] = parts[at]
		}
	}
	if text, err = json.Marshal(list); err != nil {
		return nil, "", fmt.Errorf("push rows: %w", err)
	}
	return text, uuid.NewSHA1(uuid.NameSpaceOID, []byte(events.String())).String(), nil
}

// Send calls push with a batch.
func (d *Destination) Send(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	text, id, err := d.operations(b)
	if err != nil {
		return nil, err
	}
	c := &call{}
	result, err := d.adapter.script.Call(context.WithValue(ctx, calling{}, c), "push", value.Field{Name: "operations", Value: text},
		value.Field{Name: "id", Value: id}, value.Field{Name: "job", Value: d.job}, value.Field{Name: "options", Value: d.options})
	if d.adapter.dry != nil && (err == nil || c.dry) {
		d.tell(c, b, text, err)
		return nil, remote.ErrDry // Promise 4
	}
	if err != nil {
		return nil, d.outcome(c, err)
	}
	answers, err := answersOf(result["text"], len(b.Operations))
	if err != nil {
		return nil, d.outcome(c, err)
	}
	for i := range answers {
		answers[i].Refused = short(d.adapter.redact.Text(answers[i].Refused))
	}
	return answers, nil
}

// tell reports what the requests of a dry run have not shown: everything if there were none, or what would follow after an
// error, which the empty answers may have caused.
func (d *Destination) tell(c *call, b *job.Batch, text json.RawMessage, err error) {
	s := remote.Sent{Method: "push", Host: d.adapter.name}
	switch {
	case err != nil:
		s.Operation = fmt.Sprintf("push the rest: what it sends is unknown, because it failed, perhaps over the empty answers of a dry run (%v)", d.adapter.shown(err))
	case c.dry:
		return
	default:
		s.Operation = fmt.Sprintf("push %d rows", len(b.Operations))
		s.Body = []byte(d.adapter.redact.Text(string(text)))
	}
	d.adapter.dry(s)
}

// outcome returns the error of a failed call, which says what the call may have left behind.
func (d *Destination) outcome(c *call, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	shown := d.adapter.shown(err)
	e, known := errors.AsType[*remote.Error](err)
	switch {
	case known && (e.Next.Do == remote.Halve || e.Next.Do == remote.RowRefused): // Promise 3
		return shown
	case !c.wrote:
		return shown
	}
	doubt := &remote.Error{Operation: "push", Host: d.adapter.name, Next: remote.Next{Do: remote.Doubt}, Err: shown} // Promise 2
	if known {
		doubt.RequestID, doubt.Next.After = e.RequestID, e.Next.After
	}
	return doubt
}

// mostReason is how many bytes are kept of the reason why a row was refused; mostID is how many an id may have.
const (
	mostReason = 1000
	mostID     = 500
)

// answersOf reads what adapter.js has made of push's result: for each operation, its id and why it was refused.
func answersOf(text string, n int) ([]job.Answer, error) {
	var list [][]*string
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != n {
		return nil, errors.Join(errors.New("push returned no list of answers"), err)
	}
	answers := make([]job.Answer, n)
	for i, a := range list {
		if len(a) > 0 && a[0] != nil {
			if answers[i].ID = *a[0]; len(answers[i].ID) > mostID {
				return nil, fmt.Errorf("push returned an id of more than %d bytes for operation %d", mostID, i)
			}
		}
		if len(a) > 1 && a[1] != nil {
			if answers[i].Refused = strings.TrimSpace(*a[1]); answers[i].Refused == "" {
				answers[i].Refused = "refused"
			}
		}
	}
	return answers, nil
}

// short returns the start of a reason. Redact secrets first: half of one would not be recognized.
func short(why string) string {
	return strings.ToValidUTF8(why[:min(len(why), mostReason)], "")
}
