package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// productItems is the example in the protocol's document, verbatim.
const productItems = `async function transformer(context) {
// language=SQL
let databaseResult = await context.mysql.query('SELECT id FROM id_mapping WHERE id = ?',
context.entity.id);
if (databaseResult.length > 0) {
context.entity.id = databaseResult[0].id;
}
return context.entity;
}
module.exports = transformer;
`

const texts = `CREATE TABLE texts (id VARCHAR(20) NOT NULL PRIMARY KEY, name VARCHAR(100))`

func TestDocumentedTransformerServesAllSpellingsOfATable(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"product_items", "product-items", "product items"}
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, nil)
	for _, s := range []*site{a, c} {
		for _, table := range tables {
			s.Exec("CREATE TABLE `" + table + "` (id VARCHAR(20) NOT NULL PRIMARY KEY, name VARCHAR(20)) COLLATE utf8mb4_general_ci")
		}
	}
	// The mapping has another spelling of the id, which it considers equal.
	c.Exec(`CREATE TABLE id_mapping (id VARCHAR(20) NOT NULL PRIMARY KEY) COLLATE utf8mb4_general_ci`, `INSERT INTO id_mapping VALUES ('ITEM-1')`)
	c.Script("productItems", productItems)
	a.start()
	c.start()
	for _, table := range tables {
		a.Exec("INSERT INTO `" + table + "` VALUES ('item-1', 'one'), ('item-2', 'two')")
	}
	for _, table := range tables {
		c.Expect("SELECT id, name FROM `"+table+"` ORDER BY id", `"ITEM-1"|"one"`, `"item-2"|"two"`)
	}
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'successful'`, `6`)
	a.Exec("UPDATE `product items` SET name = 'uno' WHERE id = 'item-1'")
	c.Expect("SELECT id, name FROM `product items` ORDER BY id", `"ITEM-1"|"uno"`, `"item-2"|"two"`)
}

// withScript makes a node whose table texts has a transformer, and a peer.
func withScript(t *testing.T, script string) (*site, *peer) {
	t.Helper()
	a, p := withPeer(t, texts)
	a.Script("texts", script)
	return a, p
}

func TestTransformerRunsForEachTarget(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = async ({entity, source, target, table, id, operation}) => {
		await new Promise(done => setTimeout(done, 5));
		if (target === 'peer-2' && id === '2') return null;
		return Object.assign(entity, {name: [source, target, table, id, operation, entity.name].join(' ')});
	}`)
	a.Config["remoteClients"] = []string{"peer-1", "peer-2"}
	a.start()
	p2 := newPeer(t, p.broker, "peer-2").connect().greet("node-a")
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO texts VALUES ('1', 'one'), ('2', 'two')`)
	p.expectRow("texts", "1", `{"id":"1","name":"node-a peer-1 texts 1 upsert one"}`)
	p.expectRow("texts", "2", `{"id":"2","name":"node-a peer-1 texts 2 upsert two"}`)
	p2.expectRow("texts", "1", `{"id":"1","name":"node-a peer-2 texts 1 upsert one"}`)
	a.Expect(testkit.Waiting, `0`)
	p2.expect("nothing of row 2", func() error {
		if len(p2.changes) != 1 {
			return fmt.Errorf("%v came", p2.changes)
		}
		return nil
	})
	// The node's own row is unchanged.
	a.Expect(`SELECT name FROM texts WHERE id = '1'`, `"one"`)
}

func TestTransformerQueriesAndPublishes(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = async context => {
		const rows = await context.database.query('SELECT ?? FROM ?? WHERE id IN (?) AND name <> ? ORDER BY id',
			['id', 'name'], 'lookup', [1, 2, 3], "it's");
		await context.mqtt.publish('/hello/' + context.id, JSON.stringify(rows), {qos: 1});
		context.entity.name = rows.map(r => r.name).join('+');
		return context.entity;
	}`)
	a.Exec(`CREATE TABLE lookup (id INT, name VARCHAR(10))`, `INSERT INTO lookup VALUES (1, 'a'), (2, 'b'), (3, 'it''s'), (4, 'd')`)
	said := make(chan string, 1)
	token := testkit.MQTTClient(t, p.broker, "listener").Subscribe("/hello/+", 1, func(_ mqtt.Client, m mqtt.Message) {
		said <- m.Topic() + " " + string(m.Payload())
	})
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO texts VALUES ('1', 'one')`)
	p.expectRow("texts", "1", `{"id":"1","name":"a+b"}`)
	if got, want := <-said, `/hello/1 [{"id":1,"name":"a"},{"id":2,"name":"b"}]`; got != want {
		t.Errorf("the script published %s, want %s", got, want)
	}
}

const secret = `module.exports = ({entity}) => entity.name === 'secret' ? null : entity;`

func TestARowNoLongerForATargetIsRemoved(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, secret)
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO texts VALUES ('1', 'open'), ('2', 'secret')`)
	p.expectRow("texts", "1", `{"id":"1","name":"open"}`)
	a.Exec(`UPDATE texts SET name = 'secret' WHERE id = '1'`)
	p.expectRow("texts", "1", `null`)
	a.Exec(`UPDATE texts SET name = 'open' WHERE id = '1'`)
	p.expectRow("texts", "1", `{"id":"1","name":"open"}`)
	a.Expect(testkit.Waiting, `0`)
	p.expect("three changes of row 1, none of row 2", func() error {
		if len(p.changes) != 3 {
			return fmt.Errorf("%v came", p.changes)
		}
		return nil
	})
}

func TestARowIsRemovedEvenIfTheNodeWasKilledBeforeTheAck(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, secret)
	a.start()
	p.answer = func(v1Change) {} // it has the row, and the node does not learn of it
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO texts VALUES ('1', 'open')`)
	p.expectChange("texts", "1", 1)
	a.Node.Kill()
	a.Exec(`UPDATE texts SET name = 'secret'`)
	p.answerNow(func() { p.answer = nil; clear(p.open) })
	a.start()
	p.expectRow("texts", "1", `null`)
	a.Expect(`SELECT status FROM sync_status`, `"successful"`)
	a.Expect(`SELECT COUNT(*) FROM sync_sent`, `0`)
}

func TestAFailingTransformerCostsOnlyItsRow(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = ({entity}) => {
		switch (entity.id) {
		case 'throw': throw new Error('no such customer');
		case 'spin': for (;;) {}
		case 'wait': return new Promise(() => {});
		case 'nothing': return;
		case 'number': return 7;
		case 'long': throw new Error('x'.repeat(1000));
		}
		return entity;
	};`)
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO texts VALUES ('throw', ''), ('spin', ''), ('wait', ''), ('nothing', ''), ('number', ''), ('long', ''), ('good', 'x')`)
	p.expectRow("texts", "good", `{"id":"good","name":"x"}`)
	a.Expect(`SELECT primary_key, status FROM sync_status ORDER BY primary_key`, `"good"|"successful"`, `"long"|"error"`,
		`"nothing"|"error"`, `"number"|"error"`, `"spin"|"error"`, `"throw"|"error"`, `"wait"|"error"`)
	for id, words := range map[string]string{"throw": "no such customer", "spin": "texts.js", "wait": "texts.js", "nothing": "returned nothing", "number": "returned a number", "long": "xxx"} {
		got, err := a.Rows(`SELECT message FROM sync_status WHERE primary_key = '` + id + `'`)
		if err != nil || !strings.Contains(got, words) || !strings.Contains(got, "texts.js") {
			t.Errorf("the status of %s is %s (%v), want %q", id, got, err, words)
		}
	}
	// The corrected row goes.
	a.Exec(`UPDATE texts SET id = 'mended' WHERE id = 'throw'`)
	p.expectRow("texts", "mended", `{"id":"mended","name":""}`)
}

func TestANodeSurvivesTheEnginesOwnFunctions(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = ({entity}) => {
		switch (entity.id) {
		case 'native': return {id: String({toString: String.prototype.at})};
		case 'proxy': { const o = {}; Object.setPrototypeOf(o, new Proxy(o, {})); return {id: o.id}; }
		case 'code': return {id: eval('('.repeat(4e6))};
		}
		return entity;
	};`)
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO texts VALUES ('native', ''), ('proxy', ''), ('code', ''), ('good', 'x')`)
	p.expectRow("texts", "good", `{"id":"good","name":"x"}`)
	a.Expect(`SELECT primary_key, status, message LIKE '%texts.js: recursion is too deep%', message LIKE '%RangeError: this is too much code%'
		FROM sync_status ORDER BY primary_key`,
		`"code"|"error"|0|1`, `"good"|"successful"|NULL|NULL`, `"native"|"error"|1|0`, `"proxy"|"error"|1|0`)
}

func TestTransformerThatFailsWhenReceivingIsAnswered(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = ({entity, source}) => {
		if (entity.id === 'bad') throw new Error('not from ' + source);
		if (entity.id === 'null') return null;
		return {id: entity.id.toUpperCase(), name: entity.name + '!'};
	};`)
	a.start()
	p.connect().greet("node-a")
	date := p.send("node-a", "texts", "bad", `{"id":"bad","name":"x"}`)
	if got := p.expectAnswer("bad", date); got.Message != "error" || !strings.Contains(got.Args.Message, "not from peer-1") {
		t.Errorf("the answer is %+v", got)
	}
	for _, id := range []string{"null", "good"} {
		date = p.send("node-a", "texts", id, `{"id":"`+id+`","name":"x"}`)
		if got := p.expectAnswer(id, date); got.Message != "data_received" {
			t.Errorf("the answer about %s is %+v", id, got)
		}
	}
	a.Expect(`SELECT id, name FROM texts`, `"GOOD"|"x!"`)
}

func TestAKeyChangedByATransformerIsRemembered(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = ({entity}) => {
		entity.id = (entity.name === 'moved' ? 'new-' : 'x-') + entity.id;
		return entity;
	};`)
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO texts VALUES ('1', 'one'), ('2', 'two')`)
	p.expectRow("texts", "x-1", `{"id":"x-1","name":"one"}`)
	a.Expect(statusOfRows, `"1"|"successful"|NULL`, `"2"|"successful"|NULL`)
	a.Exec(`UPDATE texts SET name = 'uno' WHERE id = '1'`)
	p.expectRow("texts", "x-1", `{"id":"x-1","name":"uno"}`)
	// With another key it is another row there: the old one goes.
	a.Exec(`UPDATE texts SET name = 'moved' WHERE id = '1'`)
	p.expectRow("texts", "new-1", `{"id":"new-1","name":"moved"}`)
	p.expectRow("texts", "x-1", `null`)
	// A delete follows under the key that was sent, even after a restart.
	a.Expect(testkit.Waiting, `0`)
	a.Stop()
	a.Exec(`DELETE FROM texts`)
	a.start()
	p.expectRow("texts", "new-1", `null`)
	p.expectRow("texts", "x-2", `null`)
	a.Expect(statusOfRows, `"1"|"successful"|NULL`, `"2"|"successful"|NULL`)
	a.Expect(`SELECT COUNT(*) FROM sync_sent`, `0`)
}

func TestOnDeleteHandlesADelete(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = ({entity}) => entity;
	module.exports.onDelete = async ({id, target, entity, operation}) => {
		if (entity !== null || operation !== 'delete') throw new Error('not a delete');
		if (id === 'keep') return null;
		if (id === 'bad') throw new Error('never');
		return id === 'other' ? 'instead' : id;
	};`)
	a.Exec(`INSERT INTO texts VALUES ('keep', ''), ('bad', ''), ('other', ''), ('plain', ''), ('instead', '')`)
	a.start()
	p.connect().greet("node-a")
	a.Exec(`UPDATE texts SET name = 'x'`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'successful'`, `5`)
	a.Exec(`DELETE FROM texts WHERE id <> 'instead'`)
	p.expectRow("texts", "plain", `null`)
	p.expectRow("texts", "instead", `null`)
	a.Expect(`SELECT primary_key, status FROM sync_status ORDER BY primary_key`, `"bad"|"error"`, `"instead"|"successful"`,
		`"keep"|"successful"`, `"other"|"successful"`, `"plain"|"successful"`)
	p.expectRow("texts", "keep", `{"id":"keep","name":"x"}`)
	p.expectRow("texts", "bad", `{"id":"bad","name":"x"}`)
}

func TestTransformersWorkBetweenNodes(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"texts"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"texts"}, nil)
	a.Exec(texts)
	c.Exec(texts)
	// Each side has its own keys for the rows.
	a.Script("texts", `module.exports = ({entity, source}) => {
		if (entity.name === 'secret') return null;
		entity.id = source === 'node-a' ? 'b' + entity.id : entity.id.slice(1);
		return entity;
	};
	module.exports.onDelete = ({id, source}) => source === 'node-a' ? id : id.slice(1);`)
	a.start()
	c.start()
	a.Exec(`INSERT INTO texts VALUES ('1', 'one'), ('2', 'secret'), ('3', 'three')`)
	c.Expect(`SELECT id, name FROM texts ORDER BY id`, `"b1"|"one"`, `"b3"|"three"`)
	c.Exec(`UPDATE texts SET name = 'uno' WHERE id = 'b1'`)
	a.Expect(`SELECT name FROM texts WHERE id = '1'`, `"uno"`)
	a.Exec(`UPDATE texts SET name = 'secret' WHERE id = '1'`)
	c.Expect(`SELECT id, name FROM texts ORDER BY id`, `"b3"|"three"`)
	a.Exec(`DELETE FROM texts WHERE id = '3'`)
	c.Expect(`SELECT COUNT(*) FROM texts`, `0`)
	rest(a, c)
	a.Expect(`SELECT id FROM texts ORDER BY id`, `"1"`, `"2"`)
}

func TestBrokenTransformerFileEndsTheStart(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"syntax":    "module.exports = ({entity}) => {\n  return entity;;;\n  }}\n",
		"throws":    "\nthrow new Error('at load');\n",
		"no export": "exports.transform = 1;\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := withScript(t, file)
			node := testkit.Node(t, a.Write())
			if code := node.ExitCode(); code == 0 {
				t.Error("the node ended with 0")
			}
			node.WaitLog(`texts\.js`)
		})
	}
}

// TestRowsThatShareAnIDAreSentInTurn: version 1 identifies a change by its id, so only one can be in flight.
func TestRowsThatShareAnIDAreSentInTurn(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = ({entity}) => Object.assign(entity, {id: 'all'})`)
	held := make(chan v1Change, 10)
	p.answer = func(c v1Change) { held <- c }
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO texts VALUES ('1', 'one'), ('2', 'two'), ('3', 'three')`)
	for range 3 {
		select {
		case c := <-held:
			p.ack(c)
		case <-time.After(time.Minute):
			t.Fatal("no change arrived")
		}
	}
	a.Expect(testkit.Waiting, `0`)
}

func TestNoValueOfARowIsCodeInAQuery(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = async ({entity, mysql}) => {
		const found = await mysql.query('SELECT id FROM secrets WHERE name = ?', entity.name);
		const other = await mysql.query('SELECT id FROM secrets WHERE name = ?', entity.note || '');
		return {id: entity.id, name: typeof entity.name + found.length + other.length + ':' + entity.name};
	};`)
	a.Exec(`CREATE TABLE secrets (id INT NOT NULL PRIMARY KEY, name VARCHAR(20), note VARCHAR(20))`, `INSERT INTO secrets VALUES (1, 'one', ''), (2, 'two', '')`)
	a.start()
	p.connect().greet("node-a")
	for id, row := range map[string]struct{ sent, stored string }{
		"object":  {`{"id":"object","name":{"name":1}}`, `string00:{"name":1}`},
		"list":    {`{"id":"list","name":["one","two"]}`, `string00:["one","two"]`},
		"number":  {`{"id":"number","name":0}`, `string00:0`},
		"boolean": {`{"id":"boolean","name":true}`, `string00:1`},
		"foreign": {`{"id":"foreign","name":"x","note":{"name":1}}`, `string00:x`},
		"text":    {`{"id":"text","name":"one"}`, `string10:one`},
	} {
		date := p.send("node-a", "texts", id, row.sent)
		if got := p.expectAnswer(id, date); got.Message != "data_received" {
			t.Errorf("the answer about %s is %+v", id, got)
		}
		a.Expect(`SELECT name FROM texts WHERE id = '`+id+`'`, fmt.Sprintf("%q", row.stored))
	}
}

// What a script does to its session affects no statement of the node, nor a later one
// of a script.
func TestSessionsOfScriptsAreTheirOwn(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := newPair(t, b, []string{"texts", "plain"}, texts, strings.Replace(texts, "texts", "plain", 1))
	a.Script("texts", `module.exports = async ({entity, mysql}) => {
		const all = statement => Promise.all(Array.from({length: 8}, () => mysql.query(statement)));
		const found = await mysql.query('SELECT @left AS v, @@sql_mode AS mode, @@autocommit AS auto');
		await all("SET sql_mode = 'NO_BACKSLASH_ESCAPES', @left = 1");
		await all('SET NAMES latin1');
		await all('SET autocommit = 0');
		await all('START TRANSACTION');
		await mysql.query('LOCK TABLES plain WRITE');
		await mysql.query("UPDATE plain SET name = 'locked' WHERE id = 'held'");
		await mysql.query('BEGIN');
		await mysql.query('SELECT id FROM plain FOR UPDATE');
		entity.name = [found[0].v, found[0].mode.includes('NO_BACKSLASH_ESCAPES'), found[0].auto].join(' ');
		return entity;
	};`)
	a.start()
	c.start()
	synced(a, c)
	a.Exec(`INSERT INTO plain VALUES ('held', '')`)
	for i := range 4 {
		id := fmt.Sprint(i)
		a.Exec(`INSERT INTO texts VALUES ('`+id+`', '')`, `INSERT INTO plain VALUES ('\\'' OR 1 -- `+id+`', 'größe \\ `+id+`')`)
		c.Expect(`SELECT name FROM texts WHERE id = `+id, `" false 1"`)
		a.Exec(`UPDATE plain SET name = CONCAT(name, '!')`)
		testkit.Alike(t, `SELECT * FROM plain ORDER BY id`, a, c)
	}
	c.Exec(`UPDATE plain SET name = 'back'`)
	testkit.Alike(t, `SELECT * FROM plain ORDER BY id`, a, c)
	a.Expect(`SELECT DISTINCT name FROM plain`, `"back"`)
}

func TestScriptsMayHaveTheirOwnLogin(t *testing.T) {
	t.Parallel()
	a, p := withScript(t, `module.exports = async ({entity, mysql}) => {
		const [{who}] = await mysql.query('SELECT CURRENT_USER() AS who');
		let refused = '';
		try { await mysql.query('DELETE FROM sync_versions'); } catch (e) { refused = ' ' + /command denied/.test(e.message); }
		return {id: entity.id, name: who.replace(/@.*/, '') + refused};
	};`)
	name := "guest" + strings.ReplaceAll(a.Schema, "_", "")
	a.Exec(`CREATE USER '`+name+`'@'%' IDENTIFIED BY 'guest password'`, "GRANT SELECT ON `"+a.Schema+"`.texts TO '"+name+"'@'%'")
	t.Cleanup(func() { a.Exec(`DROP USER '` + name + `'@'%'`) })
	a.Config["transformerLogin"] = map[string]any{"user": name, "password": "guest password"}
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO texts VALUES ('1', 'one')`)
	p.expectRow("texts", "1", `{"id":"1","name":"`+name+` true"}`)
	// A session setting that the server rejects ends the start.
	a.Config["transformerLogin"] = map[string]any{"user": name, "password": "another"}
	a.Config["queueDirectory"] = t.TempDir()
	node := testkit.Node(t, testkit.ConfigFile(t, a.Config))
	if code := node.ExitCode(); code == 0 {
		t.Error("the node ended with 0")
	}
	node.WaitLog(`transformerLogin: .*Access denied`)
}

// A malicious script ends its own process, and costs its row. The node, its
// other rows, and the other tables' scripts carry on.
func TestAHarmfulScriptEndsItsOwnProcess(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := newPair(t, b, []string{"texts", "plain"}, texts, strings.Replace(texts, "texts", "plain", 1))
	const harm = `module.exports = async ({entity, source, mysql, mqtt}) => {
		const wire = Buffer[Object.getOwnPropertySymbols(Buffer)[0]], all = [];
		if (entity.id === 'memory ' + source && source !== 'ALLOWED') for (let i = 0; i < 100; i++) all.push(new Uint8Array(2e8));
		if (entity.id === 'endless ' + source) { Object.defineProperty(all, 0, {get: wire.WrapBytes.bind(null, all)}); wire.WrapBytes(all); }
		const [{n}] = await mysql.query('SELECT 7 AS n');
		await mqtt.publish('/hello', entity.id);
		console.log('did', entity.id);
		return {...entity, name: entity.name + n};
	};`
	a.Script("texts", harm)
	a.Script("plain", `module.exports = ({entity}) => ({...entity, name: entity.name + '!'})`)
	c.Script("texts", strings.Replace(harm, "ALLOWED", "node-b", 1)) // what c sends harms only a
	a.start()
	c.start()
	synced(a, c)
	a.Exec(`INSERT INTO texts VALUES ('1', 'a'), ('endless node-a', 'b'), ('memory node-a', 'c'), ('2', 'd'), ('memory node-b', 'e')`, `INSERT INTO plain VALUES ('1', 'x')`)
	c.Expect(`SELECT name FROM plain`, `"x!"`)
	c.Expect(`SELECT id, name FROM texts ORDER BY id`, `"1"|"a77"`, `"2"|"d77"`, `"memory node-b"|"e77"`)
	a.Expect(`SELECT primary_key, message LIKE '%texts.js: %', message LIKE '%could not be interrupted%' OR message LIKE '%recursion is too deep%',
		message LIKE '%memory%' OR message LIKE '%cgo%' FROM sync_status WHERE status = 'error' ORDER BY primary_key`, `"endless node-a"|1|1|0`, `"memory node-a"|1|0|1`)
	// The same on the way in.
	c.Exec(`UPDATE texts SET name = 'back' WHERE id IN ('1', 'memory node-b')`)
	a.Expect(`SELECT id, name FROM texts WHERE name LIKE 'back%' OR id LIKE '%-b'`, `"1"|"back77"`, `"memory node-b"|"e"`)
	c.Expect(`SELECT message LIKE '%transformer fails on it%' FROM sync_status WHERE primary_key = 'memory node-b' AND status = 'error'`, `1`)
	a.Node.WaitLog(`did.*1`)
}
