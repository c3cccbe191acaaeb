package binlog

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"
)

// Charsets converts texts with the server's own tables. It asks the server once for each character set of one byte, and
// for each text that is not ASCII in those of several. It is for one goroutine.
type Charsets struct {
	db     Querier
	tables map[string][]string // UTF-8 by byte
}

// NewCharsets returns a converter that asks a server.
func NewCharsets(db Querier) *Charsets { return &Charsets{db: db, tables: map[string][]string{}} }

// several are the character sets with characters of several bytes. ASCII is the same in all of them.
var several = []string{"big5", "gbk", "gb2312", "gb18030", "sjis", "cp932", "ujis", "eucjpms", "euckr"}

// charsetName matches the names of character sets.
var charsetName = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

// With returns the conversion, for Layout.Stored, that asks the server with a context.
func (cs *Charsets) With(ctx context.Context) Convert {
	return func(charset string, text []byte) ([]byte, error) {
		if !charsetName.MatchString(charset) {
			return nil, fmt.Errorf("the character set %q is not known", clip(charset))
		}
		if slices.Contains(several, charset) {
			if !slices.ContainsFunc(text, func(b byte) bool { return b >= utf8.RuneSelf }) {
				return notNil(text), nil
			}
			return cs.ask(ctx, charset, text)
		}
		table := cs.tables[charset]
		if table == nil {
			var err error
			if table, err = cs.load(ctx, charset); err != nil {
				return nil, err
			}
			cs.tables[charset] = table
		}
		b := make([]byte, 0, len(text)+8)
		for _, c := range text {
			b = append(b, table[c]...)
		}
		return b, nil
	}
}

// ask lets the server convert a text.
func (cs *Charsets) ask(ctx context.Context, charset string, text []byte) ([]byte, error) {
	var converted []byte
	query := "SELECT CAST(CONVERT(CONVERT(? USING " + charset + ") USING utf8mb4) AS BINARY)"
	if err := cs.db.QueryRowContext(ctx, query, text).Scan(&converted); err != nil {
		return nil, fmt.Errorf("convert a text of %s: %w", charset, err)
	}
	return notNil(converted), nil
}

// load asks for all characters of a character set of one byte.
func (cs *Charsets) load(ctx context.Context, charset string) ([]string, error) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	converted, err := cs.ask(ctx, charset, all)
	if err != nil {
		return nil, err
	}
	table := make([]string, 0, len(all))
	for len(converted) > 0 {
		_, n := utf8.DecodeRune(converted)
		table = append(table, string(converted[:n]))
		converted = converted[n:]
	}
	if len(table) != len(all) {
		return nil, fmt.Errorf("the character set %s has characters of more than a byte", charset)
	}
	return table, nil
}
