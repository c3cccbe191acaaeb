package standin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The kinds of an Airtable field.
const (
	AirtableText     = "text"
	AirtableNumber   = "number"
	AirtableCheckbox = "checkbox"
	AirtableComputed = "computed" // read-only
)

// AirtableRecord is a record of a table. Fields without a value are left out.
type AirtableRecord struct {
	ID      string         `json:"id"`
	Created time.Time      `json:"createdTime"`
	Fields  map[string]any `json:"fields"`
}

// Airtable plays Airtable's Web API for the records of one base's tables. The real npm client,
// airtable.js, works with it. Source: https://airtable.com/developers/web/api/introduction, its
// pages on records, errors and rate limits.
type Airtable struct {
	server
	Token     string
	Base      string
	PerSecond int           // requests; 0: no limit
	Pause     time.Duration // how long it refuses all requests after too many; Airtable: 30 s

	data    sync.Mutex
	next    int
	tables  map[string]*airtableTable
	times   []time.Time // of the requests in the last second
	refuses time.Time   // until when
}

type airtableTable struct {
	fields  map[string]string // kinds by name
	records []AirtableRecord
}

// NewAirtable starts a base without tables.
func NewAirtable(token, base string) *Airtable {
	a := &Airtable{Token: token, Base: base, Pause: 30 * time.Second, tables: map[string]*airtableTable{}}
	a.begin(a.serve)
	return a
}

// Table creates an empty table with fields of the given kinds.
func (a *Airtable) Table(name string, fields map[string]string) {
	a.data.Lock()
	defer a.data.Unlock()
	a.tables[name] = &airtableTable{fields: fields}
}

// Records returns a table's records in order of arrival.
func (a *Airtable) Records(table string) []AirtableRecord {
	a.data.Lock()
	defer a.data.Unlock()
	list := slices.Clone(a.tables[table].records)
	for i := range list {
		list[i].Fields = maps.Clone(list[i].Fields)
	}
	return list
}

// Remove deletes a record, as a person would.
func (a *Airtable) Remove(table, id string) {
	a.data.Lock()
	defer a.data.Unlock()
	t := a.tables[table]
	t.records = slices.DeleteFunc(t.records, func(r AirtableRecord) bool { return r.ID == id })
}

// Carry executes a request whose answer a fault withholds.
func (a *Airtable) Carry(w http.ResponseWriter, r *http.Request) { a.serve(w, r) }

// airtableError is an error in Airtable's form.
type airtableError struct {
	status    int
	kind, say string
}

func (e *airtableError) Error() string { return e.say }

func (e *airtableError) answer(w http.ResponseWriter) {
	if e.say == "" {
		answer(w, e.status, map[string]any{"error": e.kind})
		return
	}
	answer(w, e.status, map[string]any{"error": map[string]any{"type": e.kind, "message": e.say}})
}

func unfit(kind, format string, args ...any) error {
	return &airtableError{http.StatusUnprocessableEntity, kind, fmt.Sprintf(format, args...)}
}

var (
	errAirtableToken   = &airtableError{http.StatusUnauthorized, "AUTHENTICATION_REQUIRED", "Authentication required"}
	errAirtableModel   = &airtableError{http.StatusForbidden, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", "Invalid permissions, or the requested model was not found."}
	errAirtableNothing = &airtableError{http.StatusNotFound, "NOT_FOUND", ""} // of paths and records
)

func (a *Airtable) serve(w http.ResponseWriter, r *http.Request) {
	a.data.Lock()
	defer a.data.Unlock()
	if a.limited() {
		answer(w, http.StatusTooManyRequests, map[string]any{"errors": []any{map[string]any{"error": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}}})
		return
	}
	told, err := a.carry(r)
	if err == nil {
		answer(w, http.StatusOK, told)
		return
	}
	e, ok := errors.AsType[*airtableError](err)
	if !ok {
		e = &airtableError{http.StatusUnprocessableEntity, "INVALID_REQUEST_UNKNOWN", err.Error()}
	}
	e.answer(w)
}

// limited reports whether there were too many requests: then all are refused for a while.
func (a *Airtable) limited() bool {
	now := time.Now()
	if now.Before(a.refuses) {
		return true
	}
	a.times = slices.DeleteFunc(a.times, func(t time.Time) bool { return now.Sub(t) > time.Second })
	if a.PerSecond > 0 && len(a.times) >= a.PerSecond {
		a.refuses = now.Add(a.Pause)
		return true
	}
	a.times = append(a.times, now)
	return false
}

// carry executes a request whole or not at all.
func (a *Airtable) carry(r *http.Request) (any, error) {
	if r.Header.Get("Authorization") != "Bearer "+a.Token {
		return nil, errAirtableToken
	}
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	if len(parts) < 3 || len(parts) > 4 || parts[0] != "v0" {
		return nil, errAirtableNothing
	}
	name, err := url.PathUnescape(parts[2])
	if err != nil {
		return nil, errAirtableNothing
	}
	t := a.tables[name]
	if parts[1] != a.Base || t == nil {
		return nil, errAirtableModel
	}
	if len(parts) == 4 {
		at := t.find(parts[3])
		if r.Method != http.MethodGet || at < 0 {
			return nil, errAirtableNothing
		}
		return t.records[at], nil
	}
	switch r.Method {
	case http.MethodGet:
		return t.list(r.URL.Query())
	case http.MethodDelete:
		return t.delete(r.URL.Query())
	case http.MethodPost, http.MethodPatch:
		return a.write(t, r)
	}
	return nil, errAirtableNothing
}

func (t *airtableTable) find(id string) int {
	return slices.IndexFunc(t.records, func(r AirtableRecord) bool { return r.ID == id })
}

// list answers with a page of records.
func (t *airtableTable) list(query url.Values) (any, error) {
	size, from := 100, 0
	for name, values := range query {
		v := values[0]
		var err error
		switch name {
		case "pageSize":
			if size, err = strconv.Atoi(v); err != nil || size < 1 || size > 100 {
				return nil, unfit("INVALID_PAGE_SIZE", "pageSize is not between 1 and 100")
			}
		case "offset":
			_, id, _ := strings.Cut(v, "/")
			if from = t.find(id); from < 0 {
				return nil, unfit("LIST_RECORDS_ITERATOR_NOT_AVAILABLE", "the iterator is not available")
			}
		default:
			return nil, unfit("INVALID_REQUEST_UNKNOWN", "there is no parameter %q", name)
		}
	}
	end := min(from+size, len(t.records))
	page := map[string]any{"records": append([]AirtableRecord{}, t.records[from:end]...)}
	if end < len(t.records) {
		page["offset"] = "itr1/" + t.records[end].ID
	}
	return page, nil
}

// delete deletes up to ten records.
func (t *airtableTable) delete(query url.Values) (any, error) {
	ids := query["records[]"]
	if len(ids) < 1 || len(ids) > 10 || len(query) != 1 {
		return nil, unfit("INVALID_RECORDS", `"records" must be an array of up to 10 record IDs.`)
	}
	var list []any
	for _, id := range ids {
		if t.find(id) < 0 {
			return nil, errAirtableNothing
		}
		list = append(list, map[string]any{"id": id, "deleted": true})
	}
	t.records = slices.DeleteFunc(t.records, func(r AirtableRecord) bool { return slices.Contains(ids, r.ID) })
	return map[string]any{"records": list}, nil
}

// airtableChanges is the body of a request that writes.
type airtableChanges struct {
	Upsert *struct {
		MergeOn []string `json:"fieldsToMergeOn"`
	} `json:"performUpsert"`
	Typecast bool `json:"typecast"`
	Records  []struct {
		ID     string         `json:"id"`
		Fields map[string]any `json:"fields"`
	} `json:"records"`
}

// write creates or updates up to ten records.
func (a *Airtable) write(t *airtableTable, r *http.Request) (any, error) {
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		return nil, unfit("INVALID_REQUEST_BODY", "Could not parse request body")
	}
	var c airtableChanges
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(&c); err != nil {
		return nil, &airtableError{http.StatusBadRequest, "INVALID_REQUEST_BODY", err.Error()}
	}
	if len(c.Records) < 1 || len(c.Records) > 10 {
		return nil, unfit("INVALID_RECORDS", `You must provide an array of up to 10 record objects, each with a "fields" object for cell values.`)
	}
	if c.Upsert != nil && (r.Method == http.MethodPost || len(c.Upsert.MergeOn) < 1 || len(c.Upsert.MergeOn) > 3) {
		return nil, unfit("INVALID_REQUEST_UNKNOWN", "fieldsToMergeOn takes 1 to 3 fields, of a PATCH")
	}
	before, next := slices.Clone(t.records), a.next
	var told []AirtableRecord
	created, updated := []string{}, []string{}
	for _, rec := range c.Records {
		at, err := t.place(&c, r.Method, rec.ID, rec.Fields)
		if err == nil {
			rec.Fields, err = t.cast(rec.Fields, c.Typecast)
		}
		if err != nil {
			t.records, a.next = before, next
			return nil, err
		}
		if at < 0 {
			a.next++
			at = len(t.records)
			t.records = append(t.records, AirtableRecord{fmt.Sprintf("rec%014d", a.next), time.Now().UTC().Truncate(time.Millisecond), map[string]any{}})
			created = append(created, t.records[at].ID)
		} else {
			updated = append(updated, t.records[at].ID)
		}
		fields := maps.Clone(t.records[at].Fields)
		for name, v := range rec.Fields {
			if fields[name] = v; v == nil || v == "" || v == false {
				delete(fields, name)
			}
		}
		t.records[at].Fields = fields
		told = append(told, t.records[at])
	}
	if c.Upsert == nil {
		return map[string]any{"records": told}, nil
	}
	return map[string]any{"records": told, "createdRecords": created, "updatedRecords": updated}, nil
}

// place returns the index of the record that a change updates; -1 means create it.
func (t *airtableTable) place(c *airtableChanges, method, id string, fields map[string]any) (int, error) {
	switch {
	case fields == nil || method == http.MethodPost && id != "":
		return 0, unfit("INVALID_RECORDS", `a record lacks "fields" or has an id`)
	case method == http.MethodPost:
		return -1, nil
	case id != "":
		if at := t.find(id); at >= 0 {
			return at, nil
		}
		return 0, unfit("ROW_DOES_NOT_EXIST", "Record ID %s does not exist", id)
	case c.Upsert == nil:
		return 0, unfit("INVALID_RECORDS", "a record has no id")
	}
	for _, name := range c.Upsert.MergeOn {
		if t.fields[name] == AirtableComputed || t.fields[name] == "" || fields[name] == nil {
			return 0, unfit("INVALID_VALUE_FOR_COLUMN", "records cannot be merged on the field %q", name)
		}
	}
	at := -1
	for i, r := range t.records {
		if slices.ContainsFunc(c.Upsert.MergeOn, func(name string) bool { return fmt.Sprint(r.Fields[name]) != fmt.Sprint(fields[name]) }) {
			continue
		}
		if at >= 0 {
			return 0, unfit("INVALID_REQUEST_UNKNOWN", "more than one record matches the fields to merge on")
		}
		at = i
	}
	return at, nil
}

// cast returns values as their fields store them.
func (t *airtableTable) cast(fields map[string]any, typecast bool) (map[string]any, error) {
	out := map[string]any{}
	for name, v := range fields {
		kind, ok := t.fields[name]
		if !ok {
			return nil, unfit("UNKNOWN_FIELD_NAME", "Unknown field name: %q", name)
		}
		text, isText := v.(string)
		number, isNumber := v.(json.Number)
		_, isBool := v.(bool)
		switch {
		case v == nil && kind != AirtableComputed,
			kind == AirtableText && isText, kind == AirtableNumber && isNumber, kind == AirtableCheckbox && isBool:
			out[name] = v
		case kind == AirtableText && typecast && (isNumber || isBool):
			out[name] = fmt.Sprint(v)
		case kind == AirtableNumber && typecast && isText && json.Unmarshal([]byte(text), new(float64)) == nil:
			out[name] = json.Number(bytes.TrimSpace([]byte(text)))
		case kind == AirtableCheckbox && typecast && (number == "1" || number == "0"):
			out[name] = number == "1"
		default:
			return nil, unfit("INVALID_VALUE_FOR_COLUMN", "Field %q cannot accept the provided value", name)
		}
	}
	return out, nil
}
