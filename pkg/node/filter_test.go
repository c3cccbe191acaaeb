package node_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestANewFilterRemovesTheTargetsRows, however it got there: by initial sync, or because it was written before the
// transformer existed. What the target wrote itself stays there until somebody else writes it.
func TestANewFilterRemovesTheTargetsRows(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // an UPDATE that changes nothing is not in the log
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"texts"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"texts"}, nil)
	a.Exec(texts, `INSERT INTO texts VALUES ('first', 'secret'), ('early', 'open'), ('late', 'secret')`)
	c.Exec(texts)
	a.Config["transformerDirectory"] = t.TempDir()
	a.start()
	c.start()
	synced(a, c)
	a.Exec(`INSERT INTO texts VALUES ('sent', 'secret'), ('open', 'open')`)
	c.Exec(`INSERT INTO texts VALUES ('own', 'secret'), ('moved', 'secret')`)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT COUNT(*) FROM texts`, `7`)
	}
	rest(a, c)
	a.Node.Stop()
	a.Exec(`UPDATE sync_remotes SET position = 0, shown = 0`) // as if it had been killed before it recorded any ack
	a.Script("texts", secret)
	a.start()
	rest(a, c)
	// What was equal is no longer supposed to be, and verify says so.
	if code, out := a.verify("--json"); code != 1 || !strings.Contains(out, `"differs":3`) || strings.Count(out, `"kind":"held back, but there"`) != 3 {
		t.Errorf("before: exit code %d\n%s", code, out)
	}
	a.Exec(`UPDATE texts SET name = 'secret' WHERE id = 'early'`)
	c.Expect(`SELECT id FROM texts ORDER BY id`, `"first"`, `"late"`, `"moved"`, `"open"`, `"own"`, `"sent"`)
	a.Exec(`INSERT INTO texts VALUES ('never', 'secret')`)
	if out := a.Run(0, "resync", "texts", "--all"); !strings.Contains(out, "texts will be sent to node-b") {
		t.Errorf("resync printed %s", out)
	}
	c.Expect(`SELECT id FROM texts ORDER BY id`, `"moved"`, `"open"`, `"own"`)
	a.Exec(`UPDATE texts SET name = 'secret' WHERE id = 'moved'`) // now it is node-a's
	c.Expect(`SELECT id FROM texts ORDER BY id`, `"open"`, `"own"`)
	rest(a, c)
	c.Expect(`SELECT COUNT(*) FROM sync_versions WHERE row_id = 'never'`, `0`) // nothing was sent of a row that it never had
	for _, s := range []*site{a, c} {
		if code, out := s.verify(); code != 0 || !strings.Contains(out, "equal") || !strings.Contains(out, "held back") {
			t.Errorf("%s: exit code %d\n%s", s.Name, code, out)
		}
	}
	a.Expect(`SELECT COUNT(*) FROM texts`, `8`)
}

// TestAFilterAtAHubRemovesOnlyBehindIt: what came from one side is removed at the other, and stays where it came
// from, with composite keys, and for rows that the hub's own database had before it was a hub.
func TestAFilterAtAHubRemovesOnlyBehindIt(t *testing.T) {
	t.Parallel()
	const parts = `CREATE TABLE parts (shop VARCHAR(20), number INT, name VARCHAR(100), PRIMARY KEY (shop, number))`
	b := testkit.AnyBroker(t)
	tables := []string{"parts"}
	a := newSite(t, b, "node-a", []string{"node-h"}, tables, nil)
	h := newSite(t, b, "node-h", []string{"node-a", "node-c"}, tables, nil)
	c := newSite(t, b, "node-c", []string{"node-h"}, tables, nil)
	for _, s := range []*site{a, h, c} {
		s.Exec(parts)
	}
	h.Exec(`INSERT INTO parts VALUES ('a,b', 1, 'secret')`)
	h.Script("parts", `module.exports = ({entity, target}) => entity.name === 'secret' && target === 'node-c' ? null : entity;`)
	with := h.Config["transformerDirectory"]
	delete(h.Config, "transformerDirectory")
	for _, s := range []*site{a, h, c} {
		s.start()
	}
	synced(a, h, c)
	a.Exec(`INSERT INTO parts VALUES ('a', 2, 'open'), ('a', 3, 'secret'), ('b', 4, 'open')`)
	for _, s := range []*site{a, h, c} {
		s.Expect(`SELECT COUNT(*) FROM parts`, `4`)
	}
	rest(a, h, c)
	h.Node.Stop()
	h.Config["transformerDirectory"] = with
	h.Write()
	h.start()
	a.Exec(`UPDATE parts SET name = 'secret' WHERE number = 2`, `INSERT INTO parts VALUES ('a', 5, 'secret')`)
	c.Expect(`SELECT number FROM parts ORDER BY number`, `1`, `3`, `4`)
	h.Run(0, "resync", "parts", "--all", "--remote", "node-c")
	c.Expect(`SELECT number FROM parts ORDER BY number`, `4`)
	rest(a, h, c)
	for _, s := range []*site{a, h} {
		s.Expect(`SELECT number FROM parts ORDER BY number`, `1`, `2`, `3`, `4`, `5`)
	}
	if code, out := h.verify(); code != 0 || !strings.Contains(out, "parts with node-c: equal, 5 rows; 4 rows are held back by the transformer") ||
		!strings.Contains(out, "parts with node-a: equal, 5 rows\n") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	// The transformer also runs on incoming rows, and nothing is left of a row that is missing here.
	c.behindIn("parts", `INSERT INTO parts VALUES ('z', 9, 'open')`)
	if code, out := h.verify("--remote", "node-c", "--repair"); code != 1 || !strings.Contains(out, "z,9: missing here") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestVerifyComparesRowsAsATransformerSendsThem, has no other effect of the script, and says what cannot be compared.
func TestVerifyComparesRowsAsATransformerSendsThem(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"texts"}, map[string]any{"receiveTables": []string{}})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"texts"}, map[string]any{"syncTables": []string{}})
	a.Exec(texts, `CREATE TABLE calls (id INT AUTO_INCREMENT PRIMARY KEY)`)
	c.Exec(texts)
	a.Script("texts", `module.exports = async ({entity, database}) => {
		await database.query('INSERT INTO calls VALUES ()');
		if (entity.name === 'secret') return null;
		if (entity.id === 'moved') entity.id = 'new';
		entity.name = entity.name.toUpperCase();
		return entity;
	}`)
	a.start()
	c.start()
	synced(a) // otherwise the first transfer would call the script again
	a.Exec(`INSERT INTO texts VALUES ('1', 'one'), ('2', 'secret'), ('3', 'three')`)
	c.Expect(`SELECT name FROM texts ORDER BY id`, `"ONE"`, `"THREE"`)
	rest(a, c)
	calls, err := a.Rows(`SELECT COUNT(*) FROM calls`)
	if err != nil {
		t.Fatal(err)
	}
	if code, out := a.verify(); code != 0 || !strings.Contains(out, "equal, 3 rows; 1 row is held back by the transformer") {
		t.Errorf("as sent: exit code %d\n%s", code, out)
	}
	if now, err := a.Rows(`SELECT COUNT(*) FROM calls`); now != calls || err != nil {
		t.Errorf("the script wrote: %s, then %s, %v", calls, now, err)
	}
	c.behindIn("texts", `UPDATE texts SET name = 'three' WHERE id = '3'`) // as stored at a, not as sent
	if code, out := a.verify("--json"); code != 1 || !strings.Contains(out, `"differs":1`) || !strings.Contains(out, `"id":"3","kind":"differs"`) {
		t.Errorf("with a difference: exit code %d\n%s", code, out)
	}
	a.verify("--repair")
	c.Expect(`SELECT name FROM texts ORDER BY id`, `"ONE"`, `"THREE"`)
	a.Exec(`INSERT INTO texts VALUES ('moved', 'x')`)
	c.Expect(`SELECT name FROM texts WHERE id = 'new'`, `"X"`)
	if code, out := a.verify(); code != 1 || !strings.Contains(out, "no differing row found; 1 row is held back by the transformer; 2 rows cannot be compared") {
		t.Errorf("under another key: exit code %d\n%s", code, out)
	}
}

// TestARowRemovedFromOneIsNotLostAtAnother: the target passes the delete on, with the version that the row has elsewhere,
// and if that arrives before the row, the row stays.
func TestARowRemovedFromOneIsNotLostAtAnother(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"texts"}
	mesh := map[string][]string{"node-a": {"node-b", "node-c"}, "node-b": {"node-a", "node-c"}, "node-c": {"node-a", "node-b"}}
	sites := map[string]*site{}
	for name, remotes := range mesh {
		s := newSite(t, b, name, remotes, tables, nil)
		s.Exec(texts)
		s.Script("texts", `module.exports = ({entity, target}) => entity.name === 'secret' && target === 'node-c' ? null : entity;`)
		sites[name] = s.start()
	}
	a, there, c := sites["node-a"], sites["node-b"], sites["node-c"]
	synced(a, there, c)
	a.Exec(`INSERT INTO texts VALUES ('1', 'open')`)
	for _, s := range sites {
		s.Expect(`SELECT name FROM texts`, `"open"`)
	}
	rest(a, there, c)
	there.Node.Stop()
	a.Exec(`UPDATE texts SET name = 'secret'`)
	c.Expect(`SELECT COUNT(*) FROM texts`, `0`)
	a.Node.Stop()
	there.start()
	there.Expect(`SELECT COUNT(*) FROM texts`, `0`)
	a.start()
	there.Expect(`SELECT name FROM texts`, `"secret"`)
	rest(a, there, c)
	c.Expect(`SELECT COUNT(*) FROM texts`, `0`)
	a.Expect(`SELECT name FROM texts`, `"secret"`)
	there.Expect(`SELECT name FROM texts`, `"secret"`)
}
