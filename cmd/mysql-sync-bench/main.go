// Command mysql-sync-bench measures two real nodes, and compares them with MariaDB's own
// replication, and with what else people would pick, on the same machine with the same settings. It
// starts its own servers, prints a Markdown table, and writes all figures of all rounds to a JSON
// file. It leaves no process and no temporary folder behind. The exit code is 0 if everything could
// be measured, whatever the result.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// program is a function in the shape that testkit.Main runs.
type program func() int

// Run calls the function and returns the exit code.
func (p program) Run() int { return p() }

func main() {
	var s settings
	only := flag.String("run", "", "only measurements and curves whose names match this regular expression")
	file := flag.String("json", "bench.json", "file to write all figures to")
	picture := flag.String("draw", "", "draw this file's figures as SVG on standard output instead of measuring")
	flag.IntVar(&s.Rounds, "rounds", 3, "how many times to take each measurement; the table shows medians")
	flag.BoolVar(&s.Quick, "quick", false, "a tenth of the rows and of the time")
	flag.BoolVar(&s.Curves, "curves", false, "also the cost as work grows: backlog, table, remotes, transformers")
	flag.BoolVar(&s.Long, "long", false, "with -curves, up to 10,000,000 rows and 50 remotes")
	flag.BoolVar(&s.Binlog, "binlog", true, "whether our servers write a binary log, as native replication requires")
	flag.StringVar(&s.Broker, "broker", "mosquitto", "the broker between our nodes: mosquitto, bridged (two Mosquittos), nats (a cluster of three servers) or embedded (in a third node)")
	flag.IntVar(&s.Flush, "flush", 1, "innodb_flush_log_at_trx_commit of all servers, ours and native; 1 is MariaDB's default, 2 survives no power cut")
	flag.StringVar(&s.Capture, "capture", "trigger", "how our nodes capture, where a measurement does not say it: trigger, or log, which needs -binlog")
	sizes := flag.String("sizes", "", "with -curves, numbers of sites for the curves of sites and nodes, separated by commas, instead of their own")
	flag.IntVar(&s.Pace, "pace", 0, "how many sites of the curve of sites start in a second; 0: all at once")
	flag.StringVar(&s.Sides, "sides", "", "of the measurements side by side, only those ways to replicate whose names match this regular expression")
	flag.StringVar(&s.Program, "program", "", "measure this file, a mysql-sync that was built before, instead of building it: another version, with the same measurements")
	flag.Parse()
	chosen, err := regexp.Compile(*only)
	if err == nil {
		_, err = regexp.Compile(s.Sides)
	}
	if err == nil {
		s.Sizes, err = numbers(*sizes)
	}
	if err == nil && s.Capture != "trigger" && (s.Capture != "log" || !s.Binlog) {
		err = fmt.Errorf("-capture %s is neither trigger, nor log with a binary log", s.Capture)
	}
	if err != nil || flag.NArg() > 0 || s.Rounds < 1 {
		fmt.Fprintln(os.Stderr, "mysql-sync-bench: -run and -sides must be regular expressions, -sizes numbers, -rounds must be at least 1, and arguments are not allowed:", err)
		os.Exit(2)
	}
	if *picture != "" {
		os.Exit(drawFile(*picture))
	}
	signal.Ignore(syscall.SIGPIPE) // including the services that it plays; the table is printed at the end
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(testkit.Main(program(func() int { return run(ctx, s, chosen, *file) })))
}

// run takes the chosen measures and returns the exit code. The file is written after each measure,
// so that an interrupted run keeps its results.
func run(ctx context.Context, s settings, chosen *regexp.Regexp, file string) int {
	r := report{Settings: s, Machine: machine(), Versions: map[string]string{}}
	r.begin()
	if s.Program != "" {
		testkit.Use(s.Program)
	}
	if r.Machine.Load > 0.5 {
		note("the machine is busy (a load of %.1f before the run): its figures are not comparable", r.Machine.Load)
	}
	code := 0
	check := func(what string, err error) {
		if err != nil {
			note("%s: %v", what, err)
			code = 1
		}
	}
	for _, m := range measures {
		if !chosen.MatchString(m.name) || ctx.Err() != nil {
			continue
		}
		res, err := m.take(ctx, s, r.Versions)
		check(m.name, err)
		r.Measures = append(r.Measures, res)
		check("write "+file, r.write(file))
	}
	for _, m := range besides {
		if !chosen.MatchString(m.name) || ctx.Err() != nil {
			continue
		}
		res, err := m.run(ctx, s, r.Versions)
		check(m.name, err)
		r.Besides = append(r.Besides, res)
		check("write "+file, r.write(file))
	}
	for _, c := range curves {
		if !s.Curves || !chosen.MatchString(c.name) || ctx.Err() != nil {
			continue
		}
		res, err := c.take(ctx, s, r.Versions)
		check(c.name, err)
		r.Curves = append(r.Curves, res)
		check("write "+file, r.write(file))
	}
	fmt.Print(r.table())
	return code
}

// note prints something outside the table.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
