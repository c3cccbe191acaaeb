package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAPeerLearnsOnlyAboutItsOwnRow: a node that has what the sender may not see, such as files, statements and other rows,
// refuses rows for many reasons. Its own log has the full reason.
func TestAPeerLearnsOnlyAboutItsOwnRow(t *testing.T) {
	t.Parallel()
	tables := []string{"texts", "people"}
	a, c := newPair(t, testkit.AnyBroker(t), tables,
		`CREATE TABLE texts (id VARCHAR(20) PRIMARY KEY, name VARCHAR(100))`,
		`CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(60), mail VARCHAR(60))`)
	c.Exec(`ALTER TABLE texts ADD CONSTRAINT bare CHECK (name <> 'hidden treasure')`)
	c.Exec(`CREATE TABLE vault (id INT PRIMARY KEY, what VARCHAR(60))`, `INSERT INTO vault VALUES (1, 'hidden treasure')`,
		`ALTER TABLE people ADD UNIQUE (mail), MODIFY name VARCHAR(10), ADD CONSTRAINT grown CHECK (id < 1000)`,
		`CREATE TRIGGER refusing BEFORE INSERT ON people FOR EACH ROW BEGIN
			IF NEW.name = 'signal' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'closed on sundays'; END IF;
			IF NEW.name = 'query' THEN INSERT INTO strongroom_of_vault SELECT * FROM vault; END IF;
		END`)
	c.Script("texts", `module.exports = async ({entity, database}) => {
		switch (entity.id) {
		case 'thrown': throw new Error('not on sundays');
		case 'type': return entity.missing.treasure;
		case 'query': await database.query('SELECT what FROM vault_of_treasure WHERE id = 1'); return entity;
		case 'leak': return {...entity, treasure: (await database.query('SELECT what FROM vault'))[0].what};
		case 'made': return {...entity, name: (await database.query('SELECT what FROM vault'))[0].what};
		case 'nothing': return;
		}
		return entity;
	}`)
	a.start()
	c.start()
	synced(a, c)
	c.Exec(`INSERT INTO people VALUES (777, 'kept', 'same@example.com')`)
	a.Expect(`SELECT COUNT(*) FROM people`, `1`)
	a.Exec(`DELETE FROM people WHERE id = 777`)
	c.Expect(`SELECT COUNT(*) FROM people`, `0`)
	a.Node.Stop()
	c.Exec(`INSERT INTO people VALUES (778, 'kept', 'same@example.com')`)
	told := map[string]string{ // by table and key, with what the sender should learn
		"texts thrown": "not on sundays", "texts type": "TypeError", "texts query": "the transformer fails on it", "texts leak": "the transformer fails on it",
		"texts nothing": "the transformer fails on it", "texts made": "the transformed row",
		"people 1": "the same mail", "people 2": "name", "people 1001": "grown", "people 4": "closed on sundays", "people 5": "error 1146",
	}
	a.Exec(`INSERT INTO texts VALUES ('thrown', ''), ('type', ''), ('query', ''), ('leak', ''), ('made', ''), ('nothing', '')`,
		`INSERT INTO people VALUES (1, 'one', 'same@example.com'), (2, 'much too long a name', 'two'), (1001, 'grown', 'x'), (4, 'signal', 'four'), (5, 'query', 'five')`)
	a.start()
	for row, want := range told {
		table, key, _ := strings.Cut(row, " ")
		testkit.Eventually(t, "the error of "+row, func() error {
			got, err := a.Rows(fmt.Sprintf(`SELECT message FROM sync_status WHERE table_name = '%s' AND primary_key = '%s' AND message IS NOT NULL`, table, key))
			if err != nil {
				return err
			}
			if !strings.Contains(got, want) {
				return fmt.Errorf("%s lacks %q", got, want)
			}
			for _, secret := range []string{"texts.js", "/", "treasure", "vault", "778", "SELECT", "INSERT", "undefined"} {
				if strings.Contains(got, secret) {
					t.Errorf("%s: the sender learns %q: %s", row, secret, got)
				}
			}
			return nil
		})
	}
	log := strings.Join(c.Node.Log(), "\n")
	for _, whole := range []string{"texts.js", "vault_of_treasure", "778", "strongroom_of_vault"} {
		if !strings.Contains(log, whole) {
			t.Errorf("the log of the refusing node lacks %q", whole)
		}
	}
}
