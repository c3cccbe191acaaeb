package transform

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// meeting is a conflict of two versions of an order.
func meeting() Conflict {
	return Conflict{Table: "orders", ID: "7",
		Local:    Side{change.Version{Time: 2_000_500, Origin: "node-a"}, value.Entity{{Name: "id", Value: int64(7)}, {Name: "n", Value: int64(1)}}},
		Incoming: Side{change.Decided(1_000_000, "hq", "mark"), value.Entity{{Name: "id", Value: int64(7)}, {Name: "n", Value: int64(2)}}}}
}

func TestResolveMakesOneRowOfTwo(t *testing.T) {
	deleted := meeting()
	deleted.Incoming.Entity = nil
	for name, test := range map[string]struct {
		script   string
		conflict Conflict
		want     value.Entity
	}{
		"it sees both rows": {`({local, incoming}) => ({id: local.entity.id, n: local.entity.n + incoming.entity.n})`, meeting(),
			value.Entity{{Name: "id", Value: int64(7)}, {Name: "n", Value: int64(3)}}},
		"it sees whose they are": {`c => ({text: [c.table, c.id, c.local.origin, c.local.time, c.incoming.origin, c.incoming.time].join(' ')})`, meeting(),
			value.Entity{{Name: "text", Value: "orders 7 node-a 2000.5 hq 1000"}}},
		"it sees their order": {`({earlier, later}) => ({n: 10 * earlier.entity.n + later.entity.n})`, meeting(),
			value.Entity{{Name: "n", Value: int64(21)}}},
		"a deleted row is null":        {`({incoming}) => ({gone: incoming.entity === null})`, deleted, value.Entity{{Name: "gone", Value: true}}},
		"null deletes the row":         {`() => null`, meeting(), nil},
		"it may be an async function":  {`async ({later}) => later.entity`, meeting(), meeting().Local.Entity},
		"it may return one of the two": {`({incoming}) => incoming.entity`, meeting(), meeting().Incoming.Entity},
	} {
		t.Run(name, func(t *testing.T) {
			tr := world{}.orders(t, "module.exports.resolve = "+test.script)
			got, err := resolved(t, tr, test.conflict)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestResolveThatFailsSaysWhere(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"it throws":            {"\nmodule.exports.resolve = () => { throw new Error('no idea') }", "orders.js:2: Error: no idea"},
		"it returns nothing":   {"module.exports.resolve = () => {}", "orders.js: resolve returned nothing"},
		"it returns a number":  {"module.exports.resolve = () => 7", "orders.js: returned a number"},
		"it never returns":     {"module.exports.resolve = () => { for (;;) {} }", "ran longer than 1s"},
		"it waits for nothing": {"module.exports.resolve = () => new Promise(() => {})", "can never settle"},
		"it queries":           {"module.exports.resolve = async c => (await c.mysql.query('SELECT 1'))[0]", errLocked.Error()},
		"it publishes":         {"module.exports.resolve = async c => { await c.mqtt.publish('a', 'b'); return null }", errLocked.Error()},
		"there is none":        {"module.exports = c => c.entity", ErrNoResolve.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := world{
				querier:   queryFunc(func(context.Context, string) ([]value.Entity, error) { t.Error("it was asked"); return nil, nil }),
				publisher: publishFunc(func(context.Context, string, []byte, byte, bool) error { t.Error("it was asked"); return nil }),
			}
			got, err := resolved(t, asked.orders(t, test.script), meeting())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestAFileMayTransformOrResolveOrBoth(t *testing.T) {
	for script, want := range map[string][2]bool{
		"module.exports = c => c.entity":                                   {true, false},
		"module.exports = c => c.entity; module.exports.resolve = () => 1": {true, true},
		"module.exports = {resolve: () => 1}":                              {false, true},
		"exports.resolve = () => 1":                                        {false, true},
	} {
		tr := world{}.orders(t, script)
		if got := [2]bool{tr.Has("orders"), tr.HasResolve("orders")}; got != want {
			t.Errorf("%s: transforms, resolves = %v, want %v", script, got, want)
		}
	}
	for script, want := range map[string]string{
		"module.exports.resolve = 5": "module.exports.resolve is not a function",
		"exports.other = 5":          "module.exports is not a function",
		"exports.resolve = () => null; exports.onDelete = () => 1": "module.exports is not a function",
	} {
		tr := New(zap.NewNop(), nil, nil, Config{Directory: directory(t, map[string]string{"orders.js": script})})
		if err := tr.Load([]string{"orders"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}

// TestResolveDoesNotWaitForTransformers keeps the transformer's only machine
// busy.
func TestResolveDoesNotWaitForTransformers(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	w := world{config: Config{Runtimes: 1}, querier: queryFunc(func(ctx context.Context, _ string) ([]value.Entity, error) {
		close(entered)
		<-leave
		return nil, nil
	})}
	tr := w.orders(t, `module.exports = async c => { await c.mysql.query('SELECT 1'); return c.entity }
		module.exports.resolve = c => c.later.entity`)
	done := make(chan error)
	go func() {
		_, err := tr.Apply(t.Context(), Call{Table: "orders", Entity: value.Entity{}})
		done <- err
	}()
	<-entered
	got, err := resolved(t, tr, meeting())
	if err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tr.Resolve(ctx, meeting()); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
}
