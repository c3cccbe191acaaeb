package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// querier runs the statements of scripts on the node's database, in sessions of
// their own: what they write is a local write like any other.
type querier struct{ db mysqldb.Queryer }

// Query runs one statement and returns its rows in entity form.
func (q querier) Query(ctx context.Context, query string) ([]value.Entity, error) {
	rows, err := q.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	columns := make([]value.Column, len(types))
	for i, t := range types {
		name := strings.ToLower(strings.TrimPrefix(t.DatabaseTypeName(), "UNSIGNED "))
		kind, err := value.KindOf(name)
		if err != nil {
			kind = value.Text
		}
		columns[i] = value.Column{Name: t.Name(), DataType: name, Kind: kind}
	}
	var list []value.Entity
	for rows.Next() {
		raw := make([][]byte, len(columns))
		into := make([]any, len(columns))
		for i := range raw {
			into[i] = &raw[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read the result: %w", err)
		}
		e := make(value.Entity, len(columns))
		for i := range columns {
			e[i] = value.Field{Name: columns[i].Name, Value: columns[i].Decode(raw[i], time.UTC)}
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// publisher publishes the messages of scripts.
type publisher struct{ s *transport.Session }

// Publish publishes a message and waits until the broker has it.
func (p publisher) Publish(ctx context.Context, topic string, message []byte, qos byte, retain bool) error {
	return p.s.Publish(ctx, transport.Message{Topic: topic, Payload: message, QoS: qos, Retain: retain})
}
