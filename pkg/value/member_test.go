package value_test

import (
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestMembersAreReadFromTheType(t *testing.T) {
	for of, want := range map[string][]string{
		"enum('a','b')":               {"a", "b"},
		"enum('')":                    {""},
		"set('it''s','''','a,b','ü')": {"it's", "'", "a,b", "ü"},
		"enum('','x'')','y')":         {"", "x')", "y"},
		"int(11)":                     nil,
	} {
		if got := value.Members(of); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", of, got, want)
		}
	}
}

func TestNumberedValuesMatchTheServer(t *testing.T) {
	enum := &value.Column{Name: "e", DataType: "enum", Kind: value.Text, Members: []string{"z", "Ant", "m"}}
	set := &value.Column{Name: "s", DataType: "set", Kind: value.Text, Members: []string{"z", "Ant", "m"}}
	empty := &value.Column{Name: "e", DataType: "enum", Kind: value.Text, Members: []string{"z", ""}}
	for _, c := range []struct {
		column *value.Column
		stored string
		number any // nil: not a value of the column
		part   string
	}{
		{enum, "z", uint64(1), "z"},
		{enum, "m", uint64(3), "m"},
		{enum, "ANT", uint64(2), "Ant"},
		{enum, "", uint64(0), ""}, // the error value
		{enum, "bee", nil, "bee"},
		{empty, "", uint64(2), ""},
		{set, "", uint64(0), ""},
		{set, "m,z", uint64(5), "z,m"},
		{set, "z,ant,m", uint64(7), "z,Ant,m"},
		{set, "z,bee", nil, "z,bee"},
	} {
		if got := c.column.Operand([]byte(c.stored)); got != c.number {
			t.Errorf("%s %q: number %v, want %v", c.column.DataType, c.stored, got, c.number)
		}
		if got, err := c.column.KeyPart([]byte(c.stored)); err != nil || string(got) != c.part {
			t.Errorf("%s %q: key part %q, %v, want %q", c.column.DataType, c.stored, got, err, c.part)
		}
	}
}
