package log_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestNumbersThatGoBackAreNoticed: where they do, as those that mariadb-binlog prints when they are run again, the names of what is new can be
// those of what was recorded. MariaDB sends such a log only from a file that has no higher ones.
func TestNumbersThatGoBackAreNoticed(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	if server.Flavour == testkit.FlavourMySQL {
		back := server.Open(t, "")
		if _, err := back.Exec(`SET SESSION gtid_seq_no = 1`); err == nil { // names are a set there
			t.Error("MySQL has gtid_seq_no")
		}
		return
	}
	p := newPlace(t, server, []string{"orders"}, orders)
	s, _ := p.source()
	var recorded uint64
	for id := range 5 {
		p.exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'x')`, id))
		p.record(s)
	}
	if err := p.user.Get(&recorded, `SELECT SUBSTRING_INDEX(@@GLOBAL.gtid_binlog_pos, '-', -1)`); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	p.exec(`CREATE TABLE others (id INT PRIMARY KEY)`) // P does not move with it
	for id := range 8 {
		p.exec(fmt.Sprintf(`INSERT INTO others VALUES (%d)`, id))
	}
	back := func(i, domain int) { // a session of its own
		conn, err := p.user.Conn(context.WithoutCancel(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for _, q := range []string{fmt.Sprintf(`SET SESSION gtid_domain_id = %d, gtid_seq_no = %d`, domain, int(recorded)+3-i), fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'back')`, 11+10*i), `SET SESSION gtid_domain_id = 0`} {
			if _, err := conn.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, domain := range []int{0, 0, 7, 7} {
		p.exec(`INSERT INTO orders VALUES (` + strconv.Itoa(10+10*i) + `, 'in order')`)
		back(i, domain)
		s, unseen := p.source()
		t.Log(i, unseen)
		got := p.record(s)
		if len(unseen) == 0 && !strings.Contains(got, strconv.Itoa(11+10*i)) {
			t.Errorf("%d: recorded %q, and nothing is said to be unseen", domain, got)
		}
		p.exec(`INSERT INTO orders VALUES (` + strconv.Itoa(12+10*i) + `, 'then')`)
		if got := p.record(s); !strings.Contains(got, "+"+strconv.Itoa(12+10*i)) {
			t.Errorf("%d: then recorded %q", domain, got)
		}
		_ = s.Close()
	}
}
