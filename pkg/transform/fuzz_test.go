package transform

import (
	"encoding/json"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// FuzzResult returns from a script anything that can be made from JSON, in the shapes that
// scripts return: the outcome is a row that can be sent, or an error.
func FuzzResult(f *testing.F) {
	for i, text := range []string{`{"id":1,"name":"x"}`, `null`, `[]`, `"x"`, `{"a":{"toJSON":1}}`, `{"__proto__":1,"constructor":{}}`, `{"a":1e999}`, `{"":""}`, `{"a":[[[[]]]]}`,
		"{\"a\":\"\\ud800\"}"} {
		f.Add(uint8(i), text)
	}
	transformers := world{}.orders(f, body(`
		const v = JSON.parse(context.entity.text);
		const wrap = [x => x, x => ({c: x}), x => ({c: new Date(x)}), x => ({c: Buffer.from(String(x))}), x => new Map([['c', x]]), x => Promise.resolve(x),
			x => ({c: new Proxy(Object(x), {})}), x => ({get c() { throw x }}), x => ({c: {toJSON() { return x }}}), x => { throw x }, x => ({c: BigInt(x)}), x => [x]];
		return wrap[context.entity.how % wrap.length](v);`))
	f.Fuzz(func(t *testing.T, how uint8, text string) {
		row, err := transformers.Apply(t.Context(), call(value.Field{Name: "how", Value: int64(how)}, value.Field{Name: "text", Value: text}))
		if err != nil {
			return
		}
		if sent, err := row.AppendJSON(nil); err != nil || !json.Valid(sent) {
			t.Errorf("%d, %q gives %#v, which is sent as %q, %v", how, text, row, sent, err)
		}
	})
}
