package log

import (
	"strings"
	"testing"
)

// TestEachSettingThatIsMissingIsTold with its statement, and what only helps is no must.
func TestEachSettingThatIsMissingIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mariaDB bool
		set     string // NAME=value, beyond what is right
		want    string // abouts; with ! those that must be
	}{
		"all there":          {true, "", ""},
		"all there on MySQL": {false, "gtid_mode=ON", ""},
		"no log":             {true, "log_bin=OFF binlog_format=MIXED", "!log_bin"},
		"no id":              {true, "server_id=0", "!server_id"},
		"MIXED":              {true, "binlog_format=MIXED", "!binlog_format"},
		"minimal images":     {false, "gtid_mode=ON binlog_row_image=MINIMAL", "!binlog_row_image"},
		"no duplicates":      {true, "binlog_row_image=FULL_NODUP", ""},
		"no GTIDs":           {false, "gtid_mode=OFF_PERMISSIVE", "!gtid_mode"},
		"Galera":             {true, "wsrep_on=ON", "!wsrep_on"},
		"a log in InnoDB":    {true, "binlog_storage_engine=innodb", "!binlog_storage_engine"},
		"no names":           {true, "binlog_row_metadata=NO_LOG", "binlog_row_metadata"},
		"soon purged":        {true, "binlog_expire_logs_seconds=3600", "binlog_expire_logs_seconds"},
		"kept for ever":      {true, "binlog_expire_logs_seconds=0", ""},
		"no syncs":           {true, "sync_binlog=0", "sync_binlog"},
		"encrypted":          {false, "gtid_mode=ON binlog_encryption=ON", ""},
	} {
		v := map[string]string{}
		for s := range strings.FieldsSeq("log_bin=ON server_id=1 binlog_format=ROW binlog_row_image=FULL binlog_row_metadata=FULL sync_binlog=1 " + c.set) {
			variable, value, _ := strings.Cut(s, "=")
			v[variable] = value
		}
		var got []string
		for _, n := range judge(c.mariaDB, v) {
			about := n.About
			if n.Must {
				about = "!" + about
			}
			if n.What == "" || n.Do == "" {
				t.Errorf("%s: %+v", name, n)
			}
			got = append(got, about)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}
