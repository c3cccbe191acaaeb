package main

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// sidesReport has what three sides took in two measures.
func sidesReport() *report {
	return &report{Besides: []besideResult{
		{Name: "side by side: catch-up", Columns: []column{{"catch-up, rows/s", []string{"rate", "flow"}}, {"memory, MiB", []string{"MiB"}}}, Sides: []sideResult{
			{Name: "mysql-sync, triggers", Samples: []sample{{Figures: map[string]float64{"rate": 2000, "flow": 2500, "MiB": 80}},
				{Figures: map[string]float64{"rate": 4000, "flow": 4500, "MiB": 90}}}},
			{Name: "MariaDB's own replication", Samples: []sample{{Figures: map[string]float64{"rate": 1500, "flow": 1600, "MiB": 0}}}},
			{Name: "Debezium", Missing: "java & mvn are not installed"},
		}},
		{Name: "side by side: latency", Columns: []column{{"p50 / p99, ms", []string{"p50", "p99"}}}, Sides: []sideResult{
			{Name: "MariaDB's own replication", Samples: []sample{{Figures: map[string]float64{"p50": 1, "p99": 2}}}},
		}},
		{Name: "side by side: writers", Columns: []column{{"writers ÷ without", []string{"share"}}}, Sides: []sideResult{
			{Name: unlogged, Samples: []sample{figure("share", 1.5)}},
			{Name: "mysql-sync, triggers", Samples: []sample{figure("share", 0.5)}},
		}},
	}}
}

func TestSidesAreRowsAndMeasuresAreColumns(t *testing.T) {
	t.Parallel()
	table := sidesReport().table()
	for _, want := range []string{
		"| | catch-up, rows/s | memory, MiB | p50 / p99, ms | writers ÷ without |\n|---|--:|--:|--:|--:|\n",
		"| mysql-sync, triggers | 3,000 / 3,500 | 85.0 | – | 0.50 |\n",
		"| MariaDB's own replication | 1,500 / 1,600 | 0.00 | 1.00 / 2.00 | – |\n",
		"| Debezium | – | – | – | – |\n",
		"| no binary log, no replication | – | – | – | 1.50 |\n",
		"Not measured: Debezium: java & mvn are not installed.\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	if empty := (&report{}).sideBySide(); empty != "" {
		t.Errorf("a report without sides has a table of them: %q", empty)
	}
}

func TestPictureHasABarForEachSide(t *testing.T) {
	t.Parallel()
	picture := draw(sidesReport())
	wellFormed(t, picture)
	for _, want := range []string{`width="300.0" height="10" class="ours"`, `width="150.0" height="10" class="native"`, ">3,000<", ">1.00 / 2.00<",
		"not measured: java &amp; mvn are not installed", ">others<"} {
		if !strings.Contains(picture, want) {
			t.Errorf("the picture lacks %s:\n%s", want, picture)
		}
	}
	if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") {
		t.Errorf("the picture has an invalid coordinate:\n%s", picture)
	}
}

func TestASideThatIsNotChosenIsLeftOut(t *testing.T) {
	t.Parallel()
	taken := 0
	m := beside{name: "nothing", columns: []column{{"figure", []string{"figure"}}}, all: func(_ *bench, present []side) map[string]sample {
		taken++
		if len(present) != 1 || present[0].name != "MariaDB's own replication" {
			t.Errorf("the present sides are %v", present)
		}
		return map[string]sample{present[0].name: figure("figure", 7)}
	}}
	got, err := m.run(t.Context(), settings{Rounds: 2, Sides: "^MariaDB"}, nil)
	if err != nil || taken != 2 || len(got.Sides) != 1 || len(got.Sides[0].Samples) != 2 {
		t.Errorf("the result is %+v, %v, of %d rounds", got, err, taken)
	}
}

func TestOnlyTheTunedDebeziumIsTuned(t *testing.T) {
	t.Parallel()
	from, to := &testkit.Database{Host: "127.0.0.1", Port: 3307, User: "a", Password: "b"}, &testkit.Database{Host: "127.0.0.1", Port: 3308}
	for _, tuned := range []bool{false, true} {
		c := debezium(from, to, 12, tuned)
		source, sink := c["source"].(map[string]string), c["sink"].(map[string]string)
		if source["database.port"] != "3307" || source["database.server.id"] != "12" || !strings.HasPrefix(sink["connection.url"], "jdbc:mariadb://127.0.0.1:3308/bench") {
			t.Errorf("the servers are not those asked for: %v", c)
		}
		if _, is := source["poll.interval.ms"]; is != tuned {
			t.Errorf("tuned is %v, and the settings of the source are %v", tuned, source)
		}
		if _, is := sink["batch.size"]; is != tuned {
			t.Errorf("tuned is %v, and the settings of the sink are %v", tuned, sink)
		}
	}
}
