package deploy_test

import (
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// metrics returns the labels of each metric in docs/metrics.md, and its kind.
func metrics(t *testing.T) (labels map[string][]string, kinds map[string]string) {
	t.Helper()
	labels, kinds = map[string][]string{}, map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `(mysql_sync_\\w+)` \\| (\\w+) \\|([^|]*)\\|")
	for _, found := range row.FindAllStringSubmatch(read(t, "../docs/metrics.md"), -1) {
		name, kind := found[1], found[2]
		list := strings.FieldsFunc(found[3], func(r rune) bool { return strings.ContainsRune(" `,", r) })
		labels[name], kinds[name] = list, kind
		if kind == "histogram" {
			labels[name+"_bucket"], kinds[name+"_bucket"] = append(list, "le"), kind
		}
	}
	if len(labels) < 10 {
		t.Fatalf("docs/metrics.md lists only %d metrics", len(labels))
	}
	// Metrics of libraries, as far as they are used here.
	for _, name := range []string{"process_resident_memory_bytes", "process_cpu_seconds_total", "up"} {
		labels[name] = nil
	}
	return labels, kinds
}

var (
	strung    = regexp.MustCompile(`"[^"]*"`)
	selector  = regexp.MustCompile(`([a-z_:][a-z0-9_:]*)\{([^}]*)\}`)
	mentioned = regexp.MustCompile(`\b(?:mysql_sync|process)_\w+`)
	grouped   = regexp.MustCompile(`\b(?:by|on|without|ignoring)\s*\(([^)]*)\)`)
	counted   = regexp.MustCompile(`(\w+)\(\s*(mysql_sync_\w+)`)
	worded    = regexp.MustCompile(`\w+`)
	shown     = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}`)
	scrape    = []string{"job", "instance"} // labels that Prometheus adds
)

// check compares an expression, and the texts that name its labels, with docs/metrics.md.
func check(t *testing.T, expression string, texts ...string) {
	t.Helper()
	labels, kinds := metrics(t)
	bare := strung.ReplaceAllString(expression, `""`)
	known := map[string]bool{}
	for _, name := range mentioned.FindAllString(bare, -1) {
		list, ok := labels[name]
		if !ok {
			t.Errorf("%s is not in docs/metrics.md: %s", name, expression)
		}
		for _, l := range slices.Concat(list, scrape) {
			known[l] = true
		}
	}
	for _, found := range selector.FindAllStringSubmatch(bare, -1) {
		for _, label := range worded.FindAllString(found[2], -1) {
			if !slices.Contains(slices.Concat(labels[found[1]], scrape), label) {
				t.Errorf("%s has no label %s: %s", found[1], label, expression)
			}
		}
	}
	for _, found := range grouped.FindAllStringSubmatch(bare, -1) {
		for _, label := range worded.FindAllString(found[1], -1) {
			if !known[label] && label != "instance" && label != "job" {
				t.Errorf("there is no label %s: %s", label, expression)
			}
		}
	}
	for _, found := range counted.FindAllStringSubmatch(bare, -1) {
		if rate := slices.Contains([]string{"rate", "increase"}, found[1]); rate && kinds[found[2]] == "gauge" {
			t.Errorf("%s applied to %s, which is a gauge: %s", found[1], found[2], expression)
		}
	}
	for _, text := range texts {
		for _, found := range shown.FindAllStringSubmatch(text, -1) {
			if !known[found[1]] && !slices.Contains(scrape, found[1]) {
				t.Errorf("%q shows the label %s, which %s lacks", text, found[1], expression)
			}
		}
	}
}

// dashboard is the checked part of a Grafana dashboard.
type dashboard struct {
	Panels []struct {
		Title, Description, Type string
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Annotations struct {
		List []struct{ Expr, TitleFormat string }
	}
}

func TestTheDashboardShowsExistingMetrics(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana/mysql-sync.json")), &d); err != nil {
		t.Fatal(err)
	}
	expressions := map[string]string{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s overlaps %s, or is outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("%s has no description or no query", p.Title)
		}
		for _, q := range p.Targets {
			check(t, q.Expr, q.LegendFormat)
			expressions[q.Expr] = p.Title
		}
	}
	for _, a := range d.Annotations.List {
		check(t, a.Expr, a.TitleFormat)
		expressions[a.Expr] = "annotations"
	}
	variables := regexp.MustCompile(`\$(\w+)`)
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			check(t, v.Definition)
		}
	}
	// Prometheus' own parser reads each expression once the variables have values.
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for i, expression := range slices.Sorted(maps.Keys(expressions)) {
		for _, used := range variables.FindAllStringSubmatch(expression, -1) {
			if used[1] != "__rate_interval" && !slices.ContainsFunc(d.Templating.List, func(v struct{ Name, Type, Definition string }) bool { return v.Name == used[1] }) {
				t.Errorf("%s: there is no variable %s", expressions[expression], used[1])
			}
		}
		expression = variables.ReplaceAllString(strings.ReplaceAll(expression, "$__rate_interval", "5m"), ".*")
		quoted, err := json.Marshal(expression)
		if err != nil {
			t.Fatal(err)
		}
		rules.WriteString("      - {record: dashboard:x" + strings.Repeat("x", i) + ", expr: " + string(quoted) + "}\n")
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	write(t, file, rules.String(), 0o600)
	run(t, promtool(t), "check", "rules", file)
}

func TestAlertsFireWhenTheyShould(t *testing.T) {
	tried := read(t, "prometheus/alerts_test.yaml")
	for _, g := range documents(t, "prometheus/alerts.yaml")[0]["groups"].([]any) {
		for _, r := range g.(map[string]any)["rules"].([]any) {
			rule := r.(map[string]any)
			name := rule["alert"].(string)
			a := rule["annotations"].(map[string]any)
			check(t, rule["expr"].(string), a["summary"].(string), a["description"].(string))
			if !regexp.MustCompile(`alertname: ` + name + `\n\s+exp_alerts`).MatchString(tried) {
				t.Errorf("alerts_test.yaml does not test that %s fires", name)
			}
		}
	}
	run(t, promtool(t), "check", "rules", "prometheus/alerts.yaml")
	run(t, promtool(t), "test", "rules", "prometheus/alerts_test.yaml")
}

func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatalf("%v; scripts/install-deps.sh installs it", err)
	}
	return path
}
