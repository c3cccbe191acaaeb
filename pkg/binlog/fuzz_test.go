package binlog

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// events divides what was recorded of a server, by the sizes in the headers.
func events(log []byte) [][]byte {
	var list [][]byte
	for len(log) >= headerSize {
		n := min(max(int(binary.LittleEndian.Uint32(log[9:])), headerSize), len(log))
		list, log = append(list, log[:n:n]), log[n:]
	}
	return list
}

// decodeAll decodes events until one is wrong, and calls f with each transaction.
func decodeAll(mariaDB bool, log []byte, f func(*Transaction)) error {
	d := decoder{mariaDB: mariaDB, layouts: layouts{wants: func(l *Layout) ([]int, bool) {
		all := make([]int, len(l.Columns))
		for i := range all {
			all[i] = i
		}
		return all, true
	}}}
	defer func() {
		if d.inner != nil {
			d.inner.close()
		}
	}()
	for _, e := range events(log) {
		err := d.take(e)
		for err == nil && d.inner != nil {
			err = d.more()
		}
		for _, t := range d.ready {
			f(t)
		}
		if d.ready = nil; err != nil {
			return err
		}
	}
	return nil
}

// recorded are what servers sent, with XA, compression, images that lack columns, and partitions.
func recorded(t testing.TB) map[bool][]byte {
	t.Helper()
	logs := map[bool][]byte{}
	for mariaDB, name := range map[bool]string{true: "testdata/mariadb.log", false: "testdata/mysql.log"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		logs[mariaDB] = b
	}
	return logs
}

// TestRecordedLogs decodes what was recorded; and bytes of it changed, which must do no harm.
func TestRecordedLogs(t *testing.T) {
	t.Parallel()
	for mariaDB, log := range recorded(t) {
		kinds := map[Kind]int{}
		phases := map[Phase]int{}
		if err := decodeAll(mariaDB, log, func(x *Transaction) {
			phases[x.XA.Phase]++
			for _, c := range x.Changes {
				kinds[c.Kind]++
			}
		}); err != nil {
			t.Fatal(err)
		}
		for _, k := range []Kind{Insert, Update, Delete, Statement} {
			if kinds[k] < 4 {
				t.Errorf("MariaDB %v: %d changes of the kind %d", mariaDB, kinds[k], k)
			}
		}
		if phases[Prepared] != 2 || phases[XACommit] != 1 || phases[XARollback] != 1 {
			t.Errorf("MariaDB %v: phases %v", mariaDB, phases)
		}
		for i := 0; i < len(log); i += 29 {
			changed := append([]byte(nil), log[:min(len(log), i+2000)]...)
			changed[i] ^= 0xff
			_ = decodeAll(mariaDB, changed, storedAll) // an error at worst
		}
	}
}

// storedAll reads the values of rows as columns of all kinds.
func storedAll(x *Transaction) {
	same := func(_ string, text []byte) ([]byte, error) { return text, nil }
	for _, c := range x.Changes {
		for _, image := range [][]Value{c.Before, c.After} {
			for i, v := range image {
				for _, column := range columns {
					_ = c.Layout.Fits(c.Layout.Wanted[i], &column)
					_, _ = c.Layout.Stored(c.Layout.Wanted[i], &column, v, same)
				}
			}
		}
	}
}

var columns = []value.Column{
	{DataType: "int", Kind: value.Integer}, {DataType: "bigint", Kind: value.Integer, Unsigned: true}, {DataType: "decimal", Kind: value.Decimal},
	{DataType: "bit", Kind: value.Bit}, {DataType: "binary", Kind: value.Binary, Length: 20}, {DataType: "date", Kind: value.Date},
	{DataType: "time", Kind: value.Time}, {DataType: "datetime", Kind: value.DateTime}, {DataType: "timestamp", Kind: value.Timestamp},
	{DataType: "year", Kind: value.Year}, {DataType: "enum", Kind: value.Text, Members: []string{"a"}}, {DataType: "set", Kind: value.Text, Members: []string{"a", "b"}},
	{DataType: "uuid", Kind: value.Text}, {DataType: "inet4", Kind: value.Text}, {DataType: "inet6", Kind: value.Text}, {DataType: "text", Kind: value.Text, Charset: "utf16"},
	{DataType: "text", Kind: value.Text, Charset: "utf32"}, {DataType: "text", Kind: value.Text, Charset: "latin1"}, {DataType: "double", Kind: value.Double},
}

func FuzzLog(f *testing.F) {
	for mariaDB, log := range recorded(f) {
		f.Add(mariaDB, log)
	}
	f.Fuzz(func(t *testing.T, mariaDB bool, log []byte) {
		_ = decodeAll(mariaDB, log, func(x *Transaction) {
			if len(x.Changes) > mostRows {
				t.Errorf("a piece of %d changes", len(x.Changes))
			}
			storedAll(x)
		})
	})
}

// FuzzRows decodes rows of a table, both invented.
func FuzzRows(f *testing.F) {
	f.Add([]byte("\x00\x00\x01d\x00\x01t\x00\x02\x03\x0f\x02\x0a\x00\x00"), byte(eventWrite2), []byte("\x01\x00\x00\x00\x00\x00\x01\x00\x02\x00\x02\xff\x00\x01\x00\x00\x00\x01a"))
	f.Fuzz(func(t *testing.T, layout []byte, kind byte, rows []byte) {
		if rowKinds[kind] == 0 {
			return
		}
		l, err := parseLayout(1, layout)
		e, failed := parseRows(format{}, kind, rows)
		if err != nil || failed != nil || l.unknown != 0 {
			return
		}
		l.want([]int{0, 1, 2})
		x := &Transaction{}
		_ = e.each(l, func(before, after []Value) {
			x.Changes = append(x.Changes, Change{Layout: l, Before: before, After: after})
		})
		storedAll(x)
	})
}

func FuzzStatement(f *testing.F) {
	f.Add("d", "ALTER TABLE `a`.b EXCHANGE PARTITION p WITH TABLE c /* x */")
	f.Add("d", "XA COMMIT X'61',X'',1")
	f.Fuzz(func(t *testing.T, schema, text string) {
		if s := ParseSQL(schema, text); len(s.Text) > mostText || len(s.Tables) > mostNames {
			t.Error("not bounded")
		}
		k := tokens{rest: text}
		_ = k.xid()
	})
}

func FuzzPosition(f *testing.F) {
	f.Add(true, "0-1-10,1-2-3")
	f.Add(false, "b7ad3206-eb72-11f1-9feb-02fc00000001:1-5:7:tag:1#12")
	f.Fuzz(func(t *testing.T, mariaDB bool, text string) {
		p, err := ParsePosition(mariaDB, text)
		if err != nil {
			return
		}
		q, err := ParsePosition(mariaDB, p.String())
		if err != nil || q.String() != p.String() || !p.Contains(q) {
			t.Errorf("%q became %q, %v", p.String(), q.String(), err)
		}
		_ = p.encode()
	})
}
