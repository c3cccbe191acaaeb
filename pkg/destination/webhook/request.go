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
	Row  json.RawMessage   `json:"row,omitempty"`
}

// request returns the request that sends operations.
func (d *Destination) request(list []job.Operation) (*remote.Request, error) {
	events := make([]event, len(list))
	for i, o := range list {
		events[i] = event{ID: o.Event, Kind: o.Kind, Row: o.Data}
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
	r := &remote.Request{Operation: "send rows", Method: d.leg.Method, Path: d.leg.Path, Again: true, Header: http.Header{}}
	body, id := d.batch(events)
	if d.leg.Send != "batch" {
		var err error
		if r.Path, err = d.path(&events[0]); err != nil {
			return nil, err
		}
		body, id = d.single(r, &events[0])
	}
	if body != nil {
		var err error
		if r.Body, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("send rows: %w", err)
		}
	}
	r.Header.Set("Idempotency-Key", id)
	d.sign.sign(r, id, d.now())
	return r, nil
}

// batch returns the body for several events, and the request's id: it is derived from theirs, so that it stays the same
// when they are resent.
func (d *Destination) batch(events []event) (body any, id string) {
	var ids strings.Builder
	rows := make([]json.RawMessage, len(events))
	for i := range events {
		ids.WriteString(events[i].ID)
		rows[i] = events[i].Row
	}
	id = uuid.NewSHA1(uuid.NameSpaceOID, []byte(ids.String())).String()
	if d.leg.Body == "row" {
		return rows, id
	}
	return map[string]any{"events": events}, id
}

// errPath is the error of a row whose key would lead elsewhere: a DELETE of /orders/ may
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

// single makes the request for one event, and returns its body, nil for none.
func (d *Destination) single(r *remote.Request, e *event) (body any, id string) {
	r.Operation = "send a row"
	if e.Kind == job.Delete {
		r.Method = http.MethodDelete
	}
	switch {
	case d.leg.Body != "row":
		body = e
	case e.Kind != job.Delete:
		body = e.Row
	}
	return body, e.ID
}
