package main

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Rows written to a database while the connector is killed over and over arrive exactly once in the end.
func TestR04KilledWhileWritingIntoADatabase(t *testing.T) {
	t.Parallel()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	db := testkit.Schema(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(40), at DATETIME)", "INSERT INTO a SELECT seq, CONCAT('row ', seq), '2024-01-02' FROM "+series(20000))
	server, target := testkit.Shared(t), testkit.Postgres(t)
	name := target.Schema(t, "CREATE TABLE b (id INT PRIMARY KEY, v TEXT, at TIMESTAMP)")
	file := write(t, "connector.json", map[string]any{
		"sources":      map[string]any{"shop": map[string]any{"type": "mysql", "host": server.Host, "port": server.Port, "user": server.User, "password": server.Password, "database": db.Name}},
		"destinations": map[string]any{"lake": map[string]any{"type": "postgres", "host": target.Host, "port": target.Port, "user": target.User, "database": name}},
		"jobs": map[string]any{"rows": map[string]any{
			"from": map[string]any{"source": "shop", "table": "a", "key": "id"}, "to": map[string]any{"destination": "lake", "table": "b", "mode": "replace", "batch": 100},
		}},
	})
	r := rand.New(rand.NewPCG(1, 2))
	killed := 0
	for i := range 12 {
		c := exec.Command(exe, "start", file, "--once")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(50+r.IntN(400))*time.Millisecond, func() { _ = c.Process.Kill() })
		if c.Wait() != nil {
			killed++
		}
		timer.Stop()
		if _, err := db.Exec(fmt.Sprintf("UPDATE a SET v = 'round %d' WHERE id %% 1000 = %d", i, i)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(fmt.Sprintf("DELETE FROM a WHERE id = %d", 100+i)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(exe, "start", file, "--once").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := db.Query("SELECT id, v FROM a ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	var lines []string
	for want.Next() {
		var id int
		var v string
		if err := want.Scan(&id, &v); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%d|%s", id, v))
	}
	if got := strings.TrimSpace(target.Query(t, name, "SELECT id, v FROM b ORDER BY id")); got != strings.Join(lines, "\n") || killed == 0 {
		t.Errorf("after %d kills the tables differ: %d rows here, %d there", killed, len(lines), strings.Count(got, "\n")+1)
	}
}
