package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/guest"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	source "github.com/mysql-sync/mysql-sync/pkg/source/sql"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// The first letter of a question from agent.js says what it asks for.
const (
	asksRows  = 'R' // of a statement that reads
	asksWrite = 'W' // any statement
)

// Query answers the script's questions.
func (s *Script) Query(ctx context.Context, _, text string) ([]value.Entity, error) {
	if text == "" {
		return nil, errors.New("the statement is empty")
	}
	kind, text := text[0], text[1:]
	switch kind {
	case asksRows, asksWrite:
		return s.statement(ctx, text, kind == asksWrite)
	case guest.AsksHTTP:
		return s.web.Answer(ctx, text, nil)
	}
	return nil, errors.New("an unknown request")
}

// statement runs a statement, and returns its rows.
func (s *Script) statement(ctx context.Context, text string, write bool) ([]value.Entity, error) {
	if s.reads == nil {
		return nil, errors.New("there is no database; add config.database")
	}
	var list []value.Entity
	size := 0
	take := func(e value.Entity) error {
		for _, f := range e {
			size += sizeOf(f)
		}
		if size > guest.MostText {
			return fmt.Errorf("the statement returned more than %d MiB; return db.query(…) itself, which is streamed, or select less", guest.MostText>>20)
		}
		list = append(list, e)
		return nil
	}
	if !write {
		err := s.reads.Query(ctx, text, take)
		return list, err
	}
	if s.writes == nil {
		return nil, remote.ErrDry
	}
	rows, err := s.writes.QueryContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("run the statement: %w", err)
	}
	defer rows.Close()
	if err := source.Entities(s.dialect, rows, take); err != nil {
		return nil, err
	}
	return list, rows.Err()
}

// sizeOf returns approximately how many bytes a field takes.
func sizeOf(f value.Field) int {
	const overhead = 64
	switch v := f.Value.(type) {
	case string:
		return overhead + len(v)
	case []byte:
		return overhead + len(v)
	case json.RawMessage:
		return overhead + len(v)
	}
	return overhead
}
