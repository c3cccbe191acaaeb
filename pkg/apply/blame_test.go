package apply

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestAnErrorWithoutAColumnNamesTheLikelyOne(t *testing.T) {
	columns := []value.Column{{Name: "id", Kind: value.Integer}, {Name: "at", Kind: value.Geometry}, {Name: "area", Kind: value.Geometry},
		{Name: "notes", Kind: value.JSON}}
	names := []string{"id", "at", "area", "notes"}
	server := func(number uint16, text string) error {
		return fmt.Errorf("write places: %w", &mysql.MySQLError{Number: number, Message: text})
	}
	for _, x := range []struct {
		rule   string
		err    error
		values string // columns with a value
		want   string // the beginning of the text
	}{
		{"one geometry", server(1416, "Cannot get geometry object"), "id at", "column at: write places"},
		{"two geometries", server(1416, "Cannot get geometry object"), "id at area", "one of the columns at, area: write"},
		{"no geometry has a value", server(1416, "Cannot get geometry object"), "id notes", "write places"},
		{"the server names it", server(3140, "Invalid JSON text: in value for column 'places.notes'."), "id notes", "write places"},
		{"the server names no column", server(3140, "Invalid JSON text"), "id notes", "column notes: write places"},
		{"an error about no value", server(1205, "Lock wait timeout"), "id at", "write places"},
		{"an error of our own", errors.New("write places: no"), "id at", "write places"},
	} {
		values := make([][]byte, len(names))
		for i, name := range names {
			if strings.Contains(" "+x.values+" ", " "+name+" ") {
				values[i] = []byte("1")
			}
		}
		in := &Incoming{Change: change.Change{Columns: names, Values: values}}
		if got := blame(columns, in, x.err); !strings.HasPrefix(got.Error(), x.want) || !errors.Is(got, x.err) {
			t.Errorf("%s: %v", x.rule, got)
		}
	}
}
