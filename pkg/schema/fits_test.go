package schema_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// fitsTypes are column types; a server skips those that only the other has.
var fitsTypes = []string{
	"TINYINT", "TINYINT UNSIGNED", "SMALLINT", "MEDIUMINT UNSIGNED", "INT", "INT UNSIGNED", "INT(8) UNSIGNED ZEROFILL", "BIGINT", "BIGINT UNSIGNED",
	"DECIMAL(6,2)", "DECIMAL(6,2) UNSIGNED", "DECIMAL(4,4)", "DECIMAL(20,0)", "DECIMAL(65,30)", "DECIMAL(8,2) ZEROFILL",
	"FLOAT", "FLOAT UNSIGNED", "FLOAT(10,2)", "FLOAT(10,0)", "DOUBLE", "DOUBLE(10,2)", "BIT(1)", "BIT(8)", "BIT(16)", "BIT(64)",
	"YEAR", "DATE", "DATETIME", "DATETIME(3)", "DATETIME(6)", "TIMESTAMP NULL", "TIMESTAMP(6) NULL", "TIME", "TIME(3)", "TIME(6)",
	"CHAR(4)", "CHAR(255)", "VARCHAR(4)", "VARCHAR(64)", "TINYTEXT", "TEXT", "LONGTEXT", "CHAR(4) CHARACTER SET latin1",
	"VARCHAR(4) CHARACTER SET latin1", "VARCHAR(9) CHARACTER SET tis620", "TINYTEXT CHARACTER SET latin1", "TINYTEXT CHARACTER SET ucs2", "TINYTEXT CHARACTER SET utf16", "TINYTEXT CHARACTER SET utf32",
	"VARCHAR(64) CHARACTER SET utf8mb3", "VARCHAR(64) CHARACTER SET ascii", "VARCHAR(64) CHARACTER SET sjis", "TINYTEXT CHARACTER SET big5", "VARCHAR(4) CHARACTER SET ucs2",
	"VARCHAR(64) CHARACTER SET gbk", "VARCHAR(64) COLLATE utf8mb4_bin",
	"BINARY(4)", "VARBINARY(4)", "VARBINARY(64)", "TINYBLOB", "BLOB",
	`ENUM('a','it''s','x\\y','1z','2','ö','new')`, `ENUM('', 'a,b', 'B')`, "ENUM('1.0', '3', '2024-01-01') CHARACTER SET latin1", "SET('a','b','c','ü')", "SET('2','1') COLLATE utf8mb4_bin",
	"JSON", "GEOMETRY", "POINT", "LINESTRING", "POLYGON", "GEOMETRYCOLLECTION", "VARCHAR(0)", "CHAR(0)", "UUID", "INET6", "INET4", "VECTOR(2)",
}

// fitsValues are values that may arrive for any of them.
func fitsValues() [][]byte {
	var list [][]byte
	for _, s := range []string{
		// numbers
		"0", "-0", "1", "-1", "5", "12", "127", "128", "-128", "-129", "255", "256", "300", "32767", "32768", "-32769", "65535", "65536", "16777215", "16777216", "16777217",
		"2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999", "123456789012345678901234567890", "9007199254740992", "9007199254740993",
		"1.0", "1.6", "-1.5", "-0.4", "0.5", "1.23", "1.230", "1.2345", "1.23450000", "12345.6", "9999.99", "9999.995", "0.0001", "0.00001", ".5", "5.", "+5", "1e2", "16e-1", "1e-3", "1E3", "1e-400",
		"1e400", "1e999999999", "-1e-999999999", "1e39", "1e-60", "1e-38", "1.2345e-44", "3.4028235e38", "3.4028234663852886e38", "3.5e38", "0.1", "0.10000000149011612", "0.125", "0.30000000000000004",
		"0.1234567", "0.1234567891", "0.10000000000000000000001", "1234567.89", "5e-324", "4.9406564584124654e-324", "3e-324", "1.7976931348623157e308", "2.2250738585072014e-308", "1e21", "1.5e300",
		"0.1000000000000000055511151231257827021181583404541015625", " 12 ", "12x", "1,5", "0x10", "true", "e5", ".", "-", "1e", "00012", "1 2",
		"12345678901234567890123456789012345.123456789012345678901234567891", "-0.000000000000000000000000000001", "-0.0000000000000000000000000000001",
		// dates and times
		"24", "70", "00", "0000", "000", "1901", "1900", "2155", "2156", "2024", "2024.6", "02024", "20240229", "20240229101112", "20240229000000", "240229", "101112",
		"2024-02-29", "2024-2-9", "24-02-29", "2024/02/29", "2024.02.29", "0000-00-00", "2024-00-00", "2024-02-31", "2024-13-01", "9999-12-31", "12024-01-01", "-0001-01-01", "2024-02-29x",
		"2024-02-29 00:00:00", "2024-02-29 00:00:00.000000", "2024-02-29 10:11:12", "2024-02-29 10:11:12.6", "2024-02-29 10:11:12.600000", "2024-02-29 10:11:12.123", "2024-02-29 10:11:12.1234",
		"2024-02-29 10:11:12.123456", "2024-02-29 10:11:12.1234567", "2024-02-29 10:11:12.12345600", "2024-02-29 10:11:12.0000004", "2024-02-29 10:11", "2024-02-29 10", "2024-02-29 24:00:00",
		"2024-02-29T10:11:12", "2024-02-29T00:00:00", "2024-02-29T10:11:12Z", "2024-02-29 10:11:12+02:00", "2024-02-29 00:00:00+02:00", "2024-02-29  10:11:12", "2024-02-29 10:11:12 ", "2024-02-29 10:11:12.",
		"9999-12-31 23:59:59.9", "1969-12-31 23:59:59", "1970-01-01 00:00:00", "1970-01-01 00:00:01", "2038-01-19 03:14:07", "2038-01-19 03:14:08", "2024-02-31 00:00:00", "0000-00-00 00:00:00",
		"0000-00-00 00:00:00.000000", "10:11:12", "10:11:12.6", "10:11:12.123456", "10:11:12.000", "10:11", "1:2:3", "1 10:11:12", "838:59:59", "838:59:59.000001", "-838:59:59.5", "839:00:00", "-1:00:00", "-00:00:00.4",
		"10:61:00", "10:11:12x", "-00:00:00",
		// texts
		"", " ", "a", "A", "a ", "b", "B", "ab", "ab  ", " ab", "abcd", "abcd ", "abcd      ", "abcde", "ab \t\n ", "ä", "Ä", "ö", "Ö", "ää", "ääää", "äääää", "ß", "ss", "€", "Ω", "😀", "a😀", "it's", "x\\y", "1z", "1 ", "2", "3", "7", "8", "8 ", "new",
		"New", "NEW ", "a,b", "b,a", "a,a", "a,zzz", "A,b", ",a", "a,", "a ,b", "ü,a", "c,b,a", "1,2", "2,1", "a\x00b", "日本", "～", "žŸ™", "\u0080", "\u0081", "\ufffd", "𐀁", "¥", "漢字", "\u00a0", "e\u0301", "null",
		strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 64) + "  ", strings.Repeat("a", 127), strings.Repeat("a", 128), strings.Repeat("a", 127) + "  ", strings.Repeat("a", 254) + " ",
		strings.Repeat("a", 255), strings.Repeat("a", 255) + " ", strings.Repeat("a", 255) + strings.Repeat(" ", 60000), strings.Repeat("a", 256), strings.Repeat("ä", 127), strings.Repeat("ä", 127) + "  ",
		strings.Repeat("ä", 128), strings.Repeat("ä", 255), strings.Repeat("ä", 255) + " ", strings.Repeat("漢", 85) + " ", strings.Repeat("漢", 127) + "  ", strings.Repeat("😀", 63), strings.Repeat("😀", 63) + "  ",
		strings.Repeat("a", 65535), strings.Repeat("a", 65535) + " ", strings.Repeat("a", 65536),
		// documents
		`{"a": 1, "b": [1, 2.5, null, true, "x"]}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"b":1},"b":{"b":1}}`, `[{"a":1},{"a":1}]`, `{"b":1,"a":1}`, `1.000000000000000000001`, `[9007199254740993]`, `[18446744073709551616]`,
		`12345678901234567890123`, `[1e400]`, `-0.0`, `1.50`, `1e2`, `"\u0000"`, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"i":10}`, `[[[]],{}]`, `{"":0," ":1}`, "[0.1, 0.30000000000000004, 3.0000000000000000001]",
		// of types of their own
		"123E4567-e89b-12d3-a456-426655440000", "123e4567e89b12d3a456426655440000", "1.2.3.4", "01.2.3.4", "::ffff:1.2.3.4", "::FFFF:0102:0304", "::1/64", "2001:db8::1", "2001:DB8:0::1",
		// bytes
		"\xc3\x28", "\xff", "ab\x00\x00", "ab\x00\x00\x00", "\x00", "\x05", "\x00\x00\x00\x00", "ab\xff", "\x00\x00\x80\x3f\x00\x00\x00\x40", "\xf0\x9f\x98",
	} {
		list = append(list, []byte(s))
	}
	point := func(x byte) string { return "\x01\x01\x00\x00\x00" + strings.Repeat("\x00", 15) + string(x) }
	for _, srid := range []string{"\x00\x00\x00\x00", "\xe6\x10\x00\x00"} {
		list = append(list, []byte(srid+point(0)), []byte(srid+"\x01\x02\x00\x00\x00\x02\x00\x00\x00"+strings.Repeat("\x00", 32)),
			[]byte(srid+"\x01\x07\x00\x00\x00\x01\x00\x00\x00"+point(1)), []byte(srid+"\x01\x03\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00"+point(1)[5:]+point(2)[5:]+"\x00\x00\x00\x00\x00\x00\xf0\x3f"+strings.Repeat("\x00", 8)+point(1)[5:]),
			[]byte(srid+"\x01\x04\x00\x00\x00\x01\x00\x00\x00"+point(1)))
	}
	return list
}

// TestAValueThatFitsIsStoredUnchanged asks the server itself, for each value and type: one said to
// fit is stored unchanged or refused, and one said not to fit would not have been stored unchanged.
func TestAValueThatFitsIsStoredUnchanged(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t)
	db.SetMaxOpenConns(1) // one transaction for all
	values := fitsValues()
	known := 0
	for i, ddl := range fitsTypes {
		name := fmt.Sprintf("t%d", i)
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE "+name+" (id INT PRIMARY KEY, c "+ddl+") DEFAULT CHARSET utf8mb4"); err != nil {
			continue // a type that only the other server has
		}
		known++
		table := read(t, db, name)
		c, _ := table.Column("c")
		refused := 0
		err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
			for k, v := range values {
				var q mysqldb.Statement
				if (i+k)%2 == 0 || c.Kind == value.Bit {
					q.SQL("INSERT INTO " + name + " VALUES (" + strconv.Itoa(k) + ",")
					schema.AddValue(&q, c, v)
					q.SQL(")")
				} else if err := addUpdate(t, tx, &q, name, c, values, k); err != nil {
					return err
				}
				if err := q.Exec(t.Context(), tx); err != nil {
					refused++ // a value that the server does not store is not changed
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = mysqldb.Each(t.Context(), db, "SELECT id, "+table.Columns[1].SelectExpr("c")+" FROM "+name+" WHERE c IS NOT NULL", nil, func(r *sql.Rows) error {
			var k int
			var got []byte
			if err := r.Scan(&k, &got); err != nil {
				return err
			}
			fits, same := c.Fits(values[k]), stays(c, values[k], got)
			switch {
			case fits == nil && !same:
				t.Errorf("%s: %.60q fits, but %.60q is stored", ddl, values[k], got)
			case fits != nil && same:
				t.Errorf("%s: %.60q is stored unchanged: %v", ddl, values[k], fits)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if refused == len(values) {
			t.Errorf("%s: the server refused all", ddl)
		}
	}
	if known < len(fitsTypes)-4 {
		t.Errorf("the server has only %d of the %d types", known, len(fitsTypes))
	}
}

// addUpdate gives a row a value as an update of several rows does: next to another that fits.
func addUpdate(t *testing.T, tx mysqldb.Tx, q *mysqldb.Statement, name string, c *value.Column, values [][]byte, k int) error {
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO "+name+" VALUES (?, NULL)", k); err != nil {
		return err
	}
	other := (k*7 + 3) % len(values)
	for c.Fits(values[other]) != nil || len(values[other]) > 1<<14 {
		other = (other + 1) % len(values)
	}
	q.SQL("UPDATE (SELECT " + strconv.Itoa(k) + " AS k0, ")
	schema.AddValue(q, c, values[k])
	q.SQL(" AS c0")
	if len(values[k]) <= 1<<14 { // longer ones are updated alone
		q.SQL(" UNION ALL SELECT -1, ")
		schema.AddValue(q, c, values[other])
	}
	q.SQL(") v STRAIGHT_JOIN " + name + " t ON t.id=v.k0 SET t.c=v.c0")
	return nil
}

// stays reports whether the stored value is the one sent. It is written only for this test and
// works differently from Fits.
func stays(c *value.Column, sent, got []byte) bool {
	trimmed := strings.TrimSpace(string(sent))
	switch c.Kind {
	case value.Integer, value.Decimal, value.Bit, value.Year:
		x, ok := new(big.Rat).SetString(trimmed)
		y, _ := new(big.Rat).SetString(string(got))
		return ok && x.Cmp(y) == 0 && (c.Kind != value.Year || trimmed == "0" || len(trimmed) == 4 && strings.Trim(trimmed, "0123456789") == "")
	case value.Double:
		x, ok := new(big.Rat).SetString(trimmed)
		y, _ := new(big.Rat).SetString(string(got))
		if !ok || x.Cmp(y) == 0 {
			return ok
		}
		f, _ := strconv.ParseFloat(string(got), 64)
		if exact := new(big.Rat).SetFloat64(f); exact.Cmp(x) == 0 {
			return true
		}
		if c.DataType == "float" {
			for digits := -1; digits < 6; digits++ { // the server shows 6 of them
				y, _ = new(big.Rat).SetString(strconv.FormatFloat(f, 'e', digits, 32))
				if x.Cmp(y) == 0 && x.Sign() != 0 {
					return true
				}
			}
		}
		return false
	case value.Date, value.DateTime, value.Timestamp, value.Time:
		return spelled(c.Kind, trimmed) == spelled(c.Kind, string(got))
	case value.JSON:
		return keysAndNumbers(sent) == keysAndNumbers(got)
	}
	switch c.DataType {
	case "set":
		return slices.Equal(sorted(sent), sorted(got))
	case "uuid":
		return strings.EqualFold(strings.ReplaceAll(trimmed, "-", ""), strings.ReplaceAll(string(got), "-", ""))
	case "inet4", "inet6":
		x, err := netip.ParseAddr(trimmed)
		y, _ := netip.ParseAddr(string(got))
		return err == nil && x.Unmap() == y.Unmap() || trimmed == "01.2.3.4"
	}
	return bytes.Equal(sent, got)
}

func sorted(set []byte) []string {
	list := strings.Split(string(set), ",")
	slices.Sort(list)
	return slices.Compact(list)
}

// spelled gives a time the server's one form; other values stay unchanged.
func spelled(k value.Kind, s string) string {
	if n := len(s); (n == 8 || n == 14) && strings.Trim(s, "0123456789") == "" && k != value.Time {
		s = s[:4] + "-" + s[4:6] + "-" + s[6:8] + " " + s[8:]
		if n == 14 {
			s = s[:13] + ":" + s[13:15] + ":" + s[15:]
		}
	}
	date, clock := "0", strings.TrimSpace(s)
	if k == value.Time && !strings.Contains(s, ":") {
		return s // the server reads a number as hours
	}
	if k != value.Time {
		date, clock, _ = strings.Cut(strings.TrimSpace(strings.Replace(s, "T", " ", 1)), " ")
		clock = strings.TrimSpace(clock)
	}
	if clock == "" {
		clock = "0:0:0"
	}
	whole, fraction, _ := strings.Cut(clock, ".")
	negative := strings.HasPrefix(whole, "-")
	parts := append(strings.Split(date, "-"), strings.Split(strings.TrimPrefix(whole, "-")+":0", ":")[:]...)
	for i, p := range parts {
		if n, err := strconv.Atoi(p); err == nil {
			parts[i] = strconv.Itoa(n)
		}
	}
	for len(parts) > 0 && parts[len(parts)-1] == "0" {
		parts = parts[:len(parts)-1]
	}
	fraction = strings.TrimRight(fraction, "0")
	return fmt.Sprint(negative && (len(parts) > 0 || fraction != ""), parts, fraction)
}

// keysAndNumbers shows a document by its sorted parts.
func keysAndNumbers(text []byte) string {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var list []string
	for {
		token, err := d.Token()
		if err != nil {
			slices.Sort(list)
			return strings.Join(list, " ")
		}
		if n, ok := token.(json.Number); ok {
			r, ok := new(big.Rat).SetString(n.String())
			f, err := n.Float64()
			if !ok || err != nil {
				list = append(list, "far out")
				continue
			}
			short, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
			switch {
			case r.Cmp(new(big.Rat).SetFloat64(f)) == 0 || r.Cmp(short) == 0:
				token = f + 0 // not -0
			default:
				token = r.RatString()
			}
		}
		list = append(list, fmt.Sprintf("%v", token))
	}
}
