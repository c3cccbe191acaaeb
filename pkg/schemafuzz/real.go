package schemafuzz

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

// Real is a realistic schema with rows, and with what users of two sites do without getting in each other's way.
type Real struct {
	Name   string
	Tables []string    // statements that make the tables
	Local  []string    // tables that are not synced
	Rows   []string    // what the first site has before the nodes start
	Work   [2][]string // what users of each site do then
}

//go:embed real/*.sql
var realFiles embed.FS

// Reals are all of them.
func Reals() []Real {
	return []Real{fromFile("sakila", "film_text"), fromFile("employees"), fromFile("names"), shop(240)}
}

// fromFile reads one of the files; its parts have headings: tables, rows, and what happens at each site.
func fromFile(name string, local ...string) Real {
	text, err := realFiles.ReadFile("real/" + name + ".sql")
	if err != nil {
		panic(err) // it is part of the program
	}
	r, part := Real{Name: name, Local: local}, ""
	parts := map[string]*[]string{"tables": &r.Tables, "rows": &r.Rows, "at one site": &r.Work[0], "at the other": &r.Work[1]}
	var statement []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "-- "); ok {
			part = heading
			continue
		}
		if line == "" {
			continue
		}
		statement = append(statement, line)
		if last, ok := strings.CutSuffix(line, ";"); ok {
			statement[len(statement)-1] = last
			*parts[part] = append(*parts[part], series(strings.Join(statement, "\n")))
			statement = nil
		}
	}
	return r
}

var many = regexp.MustCompile(`\{(\d+)\}`)

// series replaces {n} by a table of the numbers i from 1 to n.
func series(statement string) string {
	return many.ReplaceAllString(statement,
		"(SELECT a.i * 1000 + b.i * 100 + c.i * 10 + d.i + 1 AS i FROM "+digits+" a, "+digits+" b, "+digits+" c, "+digits+" d ORDER BY i LIMIT $1) series")
}

// synced returns the tables that the nodes sync, in the order of their creation.
func (r Real) synced() []string {
	name := regexp.MustCompile("^CREATE TABLE (\\w+|`(?:[^`]|``)+`)")
	var list []string
	for _, q := range r.Tables {
		m := name.FindStringSubmatch(q)
		if m == nil {
			continue
		}
		table := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(m[1], "`"), "`"), "``", "`")
		if !strings.Contains(" "+strings.Join(r.Local, " ")+" ", " "+table+" ") {
			list = append(list, table)
		}
	}
	return list
}

// shop is the schema of a web shop: hundreds of tables, most of which hold attribute values of one
// type for the entities of another table.
func shop(tables int) Real {
	r := Real{Name: fmt.Sprintf("shop of %d tables", tables)}
	r.Tables = append(r.Tables,
		"CREATE TABLE shop_store (store_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY, code VARCHAR(32) NOT NULL UNIQUE)",
		"CREATE TABLE shop_attribute (attribute_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY, code VARCHAR(64) NOT NULL UNIQUE)")
	r.Rows = append(r.Rows, series("INSERT INTO shop_store SELECT i, CONCAT('store ', i) FROM {3}"),
		series("INSERT INTO shop_attribute SELECT i, CONCAT('attribute ', i) FROM {4}"))
	types := []string{"INT", "VARCHAR(255)", "DECIMAL(20,6)", "TEXT", "DATETIME"}
	for number := 0; len(r.Tables) < tables; number++ {
		entity := fmt.Sprintf("shop_entity_%d", number)
		r.Tables = append(r.Tables, "CREATE TABLE "+entity+` (
			entity_id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, parent_id INT UNSIGNED NULL, sku VARCHAR(64) NOT NULL,
			updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, UNIQUE KEY (sku),
			FOREIGN KEY (parent_id) REFERENCES `+entity+` (entity_id) ON DELETE CASCADE)`)
		r.Rows = append(r.Rows, series("INSERT INTO "+entity+" (entity_id, parent_id, sku) SELECT i, IF(i > 4, i - 4, NULL), CONCAT('sku ', i) FROM {8}"))
		// An entity's values go with it.
		r.Work[number%2] = append(r.Work[number%2], "DELETE FROM "+entity+" WHERE entity_id = 2", "UPDATE "+entity+" SET sku = 'other' WHERE entity_id = 3",
			"UPDATE "+entity+" SET sku = 'sku 3' WHERE entity_id = 7", "UPDATE "+entity+" SET sku = 'sku 7' WHERE entity_id = 3")
		for _, t := range types {
			if len(r.Tables) == tables {
				break
			}
			values := fmt.Sprintf("%s_%s", entity, strings.ToLower(strings.Split(t, "(")[0]))
			r.Tables = append(r.Tables, "CREATE TABLE "+values+` (
				value_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, attribute_id SMALLINT UNSIGNED NOT NULL, store_id SMALLINT UNSIGNED NOT NULL,
				entity_id INT UNSIGNED NOT NULL, value `+t+` NULL, UNIQUE KEY (entity_id, attribute_id, store_id),
				FOREIGN KEY (attribute_id) REFERENCES shop_attribute (attribute_id) ON DELETE CASCADE,
				FOREIGN KEY (store_id) REFERENCES shop_store (store_id) ON DELETE CASCADE,
				FOREIGN KEY (entity_id) REFERENCES `+entity+` (entity_id) ON DELETE CASCADE)`)
			value := "i"
			if t == "DATETIME" {
				value = "'2024-01-01' + INTERVAL i DAY"
			}
			r.Rows = append(r.Rows, series("INSERT INTO "+values+" SELECT i, i % 4 + 1, i % 3 + 1, i % 8 + 1, "+value+" FROM {24}"))
			r.Work[number%2] = append(r.Work[number%2], "UPDATE "+values+" SET value = NULL WHERE entity_id = 5")
		}
	}
	r.Work[0] = append(r.Work[0], "DELETE FROM shop_attribute WHERE attribute_id = 4")
	return r
}
