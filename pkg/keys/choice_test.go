package keys_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Two kinds, each with its own definitions under the same name.
const (
	airtable = `{"$id": "airtable", "title": "an Airtable base", "type": "object", "required": ["type", "base"],
		"$defs": {"name": {"title": "a base", "type": "string", "pattern": "^app"}},
		"properties": {
			"type": {"type": "string", "enum": ["airtable"], "description": "Kind."},
			"base": {"$ref": "#/$defs/name", "description": "Base of the tables. It begins with app."},
			"token": {"type": ["string", "object"], "writeOnly": true, "description": "Token.", "required": ["file"],
				"properties": {"file": {"type": "string", "description": "File of the token."}}},
			"share": {"type": "number", "minimum": 0.25, "maximum": 1, "default": 0.5, "description": "Part of the limit."},
			"mergeOn": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3, "description": "Fields."}
		}}`
	mongo = `{"$id": "mongo", "title": "a MongoDB", "type": "object", "required": ["type"],
		"$defs": {"name": {"title": "a database", "type": "string", "pattern": "^[a-z]+$"}},
		"properties": {
			"type": {"type": "string", "enum": ["mongodb", "mongo"], "description": "Kind."},
			"uri": {"type": "string", "writeOnly": true, "description": "Where it is."},
			"database": {"$ref": "#/$defs/name", "description": "Name."}
		}}`
	whole = `{"type": "object", "properties": {
		"destinations": {"type": "object", "additionalProperties": {"$ref": "#/$defs/destination"}, "description": "Where rows go."},
		"jobs": {"type": "object", "additionalProperties": true, "description": "Checked by what they go to."}
	}}`
)

func schema(t *testing.T) *keys.Schema {
	t.Helper()
	kinds, err := keys.OneOf("type", []byte(airtable), []byte(mongo))
	if err != nil {
		t.Fatal(err)
	}
	text, err := keys.Define([]byte(whole), "destination", kinds)
	if err != nil {
		t.Fatal(err)
	}
	s, err := keys.Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

// read reads a file with the schema, and returns the warnings too.
func read(t *testing.T, name, text string, environ ...string) (any, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := keys.New(keys.Source{Path: path, Environ: environ, Manual: "docs/connector.md"})
	s := schema(t)
	given, err := c.Read(s)
	if err != nil {
		t.Fatal(err)
	}
	if given == nil {
		return nil, strings.ReplaceAll(c.Mistakes().Error(), path, name)
	}
	return c.Check("", s, given), c.Mistakes().Error()
}

func TestTheTypeOfABlockChoosesItsSchema(t *testing.T) {
	t.Parallel()
	got, mistakes := read(t, "c.yml", `
destinations:
  crm: {type: airtable, base: appX, token: "${TOKEN}"}
  lake: {type: "${KIND}", uri: mongodb://h, database: reports}
jobs: {orders: {to: "${RAW}"}}
`, "TOKEN=s3cret", "KIND=mongodb")
	want := map[string]any{
		"destinations": map[string]any{
			"crm":  map[string]any{"type": "airtable", "base": "appX", "token": "s3cret", "share": 0.5},
			"lake": map[string]any{"type": "mongodb", "uri": "mongodb://h", "database": "reports"},
		},
		"jobs": map[string]any{"orders": map[string]any{"to": "${RAW}"}}, // to be checked and expanded by another schema
	}
	if mistakes != "" || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\n%s", got, mistakes)
	}
}

func TestMistakesInABlockWithAType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`:                         "destinations.x.type: is missing: one of airtable, mongodb, mongo",
		`{type: airtabel}`:           `destinations.x.type: "airtabel" is not one of airtable, mongodb, mongo; did you mean "airtable"?`,
		`{type: kafka}`:              `destinations.x.type: "kafka" is not one of airtable, mongodb, mongo`,
		`{type: 5}`:                  "destinations.x.type: is not a string: write one of airtable, mongodb, mongo",
		`{type: "${NOPE}"}`:          "destinations.x.type: refers to NOPE, which is not set in the environment",
		`airtable`:                   "destinations.x: a string is not a block of keys",
		`{type: airtable}`:           "destinations.x.base: is missing: base of the tables",
		`{type: mongo, base: x}`:     "destinations.x.base: unknown key in destinations.x; remove it",
		`{type: mongo, datbase: x}`:  `destinations.x.datbase: unknown key in destinations.x; did you mean "database"?`,
		`{type: mongo, database: X}`: `destinations.x.database: "X" is not a database`,
		`{type: airtable, base: X}`:  `destinations.x.base: "X" is not a base`,
		`{type: airtable, base: appX, share: 0.1}`:            "destinations.x.share: 0.1 is less than 0.25",
		`{type: airtable, base: appX, share: .nan}`:           "destinations.x.share: NaN is not a number",
		`{type: airtable, base: appX, share: "2"}`:            `destinations.x.share: "2" is greater than 1`,
		`{type: airtable, base: appX, mergeOn: []}`:           "destinations.x.mergeOn: lists 0; at least 1 are needed",
		`{type: airtable, base: appX, mergeOn: [a, b, c, d]}`: "destinations.x.mergeOn: lists 4; at most 3 are taken",
	} {
		if _, got := read(t, "c.yaml", "destinations: {x: "+text+"}"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", text, got, want)
		}
	}
	if _, got := read(t, "c.json", `[]`); got != "c.json: is not an object of keys and values; see docs/connector.md" {
		t.Error(got)
	}
}

// A schema that a Checker cannot use is refused when it is read, not when it is used.
func TestUnusableSchemasAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"type": "object", "anyOf": []}`: `unknown field "anyOf"`,
		`{"$ref": "#/$defs/x"}`:           "#/$defs/x is not there",
		`{"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {}}}`:                                            "#/$defs/x is a reference itself",
		`{"properties": {"a": {"$defs": {}}}, "$defs": {}}`:                                                                "no $id",
		`{"type": "object", "discriminator": {"propertyName": "type"}, "oneOf": [{}]}`:                                     `no enum for the key "type"`,
		`{"discriminator": {"propertyName": "type"}, "oneOf": [` + mongo + `]}`:                                            "oneOf is of objects",
		`{"type": "object", "discriminator": {"propertyName": "type"}, "oneOf": [` + mongo + `, ` + mongo + `]}`:           `two kinds are named "mongodb"`,
		`{"type": "object", "properties": {"a": {}}, "discriminator": {"propertyName": "type"}, "oneOf": [` + mongo + `]}`: "belong into each kind",
	} {
		if _, err := keys.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// The composed text is a schema that others can use: definitions are resolved by their $id.
func TestAComposedSchemaKeepsItsParts(t *testing.T) {
	t.Parallel()
	kinds, err := keys.OneOf("type", []byte(airtable))
	if err != nil {
		t.Fatal(err)
	}
	text, err := keys.Define([]byte(`{"$defs": {"destination": {}, "other": {"type": "string"}}, "properties": {"z": {}, "a": {}}}`), "destination", kinds)
	if err != nil {
		t.Fatal(err)
	}
	s, err := keys.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if s.Properties[0].Name != "z" || !s.Defs["other"].Is("string") || len(s.Defs["destination"].OneOf) != 1 || s.Defs["destination"].OneOf[0].ID != "airtable" {
		t.Errorf("got %s", text)
	}
	if _, err := keys.Define([]byte(`{`), "x", nil); err == nil {
		t.Error("invalid JSON was accepted")
	}
}

func TestShownValuesContainNoSecret(t *testing.T) {
	t.Parallel()
	var given map[string]any
	if err := json.Unmarshal([]byte(`{
		"destinations": {
			"a": {"type": "airtable", "base": "appX", "token": "hunter2", "tokn": "hunter2", "mergeOn": ["Order"], "share": 0.5},
			"b": {"type": "airtable", "base": "u:hunter2@h", "token": {"file": "a.secret"}},
			"c": {"type": "airtable", "base": "https://u:hunter2@h/?k=hunter2", "token": "${TOKEN}"},
			"d": {"type": "mongo", "uri": "mongodb://u:hunter2@h", "database": ["hunter2"]},
			"e": {"type": "unknown", "x": {"password": "hunter2", "pin": 31415}},
			"f": "hunter2@h"
		},
		"jobs": {"j": {"x": ["hunter2", 31415, true]}}, "z": "hunter2"
	}`), &given); err != nil {
		t.Fatal(err)
	}
	shown := schema(t).Redact(given)
	got := fmt.Sprint(shown)
	if strings.Contains(got, "hunter2") || strings.Contains(got, "31415") {
		t.Errorf("a secret is in %s", got)
	}
	for _, harmless := range []string{"appX", "airtable", "a.secret", "${TOKEN}", "[Order]", "0.5", "true"} {
		if !strings.Contains(got, harmless) {
			t.Errorf("%s is not in %s", harmless, got)
		}
	}
}
