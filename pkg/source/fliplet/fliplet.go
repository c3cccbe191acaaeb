package fliplet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Query is what a job reads from a data source. Where, Attributes, Join and Distinct are passed on unchanged.
type Query struct {
	DataSource    int    `koanf:"dataSource"`
	Where         any    `koanf:"where"`
	Attributes    any    `koanf:"attributes"`
	Join          any    `koanf:"join"`
	Distinct      any    `koanf:"distinct"`
	Page          int    `koanf:"page"`          // entries per request; 0: 1000
	IDColumn      string `koanf:"idColumn"`      // column for the entry's id; "": none
	UpdatedColumn string `koanf:"updatedColumn"` // column for the time of its last change; "": none
}

// Bounds of a page's size.
const (
	entriesInPage = 1000
	bytesInPage   = 32 << 20
)

// Source is a data source. It is safe for concurrent use.
type Source struct {
	client *remote.Client
	query  Query
}

// New returns a data source of an account; it sends nothing. Errors begin with a key.
func New(client *remote.Client, q Query) (*Source, error) {
	if q.DataSource < 1 {
		return nil, errors.New("dataSource: is missing")
	}
	for key, v := range map[string]any{"where": q.Where, "join": q.Join} {
		if _, ok := v.(map[string]any); v != nil && !ok {
			return nil, fmt.Errorf("%s: is not a block of keys", key)
		}
	}
	if q.Page == 0 {
		q.Page = entriesInPage
	}
	return &Source{client, q}, nil
}

// Check asks whom the token belongs to.
func (s *Source) Check(ctx context.Context) error {
	_, err := s.client.Do(ctx, &remote.Request{Operation: "check the token", Path: "/v1/user", Read: true, Unread: true})
	return err
}

// body is a query's body.
type body struct {
	Type       string      `json:"type"`
	Where      any         `json:"where,omitempty"`
	Attributes any         `json:"attributes,omitempty"`
	Join       any         `json:"join,omitempty"`
	Distinct   any         `json:"distinct,omitempty"`
	Order      [][2]string `json:"order,omitempty"`
	Limit      int         `json:"limit"`
	Offset     int         `json:"offset"`
}

// Entries calls yield with each entry as Fliplet has it, a part of its page, in order of id. Entries that are added or deleted meanwhile
// may be missed, or come twice: the next run sees them.
func (s *Source) Entries(ctx context.Context, yield func(json.RawMessage) error) error {
	b := body{Type: "select", Where: s.query.Where, Attributes: s.query.Attributes, Join: s.query.Join, Distinct: s.query.Distinct, Limit: s.query.Page}
	if b.Distinct == nil { // otherwise distinct would apply to the ids
		b.Order = [][2]string{{"id", "ASC"}}
	}
	var last record.Hash // of the first entry of the previous page
	for {
		page, err := s.page(ctx, &b)
		if err != nil {
			return err
		}
		n := 0
		err = value.EachItem(page, func(e []byte) error {
			if n++; n == 1 {
				first := record.Sum(e)
				if first == last {
					return fmt.Errorf("query data source %d: a page begins like the one before: the service does not page", s.query.DataSource)
				}
				last = first
			}
			return yield(e)
		})
		if err != nil || n != b.Limit { // fewer: it is the last page; more: these are all entries
			return err
		}
		b.Offset += n
	}
}

// page requests a page, and returns its list of entries.
func (s *Source) page(ctx context.Context, b *body) (json.RawMessage, error) {
	const operation = "query the entries"
	text, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	answer, err := s.client.Do(ctx, &remote.Request{
		Operation: operation, Method: http.MethodPost, Path: fmt.Sprintf("/v1/data-sources/%d/data/query", s.query.DataSource), Body: text, Read: true, MaxBytes: bytesInPage,
	})
	if err != nil {
		return nil, err
	}
	list := record.List(answer.Body, "entries")
	if list == nil {
		return nil, fmt.Errorf("%s of data source %d: the answer has no list of entries", operation, s.query.DataSource)
	}
	return list, nil
}

// Read reads the entries as rows.
func (s *Source) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	n := 0
	return s.Entries(ctx, func(text json.RawMessage) error {
		n++
		data, err := s.row(text)
		if err != nil {
			return yield(&record.Record{Bad: fmt.Sprintf("entry %d %v", n, err)})
		}
		return yield(r.From.Record(data))
	})
}

// row turns an entry into a row.
func (s *Source) row(text json.RawMessage) ([]byte, error) {
	var e struct {
		ID      json.RawMessage `json:"id"`
		Data    json.RawMessage `json:"data"`
		Updated json.RawMessage `json:"updatedAt"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, errors.New("is not an object")
	}
	members, err := record.Members(e.Data)
	if err != nil {
		return nil, errors.New("has no data")
	}
	var b record.Builder
	for _, extra := range []record.Member{{Name: s.query.IDColumn, Value: e.ID}, {Name: s.query.UpdatedColumn, Value: e.Updated}} {
		if extra.Name == "" {
			continue
		}
		if extra.Value == nil {
			extra.Value = json.RawMessage("null")
		}
		members = append([]record.Member{extra}, without(members, extra.Name)...)
	}
	for _, m := range members {
		if err := b.Add(m.Name, m.Value); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// without returns the members except one.
func without(members []record.Member, name string) (list []record.Member) {
	for _, m := range members {
		if m.Name != name {
			list = append(list, m)
		}
	}
	return list
}
