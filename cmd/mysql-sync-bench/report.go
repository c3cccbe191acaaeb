package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// report is the result of a run.
type report struct {
	Date     time.Time         `json:"date"`
	Revision string            `json:"revision"` // git revision of the source
	Settings settings          `json:"settings"`
	Machine  host              `json:"machine"`
	Versions map[string]string `json:"versions"`
	Servers  []string          `json:"servers"` // flags of all database servers
	Data     string            `json:"data"`    // the parent of all data directories
	Measures []result          `json:"measures,omitempty"`
	Besides  []besideResult    `json:"besides,omitempty"`
	Curves   []curveResult     `json:"curves,omitempty"`
}

// result is the result of a measure.
type result struct {
	Name   string   `json:"name"`
	Title  string   `json:"title"`
	Aim    string   `json:"aim"`
	Floor  string   `json:"floor"`
	Show   []string `json:"show"`
	Unit   string   `json:"unit"`
	Ours   []sample `json:"ours"`
	Native []sample `json:"native,omitempty"`
}

// begin records the time and the subject of the report.
func (r *report) begin() {
	r.Date, r.Servers, r.Data = time.Now().UTC().Truncate(time.Second), serverFlags, os.TempDir()
	if said, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		r.Revision = strings.TrimSpace(string(said))
	}
}

// write puts the report into a file, as JSON.
func (r *report) write(file string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// readReport reads what write wrote.
func readReport(file string) (*report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("decode %s: %w", file, err)
	}
	return r, nil
}

// table is the report as Markdown.
func (r *report) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d cores, %d MiB, %s; %s; revision %s", r.Machine.CPU, r.Machine.Cores, r.Machine.Memory, r.Machine.Kernel,
		r.Date.Format(time.DateOnly), r.Revision)
	for _, name := range []string{"MariaDB", "Mosquitto", "Go"} {
		if v := r.Versions[name]; v != "" {
			fmt.Fprintf(&b, "; %s %s", name, v)
		}
	}
	fmt.Fprintf(&b, "; innodb_flush_log_at_trx_commit=%d, data in %s; medians of %d", r.Settings.Flush, r.Data, r.Settings.Rounds)
	if r.Settings.Program != "" {
		fmt.Fprintf(&b, "; ours is %s", r.Settings.Program)
	}
	if r.Settings.Broker != "mosquitto" {
		fmt.Fprintf(&b, "; broker: %s", r.Settings.Broker)
	}
	if r.Settings.Capture == "log" {
		b.WriteString("; ours with capture: log")
	}
	if !r.Settings.Binlog {
		b.WriteString("; ours without a binary log")
	}
	if r.Machine.Load > 0.5 {
		fmt.Fprintf(&b, "; on a busy machine, with a load of %.1f before the run: not for comparison", r.Machine.Load)
	}
	if r.Settings.Quick {
		b.WriteString("; quick, a tenth of the rows and of the time: not for comparison")
	}
	b.WriteString("\n\n")
	if len(r.Measures) > 0 {
		b.WriteString("| measure | aim | floor | ours | native | ours ÷ native |\n|---|--:|--:|--:|--:|--:|\n")
	}
	for _, m := range r.Measures {
		b.WriteString(m.row() + "\n")
	}
	b.WriteString(r.sideBySide())
	for _, c := range r.Curves {
		b.WriteString("\n" + c.table())
	}
	return b.String()
}

// row is the result as a row of the table.
func (r *result) row() string {
	ours, native, ratio := "–", "–", "–"
	if len(r.Ours) > 0 {
		ours = strings.TrimSpace(shown(r.Show, medians(r.Ours)) + " " + r.Unit)
	}
	if len(r.Native) > 0 {
		native = strings.TrimSpace(shown(r.Show, medians(r.Native)) + " " + r.Unit)
		ratio = readable(r.ratio()) + "×"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", r.Title, r.Aim, r.Floor, ours, native, ratio)
}

// ratio is ours ÷ native, of the medians of the first figure.
func (r *result) ratio() float64 {
	return medians(r.Ours)[r.Show[0]] / medians(r.Native)[r.Show[0]]
}
