package node_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// asker is a node with a table of large rows, and a client that asks it anything in its remote's name.
func asker(t *testing.T, columns string, rows string) (*site, func(string) string) {
	t.Helper()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	a.Exec(`CREATE TABLE orders (` + columns + `)`)
	if rows != "" {
		a.Exec(`INSERT INTO orders ` + rows)
	}
	a.start()
	newPeer(t, b, "watcher").connect().greet("node-a")
	return a, olderNode(t, b, "node-b")
}

func bytesOf(keys ...string) string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = `"` + base64.StdEncoding.EncodeToString([]byte(k)) + `"`
	}
	return "[" + strings.Join(list, ",") + "]"
}

// TestNoQuestionEndsTheNode: each question is answered, nonsense with an error, and so is the next one.
func TestNoQuestionEndsTheNode(t *testing.T) {
	t.Parallel()
	a, ask := asker(t, `shop INT, number INT, name VARCHAR(100), PRIMARY KEY (shop, number)`, `VALUES (1, 1, 'one'), (1, 2, 'two')`)
	digits := strings.Repeat("9", 100_000)
	for _, c := range []struct{ question, answer string }{
		{`{"ask":"values","table":"orders","columns":["name"]}`, ""},
		{`{"ask":"values","table":"orders","columns":["name"],"keys":[]}`, ""},
		{`{"ask":"values","table":"orders","columns":[],"keys":` + bytesOf("1,1") + `}`, "column"},
		{`{"ask":"values","table":"orders","keys":` + bytesOf("1,1") + `}`, "column"},
		{`{"ask":"values","table":"orders","columns":["name","name"],"keys":` + bytesOf("1,1") + `}`, "twice"},
		{`{"ask":"values","table":"orders","columns":["name","NAME"],"keys":` + bytesOf("1,1") + `}`, "twice"},
		{`{"ask":"values","table":"orders","columns":["nme"],"keys":` + bytesOf("1,1") + `}`, "no column"},
		{`{"ask":"values","table":"orders","columns":["name"],"keys":` + bytesOf("1") + `}`, "key"},
		{`{"ask":"values","table":"orders","columns":["name"],"keys":` + bytesOf("1,1,1") + `}`, "key"},
		{`{"ask":"values","table":"orders","columns":["name"],"keys":` + bytesOf("") + `}`, "key"},
		{`{"ask":"values","table":"orders","columns":["name"],"keys":` + bytesOf("1,x") + `}`, ""},
		{`{"ask":"values","table":"orders","columns":["name"],"keys":` + bytesOf("1,"+digits) + `}`, ""},
		{`{"ask":"values","table":"orders","columns":["name"],"keys":[null]}`, "key"},
		{`{"ask":"values","table":"orders","columns":["name"],"keys":` + bytesOf("1,1") + `,"form":2,"types":["json","json"]}`, ""},
		{`{"ask":"values","table":"orders","columns":["name"],"keys":` + bytesOf("1,1") + `,"form":-7,"types":[]}`, ""},
		{`{"ask":"sum","table":"orders"}`, "column"},
		{`{"ask":"sum","table":"orders","columns":["name","name"]}`, "twice"},
		{`{"ask":"sum","table":"orders","columns":["name"],"after":` + bytesOf("2,0")[1:][:len(bytesOf("2,0"))-2] + `,"upTo":` + bytesOf("1,0")[1:][:len(bytesOf("1,0"))-2] + `}`, ""},
		{`{"ask":"hashes","table":"orders","columns":["name"],"after":""}`, "key"},
		{`{"ask":"hashes","table":"orders","columns":["name"],"upTo":"MQ=="}`, "key"},
		{`{"ask":"hashes","table":"orders","columns":[]}`, "column"},
		{`{"ask":"hashes","table":"orders","columns":["name"],"form":999999}`, ""},
		{`{"ask":"send","table":"orders"}`, ""},
		{`{"ask":"send","table":"orders","keys":` + bytesOf("1") + `}`, "key"},
		{`{"ask":"send","table":"orders","keys":[null,null]}`, "key"},
		{`{"ask":"columns","table":"orders","columns":["x"]}`, ""},
		{`{"ask":"","table":"orders"}`, "known question"},
		{`{"ask":"drop","table":"orders"}`, "known question"},
		{`{"ask":"values"}`, "not synced"},
		{`{"ask":"values","table":"` + strings.Repeat("t", 1000) + `"}`, "not synced"},
	} {
		answer := ask(c.question)
		said := strings.Contains(answer, `"error"`)
		if said != (c.answer != "") || !strings.Contains(answer, c.answer) || len(answer) > len(c.question)+2000 || strings.Contains(answer, "SQL syntax") {
			t.Errorf("%.200s\ngot %.400s\nwant %q", c.question, answer, c.answer)
		}
	}
	if got := ask(`{"ask":"values","table":"orders","columns":["name"],"keys":` + bytesOf("1,2") + `}`); !strings.Contains(got, `"v":["dHdv"]`) {
		t.Errorf("a valid question got %s", got)
	}
	a.Stop()
}

// TestAnAnswerIsBounded: before rows are read, in bytes, by distinct keys in any spelling, and by as many as fit.
func TestAnAnswerIsBounded(t *testing.T) {
	t.Parallel()
	a, ask := asker(t, `id VARCHAR(40) PRIMARY KEY, name LONGTEXT`, `WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < 40) SELECT CONCAT('row', seq), REPEAT('x', 1000000) FROM n`)
	repeated, spelled, distinct := make([]string, 1000), make([]string, 16), make([]string, 40)
	for i := range repeated {
		repeated[i] = "row1"
	}
	for i := range spelled {
		b := []byte("row1")
		for k := range 3 {
			if i>>k&1 == 1 {
				b[k] -= 'a' - 'A'
			}
		}
		spelled[i] = string(b) + strings.Repeat(" ", i>>3)
	}
	for i := range distinct {
		distinct[i] = fmt.Sprint("row", i+1)
	}
	for what, keys := range map[string][]string{"repeated": repeated, "spelled": spelled, "distinct": distinct} {
		for _, parts := range []string{"", `,"parts":true`, `,"parts":true,"form":2,"types":["varchar","longtext"]`} {
			got := ask(`{"ask":"values","table":"orders","columns":["id","name"],"keys":` + bytesOf(keys...) + parts + `}`)
			if len(got) > 2_000_000 {
				t.Errorf("%s keys%s: the answer has %d bytes", what, parts, len(got))
			}
		}
	}
	if got := ask(`{"ask":"values","table":"orders","columns":["id","name"],"keys":` + bytesOf("row2", "row3") + `,"parts":true}`); !strings.Contains(got, `"part":true`) || strings.Count(got, `"k"`) != 1 {
		t.Errorf("the answer about two rows that are too large for one has %d bytes", len(got))
	}
	if peak := a.Node.PeakMemory(); peak > 128<<20 {
		t.Errorf("the node had %d MiB in memory", peak>>20)
	}
}
