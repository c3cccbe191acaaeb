package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// event is a state of a row.
type event struct {
	ID   string            `json:"id"`
	Kind job.Kind          `json:"kind"`
	Key  map[string]string `json:"key,omitempty"` // the key columns, as texts
	row  json.RawMessage   // nil: it is deleted
}

// add adds an event to a body. Its row is written unchanged.
func (e *event) add(to *body) error {
	head, err := json.Marshal(e)
	if err != nil || e.row == nil {
		to.text = append(to.text, head...)
		return err
	}
	to.text = append(append(to.text, head[:len(head)-1]...), `,"row":`...)
	to.add(e.row)
	to.text = append(to.text, '}')
	return nil
}

// body is the body of a request: large rows in it are not copied.
type body struct {
	before [][]byte
	text   []byte
}

func (b *body) add(row []byte) { b.before, b.text = remote.Append(b.before, b.text, row) }

// request returns the request that sends some operations.
func (d *Destination) request(list []job.Operation) (*remote.Request, error) {
	events := make([]event, len(list))
	for i, o := range list {
		events[i] = event{ID: o.Event, Kind: o.Kind, row: o.Data}
		if len(d.key) == 0 {
			continue
		}
		parts, err := record.SplitKey(o.Key, len(d.key))
		if err != nil {
			return nil, fmt.Errorf("send a row: %w", err)
		}
		events[i].Key = map[string]string{}
		for at, name := range d.key {
			events[i].Key[name] = parts[at]
		}
	}
	r := &remote.Request{Operation: "send rows", Method: d.leg.Method, Path: d.leg.Path, Again: true, Unread: true, Header: http.Header{}}
	var id string
	var err error
	if d.leg.Send == "batch" {
		id, err = d.batch(r, events)
	} else {
		id, err = d.single(r, &events[0])
	}
	switch {
	case errors.Is(err, errPath):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("send rows: %w", err)
	}
	r.Header.Set("Idempotency-Key", id)
	d.sign.sign(r, id, d.now())
	return r, nil
}

// roomOfEvent is an event's size without its row, in bytes.
const roomOfEvent = 150

// batch writes the body for several events, and returns the request's id, which is derived from theirs and so stays the
// same when they are resent.
func (d *Destination) batch(r *remote.Request, events []event) (id string, err error) {
	var ids strings.Builder
	size := roomOfEvent
	for i := range events {
		ids.WriteString(events[i].ID)
		size += roomOfEvent
		if n := len(events[i].row); n < remote.Large {
			size += n
		}
	}
	begin, end := `{"events":[`, "]}"
	if d.leg.Body == "row" {
		begin, end = "[", "]"
	}
	b := body{text: append(make([]byte, 0, size), begin...)}
	for i := range events {
		if i > 0 {
			b.text = append(b.text, ',')
		}
		if err := d.add(&b, &events[i]); err != nil {
			return "", err
		}
	}
	r.Before, r.Body = b.before, append(b.text, end...)
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(ids.String())).String(), nil
}

// add adds an event, or just its row, to a body.
func (d *Destination) add(to *body, e *event) error {
	if d.leg.Body == "row" {
		to.add(e.row)
		return nil
	}
	return e.add(to)
}

// errPath means that a row's key would lead elsewhere: a DELETE of /orders/ may
// mean all of them.
var errPath = errors.New("its key is empty or consists of dots, which a path cannot contain")

// path returns the path for an event.
func (d *Destination) path(e *event) (path string, err error) {
	path = placeholder.ReplaceAllStringFunc(d.leg.Path, func(name string) string {
		value := e.Key[strings.Trim(name, "{}")]
		if value == "" || value == "." || value == ".." {
			err = errPath
		}
		return url.PathEscape(value)
	})
	return path, err
}

// single returns the request for one event, and its id. A deleted row has no body of its own.
func (d *Destination) single(r *remote.Request, e *event) (id string, err error) {
	if r.Path, err = d.path(e); err != nil {
		return "", err
	}
	r.Operation = "send a row"
	if e.Kind == job.Delete {
		r.Method = http.MethodDelete
	}
	var b body
	err = d.add(&b, e)
	r.Before, r.Body = b.before, b.text
	return e.ID, err
}
