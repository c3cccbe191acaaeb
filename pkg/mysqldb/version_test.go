package mysqldb

import (
	"strings"
	"testing"
)

func TestServersWithValuesRowSyntax(t *testing.T) {
	for version, want := range map[string]string{
		"10.11.19-MariaDB-0+deb12u1": "(", "11.8.9-MariaDB": "(", "10.3.39-MariaDB": "(", "10.2.44-MariaDB": "",
		"9.7.4-2": "ROW(", "8.4.0": "ROW(", "8.0.19": "ROW(", "8.0.36-28": "ROW(", "8.0.18": "", "8.0.4-rc": "", "5.7.44-log": "",
	} {
		db := &DB{Version: version, MariaDB: strings.Contains(version, "MariaDB")}
		if got := db.RowValue(); got != want {
			t.Errorf("%s: a row begins with %q, want %q", version, got, want)
		}
	}
}
