package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/command"
)

// A person sees all mistakes at once, whoever finds them: the schema, the plan, an adapter, a script. Promise 11.
func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, content := range map[string]string{"broken.js": "module.exports = (", "connector.yaml": `sources:
  shop: {type: mysql, user: reader, database: shop, ca: none.pem}
  till: {type: mysql, user: reader, database: till, prot: 3306}
  files: {type: sqlite, database: files.db}
  safe: {type: mysql, host: "http://db.example.com", user: reader, database: safe}
  desk: {type: postgres, host: "db.example.com:5432", user: reader, database: desk}
destinations:
  lake: {type: postgres, user: writer, database: lake, ca: none.pem}
  hook: {type: webhook, url: "ftp://example.com"}
  copy: {type: sqlite, database: copy.db}
jobs:
  one:
    from: {source: files, table: a, query: SELECT 1, key: id}
    to:
      - {destination: copy, table: a, transform: none.js}
      - {destination: copy, table: b, transform: broken.js}
      - {destination: cpoy, table: c}
    schedule: {cron: "61 * * * *"}
  two:
    from: {source: till, table: a, key: id}
    to: {destination: copy, table: d, transform: none.js}
  three:
    from: {source: files, table: a, key: id, watermark: w, full: "0 0 * * 9"}
    to: {destination: lake, table: e, mode: update}
  four:
    from: {source: files, table: a}
    to: {destination: copy, table: e, mode: update}
alerts:
  slack: {url: "no address"}
backup:
  s3: {endpoint: s3.example.com, bucket: prod-backup, caFile: none.pem}
  key: "{id}"
http: {listen: "0.0.0.0:8485"}
`} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(folder, "connector.yaml")
	for _, words := range [][]string{{"check", file}, {"start", file, "--once"}, {"start", file, "--test"}} {
		said, err := execute(t, words...)
		if command.ExitCode(err) != 2 {
			t.Errorf("%v ended with %v", words, err)
		}
		said += text(err)
		for _, want := range []string{
			":2: sources.shop.ca:",
			":3: sources.till.prot:",
			`:5: sources.safe.host: "http://db.example.com" is not a host name`,
			`:6: sources.desk.host: "db.example.com:5432" is not a host name`,
			":8: destinations.lake.ca:",
			":9: destinations.hook.url:",
			":13: jobs.one.from.table:",
			":15: jobs.one.to[0].transform:",
			":16: jobs.one.to[1].transform:",
			":17: jobs.one.to[2].destination:",
			":18: jobs.one.schedule.cron:",
			":21: jobs.two.to[0].transform:",
			":23: jobs.three.from.full:",
			":27: jobs.four.to.mode:",
			":29: alerts.slack.url:",
			":31: backup.s3.caFile:",
			":33: http.listen:",
		} {
			number, rest, _ := strings.Cut(want, ": ")
			key, text, _ := strings.Cut(rest, ":")
			n := strings.Count(said, want)
			if words[0] == "check" { // the key stands before it, once
				n = len(regexp.MustCompile(`(?m)^  ✗ `+regexp.QuoteMeta(key)+` +[^ ]+`+number+`:`+regexp.QuoteMeta(text)).FindAllString(said, -1))
			}
			if n != 1 {
				t.Errorf("%s says %d times %q:\n%s", words[0], n, want, said)
			}
		}
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 2 {
		t.Errorf("something was written: %v, %v", left, err)
	}
}
