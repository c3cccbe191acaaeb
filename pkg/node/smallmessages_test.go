package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestABrokerThatAccepts128KiBIsEnough: the broker closes the connection of whoever sends a packet of more than 128
// KiB, as AWS IoT does: large rows, batches of long rows, the answers to 600 refused rows, and comparisons of
// rows with long keys and many columns go through all the same.
func TestABrokerThatAccepts128KiBIsEnough(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"max_packet_size 131072"}})
	a, c := newPair(t, b, []string{"files", "words", "notes"})
	const files = `CREATE TABLE files (id INT PRIMARY KEY, body LONGBLOB)`
	var columns, values []string
	for i := range 40 {
		columns = append(columns, fmt.Sprintf("c%d VARBINARY(64)", i))
		values = append(values, fmt.Sprintf("UNHEX(SHA2(CONCAT(n, ' %d'), 512))", i))
	}
	words := `CREATE TABLE words (word VARCHAR(250) CHARACTER SET ascii PRIMARY KEY, ` + strings.Join(columns, ", ") + `)`
	a.Exec(files, words, `CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(300))`)
	c.Exec(files, words, `CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(10))`)
	a.start()
	c.start()
	synced(a, c)

	const numbers = ` WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 600) `
	const noise = `UNHEX(CONCAT(SHA2(n, 512), SHA2(-n, 512), SHA2(n + 0.5, 512), SHA2(0.5 - n, 512)))` // 256 bytes
	a.Exec(`INSERT INTO files`+numbers+`SELECT n, CONCAT(`+noise+`, REVERSE(`+noise+`)) FROM numbers`,
		`SET SESSION group_concat_max_len = 1048576`)
	tx := a.DB.MustBegin()
	tx.MustExec(`SET SESSION group_concat_max_len = 1048576`)
	tx.MustExec(`INSERT INTO files SELECT 1000, GROUP_CONCAT(body ORDER BY id SEPARATOR '') FROM files`) // 300 KiB
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	a.Exec(`INSERT INTO words`+numbers+`SELECT CONCAT(SHA2(n, 512), SHA2(-n, 384)), `+strings.Join(values, ", ")+` FROM numbers`,
		`INSERT INTO notes`+numbers+`SELECT n, REPEAT('Größe ', 50) FROM numbers`)
	a.Expect(`SELECT table_name, status, COUNT(*) FROM sync_status GROUP BY table_name, status ORDER BY table_name`,
		`"files"|"successful"|601`, `"notes"|"error"|600`, `"words"|"successful"|600`)
	testkit.Alike(t, `SELECT COUNT(*), MAX(LENGTH(body)), BIT_XOR(CRC32(body)) FROM files`, a, c)

	c.behindIn("words", `UPDATE words SET c7 = 'bent'`, `DELETE FROM words ORDER BY word LIMIT 10`)
	if code, out := a.verify("words", "--repair"); code != 1 || !strings.Contains(out, "600 sent for repair") {
		t.Fatalf("repair: exit code %d\n%s", code, out)
	}
	testkit.Alike(t, `SELECT COUNT(*), BIT_XOR(CRC32(CONCAT(word, c7, c39))) FROM words`, a, c)
	if code, out := c.verify("words"); code != 0 {
		t.Fatalf("after the repair: exit code %d\n%s", code, out)
	}
	for _, s := range []*site{a, c} {
		if s.lines("no connection to the broker") > 0 {
			t.Errorf("the broker closed the connection of %s", s.Name)
		}
	}
}
