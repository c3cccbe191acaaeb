package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	// largeRow is how many characters and bytes the values of a row may have, those
	// of unbounded types, whose checksum is made of the values themselves. Beyond, the
	// checksum of each value goes into that of the row: a server makes no text that
	// is longer than its max_allowed_packet, and gives NULL instead. Nodes that
	// compare with each other need the same bound.
	largeRow = 16 << 10
	// LongValue is up to how many bytes a value is given as it is, to be compared.
	LongValue = 256
)

// rowSum is the SQL expression of a row's checksum. It is made of the values'
// stored forms with their lengths, so that MariaDB and MySQL give the same; NULL
// is told from the empty string. It is NULL where the server cannot make it: such
// a row has no checksum, and counts as equal to none. The form is the question's.
func rowSum(t *schema.Table, columns []string, form int) (string, error) {
	parts, sums, lengths := make([]string, len(columns)), make([]string, len(columns)), []string(nil)
	for i, name := range columns {
		c, ok := t.Column(name)
		if !ok {
			return "", fmt.Errorf("table %s has no column %.64q", t.Name, name)
		}
		q := mysqldb.Quote(name)
		e, whole := "CAST("+c.SelectExpr(q)+" AS BINARY)", ""
		switch c.Kind {
		case value.Binary:
			e = q
		case value.Geometry:
			e = "ST_AsBinary(" + q + ")"
		case value.Text:
			whole = "CONVERT(" + q + " USING utf8mb4)" // as long as it may be; a cast to BINARY is bounded
			e = "CAST(" + whole + " AS BINARY)"
		}
		if whole == "" {
			whole = e
		}
		parts[i] = "IF(" + q + " IS NULL,'-',CONCAT(LENGTH(" + e + "),':'," + e + "))"
		sums[i] = "IF(" + q + " IS NULL,'-',SHA2(" + whole + ",256))"
		if l := lengthExpr(c, q); l != "" {
			lengths = append(lengths, "COALESCE("+l+",0)")
		}
	}
	text := "CONCAT(" + strings.Join(parts, ",") + ")"
	if form >= wire.FormLarge && len(lengths) > 0 {
		text = fmt.Sprintf("IF(%s>%d,CONCAT(%s),%s)", strings.Join(lengths, "+"), largeRow, strings.Join(sums, ",',',"), text)
	}
	return "LEFT(SHA2(" + text + ",256),32)", nil
}

// lengthExpr is the SQL expression of a value's length where its type does not
// bound it, in characters, which do not depend on the column's character set.
func lengthExpr(c *value.Column, quoted string) string {
	switch c.DataType {
	case "char", "enum", "set", "uuid", "inet4", "inet6", "binary":
		return ""
	}
	switch c.Kind {
	case value.Text, value.JSON:
		return "CHAR_LENGTH(" + quoted + ")"
	case value.Binary, value.Geometry:
		return "LENGTH(" + quoted + ")"
	}
	return ""
}

// Brief returns a value as it is given to be compared: a long one by its checksum,
// which is that of the document where the column is JSON here or there.
func Brief(c value.Column, stored []byte, there string) []byte {
	c = AsThere(c, there)
	switch {
	case stored == nil:
		return nil
	case c.Kind == value.JSON:
		stored = value.Canonical(stored)
	case c.DataType == "char":
		stored = bytes.TrimRight(stored, " ")
	}
	if len(stored) <= LongValue {
		return stored
	}
	sum := sha256.Sum256(stored)
	return []byte(hex.EncodeToString(sum[:]))
}

// AsThere returns a column as its values are compared with those of one of another
// server, of the data type there: documents are compared as such, since servers
// keep them in their own spelling.
func AsThere(c value.Column, there string) value.Column {
	if there == "json" && c.Kind == value.Text {
		c.Kind = value.JSON
	}
	return c
}

// Digest is the checksum of a row that two nodes make of its values, which Brief has given, where neither tells them to the other:
// the same for values that are equal, however the servers spell them. The types are those of the columns there.
func Digest(columns []*value.Column, brief [][]byte, there []string) string {
	h := sha256.New()
	for i, v := range brief {
		if v == nil {
			h.Write([]byte("-"))
			continue
		}
		v = columns[i].Uniform(v, there[i])
		fmt.Fprintf(h, "%d:", len(v))
		h.Write(v)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// Total is the checksum of some rows, as Sum makes it of a range.
type Total struct {
	Count       int64
	left, right uint64
}

// Add adds the checksum of a row, and returns false if it is none.
func (t *Total) Add(sum string) bool {
	b, err := hex.DecodeString(sum)
	if err != nil || len(b) != 16 {
		return false
	}
	t.Count++
	t.left ^= binary.BigEndian.Uint64(b)
	t.right ^= binary.BigEndian.Uint64(b[8:])
	return true
}

func (t *Total) String() string { return fmt.Sprintf("%X-%X", t.left, t.right) }
