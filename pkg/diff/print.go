package diff

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// print makes the fingerprint of a row. It hashes its columns' names and canonical values, each after its length.
type print struct {
	values [][]byte // of the columns, as JSON; nil for one that is missing
	hash   hash.Hash
	part   []byte // what is not hashed yet
}

// prints are kept, since each row needs one.
var prints = sync.Pool{New: func() any { return &print{hash: sha256.New()} }}

// Values of up to shortText bytes are hashed together, those of largeValue and more in small parts.
const (
	shortText  = 4 << 10
	largeValue = 64 << 10
)

// begin begins a row of so many columns.
func (p *print) begin(columns int) {
	p.hash.Reset()
	p.part = p.part[:0]
	p.values = append(p.values[:0], make([][]byte, columns)...)
}

// add adds a column.
func (p *print) add(name string, v []byte) {
	if len(v) == 0 || string(v) == "null" {
		return
	}
	if len(v) >= largeValue {
		p.large(name, v)
		return
	}
	p.small(name, v)
}

// small adds a value that may be decoded.
func (p *print) small(name string, v []byte) {
	if text, ok := plain(v); ok { // normal, without allocations
		p.name(name, 1+len(text))
		p.part = append(append(p.part, 's'), text...)
		return
	}
	if text := normal(v); text != nil {
		p.name(name, len(text))
		p.part = append(p.part, text...)
	}
}

// name adds a column's name and the length of its value.
func (p *print) name(name string, length int) {
	if len(p.part) > shortText {
		p.flush()
	}
	p.part = append(binary.AppendUvarint(p.part, uint64(len(name))), name...)
	p.part = binary.AppendUvarint(p.part, uint64(length)) //nolint:gosec // it is not negative
}

// large adds a value that is too long for a key: its canonical form is read twice, since its length comes first.
func (p *print) large(name string, v []byte) {
	var n length
	if canonical(&n, v) != nil { // it is not JSON
		return
	}
	if n < largeValue { // it has many blanks
		var short bytes.Buffer
		_ = canonical(&short, v)
		p.small(name, short.Bytes())
		return
	}
	p.name(name, 1+int(n))
	p.part = append(p.part, 'j')
	p.flush()
	_ = canonical(p.hash, v) // a hash accepts everything
}

func (p *print) flush() {
	p.hash.Write(p.part)
	p.part = p.part[:0]
}

// end returns the fingerprint.
func (p *print) end() record.Hash {
	p.flush()
	clear(p.values) // which are parts of a row
	hash := record.Hash(p.hash.Sum(p.part)[:16])
	hash[0] = isContent
	return hash
}

// length counts what is written.
type length int

func (n *length) Write(b []byte) (int, error) {
	*n += length(len(b))
	return len(b), nil
}

// plain returns the key form of a value, and whether that is what is written.
func plain(v []byte) ([]byte, bool) {
	if len(v) > shortText {
		return nil, false
	}
	switch c := v[0]; {
	case c == '"' && len(v) > 1:
		text := v[1 : len(v)-1]
		return text, len(text) > 0 && text[0] != 0 && bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text)
	case c == '-' || '0' <= c && c <= '9':
		return v, !bytes.ContainsAny(v, ".eE") && string(v) != "-0"
	case c == 't' || c == 'f':
		return v, string(v) == "true" || string(v) == "false"
	}
	return nil, false
}
