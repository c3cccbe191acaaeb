package schemafuzz

import (
	"fmt"
	"strings"
)

// DDL returns the statements that make the tables.
func (s *Schema) DDL() []string {
	var list []string
	for _, t := range s.Tables {
		list = append(list, t.ddl())
	}
	for _, t := range s.Tables {
		for _, f := range t.ForeignKeys {
			if f.Late {
				list = append(list, "ALTER TABLE "+t.Name+" ADD "+f.ddl(t))
			}
		}
	}
	return list
}

func (t *Table) ddl() string {
	var lines []string
	for _, c := range t.Columns {
		line := c.Name + " " + c.Type.sql
		if !c.Null {
			line += " NOT NULL"
		} else if !strings.HasSuffix(line, " NULL") {
			line += " NULL" // not the default for TIMESTAMP
		}
		lines = append(lines, line)
	}
	lines = append(lines, "n INT NOT NULL", "tok VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL")
	if t.Generated != "" {
		lines = append(lines, t.Generated)
	}
	lines = append(lines, "PRIMARY KEY ("+t.list(t.Key)+")")
	for i, u := range t.Uniques {
		lines = append(lines, fmt.Sprintf("UNIQUE KEY u%d (%s)", i, t.list(u)))
	}
	for _, f := range t.ForeignKeys {
		if !f.Late {
			lines = append(lines, f.ddl(t))
		}
	}
	return "CREATE TABLE " + t.Name + " (\n  " + strings.Join(lines, ",\n  ") + "\n) ENGINE=InnoDB"
}

func (f ForeignKey) ddl(t *Table) string {
	return fmt.Sprintf("CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s) ON DELETE %s ON UPDATE %s",
		f.Name, t.list(f.Columns), f.Parent.Name, f.Parent.list(f.Parent.Key), f.OnDelete, f.OnUpdate)
}

// list returns the names of columns, separated by commas.
func (t *Table) list(places []int) string {
	var names []string
	for _, at := range places {
		names = append(names, t.Columns[at].Name)
	}
	return strings.Join(names, ", ")
}
