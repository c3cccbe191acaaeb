package airtable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// changes is the body of a request that creates or updates records.
type changes struct {
	Upsert   *upsert  `json:"performUpsert,omitempty"`
	Typecast bool     `json:"typecast,omitempty"`
	Records  []change `json:"records"`
}

type upsert struct {
	MergeOn []string `json:"fieldsToMergeOn"`
}

type change struct {
	ID     string                     `json:"id,omitempty"`
	Fields map[string]json.RawMessage `json:"fields"`
}

// Send deletes records, and then writes others. Airtable accepts a request completely or not at all; resending one
// changes nothing more, except for rows that are added without an event.
func (d *Destination) Send(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	answers := make([]job.Answer, len(b.Operations))
	var gone []string
	var at []int // the operations of the changes
	var list []change
	for i := range b.Operations {
		o := &b.Operations[i]
		if o.Kind == job.Delete {
			if o.ID != "" { // or it never arrived
				gone = append(gone, o.ID)
			}
			continue
		}
		c, err := d.change(o)
		if err != nil {
			answers[i].Refused = err.Error()
			continue
		}
		list, at = append(list, c), append(at, i)
	}
	removed := d.remove(ctx, gone)
	if removed != nil && !errors.Is(removed, remote.ErrDry) {
		return nil, removed
	}
	ids, err := d.write(ctx, list)
	if err := errors.Join(removed, err); err != nil {
		return nil, err
	}
	for i, id := range ids {
		answers[at[i]].ID = id
	}
	return answers, nil
}

// change is what an operation writes. The error is why Airtable would reject it.
func (d *Destination) change(o *job.Operation) (change, error) {
	members, err := record.Members(o.Data)
	if err != nil {
		return change{}, err
	}
	c := change{ID: o.ID, Fields: make(map[string]json.RawMessage, len(members)+1)}
	for _, m := range members {
		c.Fields[m.Name] = m.Value
	}
	for _, name := range d.leg.MergeOn {
		if v := c.Fields[name]; v == nil || string(v) == "null" || string(v) == `""` {
			return c, fmt.Errorf("its field %q, which identifies records, is empty", name)
		}
	}
	if name := d.leg.EventField; name != "" {
		if c.Fields[name] != nil {
			return c, fmt.Errorf("its column %q has the name of eventField", name)
		}
		if c.Fields[name], err = json.Marshal(o.Event); err != nil {
			return c, err
		}
	}
	return c, nil
}

// write creates and updates records, and returns their ids. Records whose ids Airtable no longer knows, because people
// have deleted them, are created again.
func (d *Destination) write(ctx context.Context, list []change) ([]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	ids, err := d.request(ctx, list)
	if len(d.leg.MergeOn) == 0 || !absent(err) {
		return ids, err
	}
	known := false
	for i := range list {
		known = known || list[i].ID != ""
		list[i].ID = ""
	}
	if !known {
		return ids, err
	}
	return d.request(ctx, list)
}

// request sends changes, and returns the records' ids.
func (d *Destination) request(ctx context.Context, list []change) ([]string, error) {
	body := changes{Typecast: d.leg.Typecast, Records: list}
	r := &remote.Request{Operation: "write records", Method: http.MethodPatch, Path: d.path(), Again: true}
	switch {
	case len(d.leg.MergeOn) > 0:
		body.Upsert = &upsert{d.leg.MergeOn}
	case d.leg.EventField != "":
		body.Upsert = &upsert{[]string{d.leg.EventField}}
	default:
		r.Operation, r.Method, r.Again = "add records", http.MethodPost, false
	}
	var err error
	if r.Body, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("%s: %w", r.Operation, err)
	}
	answer, err := d.client.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	ids, n := make([]string, len(list)), 0
	err = value.EachItem(record.List(answer.Body, "records"), func(item []byte) error {
		var rec struct {
			ID string `json:"id"`
		}
		if n++; n > len(list) {
			return nil
		}
		err := json.Unmarshal(item, &rec)
		ids[n-1] = rec.ID
		return err
	})
	if err != nil || n != len(list) {
		return nil, &remote.Error{
			Operation: r.Operation, Host: d.client.Host(), Status: answer.Status, RequestID: answer.RequestID, Next: remote.Next{Do: remote.Doubt},
			Err: fmt.Errorf("the answer has %d records, want %d", n, len(list)),
		}
	}
	return ids, nil
}

// remove deletes records.
func (d *Destination) remove(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	err := d.delete(ctx, ids)
	if !absent(err) {
		return err
	}
	for _, id := range ids { // people have deleted some of them
		if err := d.delete(ctx, []string{id}); err != nil && !(absent(err) && d.gone(ctx, id)) {
			return err
		}
	}
	return nil
}

func (d *Destination) delete(ctx context.Context, ids []string) error {
	_, err := d.client.Do(ctx, &remote.Request{Operation: "delete records", Method: http.MethodDelete, Path: d.path(), Query: url.Values{"records[]": ids}, Again: true, Unread: true})
	return err
}

// gone reports whether the table exists, but not the record.
func (d *Destination) gone(ctx context.Context, id string) bool {
	_, err := d.client.Do(ctx, &remote.Request{Operation: "look at a record", Path: d.path() + "/" + url.PathEscape(id), Read: true, Unread: true})
	return absent(err) && d.Check(ctx) == nil
}

// absent reports whether an answer may mean that the record does not exist; it may as well be the table.
func absent(err error) bool {
	e, ok := errors.AsType[*remote.Error](err)
	switch {
	case !ok:
		return false
	case e.Status == http.StatusNotFound || e.Status == http.StatusForbidden:
		return true
	}
	return e.Status == http.StatusUnprocessableEntity && (strings.Contains(e.Body, "NOT_EXIST") || strings.Contains(e.Body, "NOT_FOUND"))
}
