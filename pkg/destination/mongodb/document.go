package mongodb

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// document converts a row to a document. The error is why that is impossible.
func (d *Destination) document(data []byte) (bson.D, error) {
	members, err := record.Members(data)
	if err != nil {
		return nil, err
	}
	doc := make(bson.D, 0, len(members)+1)
	for _, m := range members {
		if m.Name == "" || m.Name[0] == '$' || strings.ContainsAny(m.Name, ".\x00") {
			return nil, fmt.Errorf("its column %q cannot be a field: rename it in a script", m.Name)
		}
		v, err := valueOf(m.Value)
		if err == nil && slices.Contains(d.leg.Dates, m.Name) {
			v, err = date(v)
		}
		if err != nil {
			return nil, fmt.Errorf("its column %s %w", m.Name, err)
		}
		doc = append(doc, bson.E{Key: m.Name, Value: v})
	}
	return doc, nil
}

// valueOf converts a JSON value. Integers stay integers, and bytes in the form of Node's Buffer become binary.
func valueOf(raw json.RawMessage) (any, error) {
	object, err := record.Object(append(append([]byte(`{"v":`), raw...), '}'))
	if err != nil {
		return nil, errors.New("is not JSON")
	}
	return convert(object["v"])
}

func convert(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64()
	case []any:
		list := make(bson.A, len(v))
		for i := range v {
			var err error
			if list[i], err = convert(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		if b, ok := record.Buffer(v); ok {
			return bson.Binary{Data: b}, nil
		}
		doc := bson.D{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if strings.Contains(name, "\x00") {
				return nil, errors.New("has a field with a NUL in its name")
			}
			inner, err := convert(v[name])
			if err != nil {
				return nil, err
			}
			doc = append(doc, bson.E{Key: name, Value: inner})
		}
		return doc, nil
	}
	return v, nil
}

// date parses a text as a date.
func date(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	text, ok := v.(string)
	if ok {
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if t, err := time.Parse(layout, text); err == nil {
				return bson.NewDateTimeFromTime(t), nil
			}
		}
	}
	return nil, errors.New("is not a date")
}

// filter returns the filter that finds a row's document, and gives the document its _id.
func (d *Destination) filter(doc bson.D, event string) (bson.D, bson.D, error) {
	field := func(name string) (any, error) {
		i := slices.IndexFunc(doc, func(e bson.E) bool { return e.Key == name })
		if i < 0 || doc[i].Value == nil {
			return nil, fmt.Errorf("it has no %s, which is part of its key", name)
		}
		return doc[i].Value, nil
	}
	var key bson.D
	for _, name := range d.key {
		v, err := field(name)
		if err != nil {
			return nil, nil, err
		}
		key = append(key, bson.E{Key: name, Value: v})
	}
	if d.leg.ID == "own" {
		return key, doc, nil
	}
	var id any = key
	switch len(d.key) {
	case 0:
		id = event
	case 1:
		id = key[0].Value
	}
	if i := slices.IndexFunc(doc, func(e bson.E) bool { return e.Key == "_id" }); i >= 0 {
		if len(d.key) != 1 || d.key[0] != "_id" {
			return nil, nil, errors.New("it has a column _id that is not the key: rename it in a script")
		}
		return bson.D{{Key: "_id", Value: id}}, doc, nil
	}
	return bson.D{{Key: "_id", Value: id}}, append(bson.D{{Key: "_id", Value: id}}, doc...), nil
}
