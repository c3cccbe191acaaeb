package receive_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-sync/mysql-sync/pkg/receive"
)

// A client's answer is only about its own row, whatever the error contains.
func TestErrorsSentToClients(t *testing.T) {
	server := func(number uint16, text string) error {
		return fmt.Errorf("write orders: %w", &mysql.MySQLError{Number: number, Message: text})
	}
	for name, x := range map[string]struct {
		err  error
		want string
	}{
		"the row's column":           {server(1406, "Data too long for column 'name' at row 1"), "write orders: Error 1406: Data too long for column 'name' at row 1"},
		"a trigger's own message":    {server(1644, "closed on sundays"), "write orders: Error 1644: closed on sundays"},
		"a statement":                {server(1064, "near '(7, 'a secret'), (8'"), "the database there answers with error 1064; see the log there"},
		"another table":              {server(1146, "Table 'shop.vault' doesn't exist"), "the database there answers with error 1146; see the log there"},
		"a packet":                   {server(1153, "Got a packet bigger than 'max_allowed_packet' bytes"), "the row is larger than the database there accepts: raise max_allowed_packet there"},
		"a long value":               {server(1105, "Parameter of prepared statement which is set through mysql_send_long_data() is longer than 'max_allowed_packet' bytes"), "the row is larger than the database there accepts: raise max_allowed_packet there"},
		"another unknown error":      {server(1105, "of 'a secret'"), "the database there answers with error 1105; see the log there"},
		"a lock":                     {server(1205, "Lock wait timeout exceeded"), "the database there cannot be reached now"},
		"the database's address":     {&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("10.1.2.3:3306: refused")}, "the database there cannot be reached now"},
		"a bug in this program":      {fmt.Errorf("%w: index out of range of 'a secret'", receive.ErrPanic), "internal error"},
		"a check by this program":    {errors.New(`table orders has no column "x" that can be written`), `table orders has no column "x" that can be written`},
		"a message that is too long": {errors.New(strings.Repeat("x", 5000)), strings.Repeat("x", 999) + "…"},
	} {
		if got := receive.Told(x.err); got != x.want {
			t.Errorf("%s: got %q, want %q", name, got, x.want)
		}
	}
	if got := receive.ToldOfMade(server(1406, "Data too long for column 'name' at row 1")); strings.Contains(got, "name") {
		t.Errorf("for a transformer's value the client gets %q", got)
	}
}
