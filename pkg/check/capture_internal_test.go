package check

import (
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
)

// TestWhatTheLogLacksKeepsOnlyALogFromWorking: with auto the triggers are used.
func TestWhatTheLogLacksKeepsOnlyALogFromWorking(t *testing.T) {
	t.Parallel()
	must, helps := choice.Need{About: "server_id", What: "it is 0", Do: "SET GLOBAL server_id = 1;", Must: true}, choice.Need{About: "sync_binlog", What: "it is 0", Do: "SET GLOBAL sync_binlog = 1;"}
	for name, c := range map[string]struct {
		how     string
		needs   []choice.Need
		fromLog bool
		want    string // levels
	}{
		"log":                  {config.CaptureLog, nil, true, "right"},
		"log, helped by more":  {config.CaptureLog, []choice.Need{helps}, true, "warning right"},
		"log, lacking":         {config.CaptureLog, []choice.Need{must, helps}, true, "mistake warning"},
		"auto":                 {config.CaptureAuto, nil, true, "right"},
		"auto, helped by more": {config.CaptureAuto, []choice.Need{helps}, true, "warning right"},
		"auto, lacking":        {config.CaptureAuto, []choice.Need{must}, false, "warning right"},
	} {
		f := &finding.List{}
		if got := judgeCapture(f, c.how, c.needs); got != c.fromLog {
			t.Errorf("%s: from the log: %v", name, got)
		}
		var levels []string
		for i, x := range f.Found {
			levels = append(levels, string(x.Level))
			if i < len(c.needs) && x.Do != c.needs[i].Do {
				t.Errorf("%s: %+v", name, x)
			}
		}
		if got := strings.Join(levels, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestNothingIsSaidOfTriggersThatAreNotNeeded when writes are read from the log.
func TestNothingIsSaidOfTriggersThatAreNotNeeded(t *testing.T) {
	t.Parallel()
	said := func(fromLog bool) (abouts []string) {
		f := &finding.List{}
		judgeTableLocks(f, &server{mariaDB: true}, fromLog)
		judgeDefiners(f, &catalogue{}, "sync@localhost", !fromLog)
		for _, x := range f.Found {
			abouts = append(abouts, x.About)
		}
		return abouts
	}
	if got := said(false); !slices.Equal(got, []string{"LOCK TABLES", "triggers"}) {
		t.Errorf("with triggers: %v", got)
	}
	if got := said(true); len(got) > 0 {
		t.Errorf("from the log: %v", got)
	}
}
