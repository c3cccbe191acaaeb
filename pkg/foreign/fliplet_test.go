package foreign

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/diff"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

func TestF01TheOriginalsSampleWorksUnchanged(t *testing.T) {
	text, err := os.ReadFile("testdata/sample.yml")
	if err != nil {
		t.Fatal(err)
	}
	p, warnings, err := Fliplet("sample.yml", text)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, %q", err, warnings)
	}
	j := p.Jobs[0]
	if j.Schedule.Cron != "*/15 * * * *" || !j.Schedule.OnStart || p.Once {
		t.Errorf("schedule %+v, once %v", j.Schedule, p.Once)
	}
	if j.From.Rows.Key[0] != "id" || j.From.Rows.Deleted != "deletedAt" || !strings.HasPrefix(j.From.Rows.Query, "SELECT id") {
		t.Errorf("source %+v", j.From.Rows)
	}
	leg := j.To[0]
	if leg.Mode != job.ModeUpdate || leg.Compare != (diff.Compare{Rule: diff.Different, Column: "updatedAt"}) || leg.Settings["dataSource"] != 123 {
		t.Errorf("destination %+v", leg)
	}
	if s := p.Destinations["fliplet"].Settings.String(); strings.Contains(s, "123456789") {
		t.Errorf("the token is visible: %s", s)
	}
}

func TestF21AllMistakesAreReported(t *testing.T) {
	text := `
auth_token: eu--1
database_driver: oracle
database_name: x
query: SELECT 1
mode: mirror
run_hooks: [insert, delete]
timestamp_column: updatedAt
database_native_odbc: true
batch_size: -1
frequency: "61 * * * *"
`
	_, _, err := Fliplet("sample.yml", []byte(text))
	mistakes, ok := errors.AsType[keys.Mistakes](err)
	if !ok {
		t.Fatalf("accepted: %v", err)
	}
	want := `sample.yml: datasource_id: is missing: it stands in Fliplet Studio, in the settings of the data source
sample.yml:3: database_driver: "oracle" is not one of mysql, postgres, sqlite, mssql
sample.yml:6: mode: "mirror" is not one of update, replace
sample.yml:7: run_hooks: "delete" is not one of insert, update
sample.yml:8: timestamp_column: needs primary_column, which identifies rows at Fliplet
sample.yml:9: database_native_odbc: ODBC is not supported; remove the key: the connector connects to SQL Server directly
sample.yml:10: batch_size: -1 is less than 1
sample.yml:11: frequency: `
	if got := mistakes.Located(); !strings.HasPrefix(got, want) {
		t.Errorf("got mistakes\n%s\nwant\n%s", got, want)
	}
}

func TestF01UnreadableTextIsReportedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"auth_token: s3cret\ndatabase_drivers: s3cret\n":  `sample.yml:2: database_drivers: unknown key; did you mean "database_driver"?`,
		"auth_token: eu--1\nauth_token: s3cret\n":         "sample.yml:2: auth_token: is there twice; remove one",
		"query: x\ndatasource_id: s3cret\n":               "sample.yml:2: datasource_id: is not a whole number",
		"query: x\nauth_token: [s3cret]\nmerge: s3cret\n": "sample.yml:2: auth_token: is not a text as it stands; put it in quotes\nsample.yml:3: merge: is not true or false",
		"query: x\ndatasource_id: 123.9\n":                "sample.yml:2: datasource_id: is not a whole number",
		"query: x\n---\nmode: replace\n":                  "sample.yml: has a second document",
		"auth_token: *s3cret\n":                           "sample.yml: yaml: ",
		"auth_token: !s3cret\n":                           "sample.yml:1: auth_token: is not a text as it stands; put it in quotes",
		"auth_token: &s3cret\n":                           "sample.yml:1: auth_token: is not a text as it stands; put it in quotes",
		"auth_token: #s3cret\n":                           "sample.yml:1: auth_token: is not a text as it stands; put it in quotes",
		"auth_token: !!int s3cret\n":                      "sample.yml: ",
		"auth_token: [":                                   "sample.yml: yaml: ",
		"- s3cret\n":                                      "sample.yml: must consist of keys and values",
		"":                                                "sample.yml: auth_token: is missing",
	} {
		_, _, err := Fliplet("sample.yml", []byte(text))
		mistakes, ok := errors.AsType[keys.Mistakes](err)
		if !ok || !strings.Contains(mistakes.Located(), want) || strings.Contains(mistakes.Located(), "s3cret") {
			t.Errorf("%q: %v, want %s", text, mistakes.Located(), want)
		}
	}
}

func TestANumericPasswordIsAString(t *testing.T) {
	p, _, err := Fliplet("sample.yml", []byte("auth_token: eu--1\ndatasource_id: 1\ndatabase_driver: mysql\ndatabase_name: x\nquery: SELECT 1\ndatabase_password: 007\n"))
	if err != nil || p.Sources["database"].Settings["password"] != "007" {
		t.Errorf("%v", err)
	}
}

func TestF07WithoutAKeyEachRunAppends(t *testing.T) {
	p, warnings, err := Fliplet("sample.yml", []byte("auth_token: eu--1\ndatasource_id: 1\ndatabase_driver: mysql\ndatabase_name: x\nquery: SELECT 1\n"))
	if err != nil || len(warnings) != 1 || p.Jobs[0].To[0].Mode != job.ModeAppend || !p.Once {
		t.Errorf("%v, %q, %+v", err, warnings, p)
	}
}
