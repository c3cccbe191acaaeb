package simulation_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/simulation"
)

var (
	seed  = flag.Uint64("seed", 0, "run the simulation of this seed alone, and tell what happens in it")
	seeds = flag.Uint64("seeds", 300, "run the simulations of so many seeds, from 1 on")
)

// TestSimulation runs a network for each seed. Promises 1 to 4. One that breaks
// is run again by "go test ./pkg/simulation -run Simulation -seed N".
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		report(t, *seed, simulation.Run(*seed, simulation.Options{Trace: os.Stdout, Resyncs: os.Getenv("RESYNCS") != ""}))
		return
	}
	for s := range *seeds {
		report(t, s+1, simulation.Run(s+1, simulation.Options{}))
	}
}

func report(t *testing.T, seed uint64, r simulation.Report) {
	t.Helper()
	for _, b := range r.Broken {
		t.Errorf("seed %d, %s of %d nodes, %d writes: %s", seed, r.Shape, r.Nodes, r.Writes, b)
	}
}

// TestLog has all nodes capture from the logs of their servers. Promises 1 to 4.
func TestLog(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		report(t, *seed, simulation.Run(*seed, simulation.Options{Log: true, Trace: os.Stdout}))
		return
	}
	for s := range *seeds {
		report(t, s+1, simulation.Run(s+1, simulation.Options{Log: true}))
	}
	for _, s := range []uint64{
		17977, // a row comes under the version of a delete while the decision over that is committed
		6809,  // a COMMIT that was not answered moves P while another transaction does
		3539,  // a user inserts a row while that a delete of it loses to another delete is committed
	} {
		report(t, s, simulation.Run(s, simulation.Options{Log: true}))
	}
}

// TestTurns has each node's remotes catch up one at a time. Promises 1 to 5.
func TestTurns(t *testing.T) {
	t.Parallel()
	for s := range *seeds / 2 {
		report(t, s+1, simulation.Run(s+1, simulation.Options{Turns: true}))
	}
}

// TestResyncs has remotes sent all rows anew while all else goes on. Promises 1 to 4.
func TestResyncs(t *testing.T) {
	t.Parallel()
	for s := range *seeds / 2 {
		report(t, s+1, simulation.Run(s+1, simulation.Options{Resyncs: true}))
	}
	report(t, 671, simulation.Run(671, simulation.Options{Resyncs: true})) // a row that is deleted before its latch
}

// TestRoutes has a hub and its stores write, while rows, children, lookup table and routes change who has what.
func TestRoutes(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		report(t, *seed, simulation.Run(*seed, simulation.Options{Routes: true, Trace: os.Stdout}))
		return
	}
	for s := range *seeds {
		report(t, s+1, simulation.Run(s+1, simulation.Options{Routes: true}))
		report(t, s+1, simulation.Run(s+1, simulation.Options{Routes: true, Full: true}))
	}
	for _, s := range []uint64{
		25184,   // a killed hub whose clock is set back
		34839,   // a row is taken away that was deleted, in an order that nobody knows
		1029422, // a lookup table whose new copy was stored or not
		36598,   // a lookup table that changes while a row is recorded
		24270,   // a row that was deleted before its table's route changed is inserted again
	} {
		report(t, s, simulation.Run(s, simulation.Options{Routes: true}))
	}
}

// TestHostileStores has one of the stores answer nothing, and write rows that it does not have.
func TestHostileStores(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		report(t, *seed, simulation.Run(*seed, simulation.Options{Routes: true, Hostile: true, Trace: os.Stdout}))
		return
	}
	for s := range *seeds / 2 {
		report(t, s+1, simulation.Run(s+1, simulation.Options{Routes: true, Hostile: true}))
	}
}

// TestRelays has a hub, relays that route what they have to those below them, and stores write, while all of that changes who has what.
func TestRelays(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		report(t, *seed, simulation.Run(*seed, simulation.Options{Routes: true, Relays: true, Trace: os.Stdout}))
		return
	}
	for s := range *seeds / 2 {
		report(t, s+1, simulation.Run(s+1, simulation.Options{Routes: true, Relays: true}))
		report(t, s+1, simulation.Run(s+1, simulation.Options{Routes: true, Relays: true, Full: true}))
	}
	for _, s := range []uint64{
		7462,  // a row is deleted at a relay, and the delete by a store below comes later
		26840, // a row comes back to a relay in a version of the store below
		37386, // a row is taken away from a relay before it is marked for a remote that has lost it by another route
		10464, // the same, just as the relay has labelled the table by that route
	} {
		report(t, s, simulation.Run(s, simulation.Options{Routes: true, Relays: true}))
	}
}

// TestMerges has all nodes merge rows by their columns, and count; in some networks tables are sent as a whole, or repaired. Promises 1 to 4.
func TestMerges(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		report(t, *seed, simulation.Run(*seed, simulation.Options{Merges: true, Resyncs: *seed%2 == 0, Repair: *seed%3 == 0, Trace: os.Stdout}))
		return
	}
	for s := range *seeds / 2 {
		report(t, s+1, simulation.Run(s+1, simulation.Options{Merges: true, Resyncs: s%2 == 1, Repair: s%3 == 2}))
	}
}

// rare are mistakes that need a rare run, or of which some runs go round for seconds before they fail, and from which seed
// on one is looked for: near a short one that is known to be.
var rare = map[simulation.Mistake]uint64{
	simulation.DecideBeforeLock: 314, simulation.LockOnce: 90, simulation.AckBeforeCommit: 29, simulation.RowBeforeVersion: 72, simulation.IgnoreDoubt: 841,
	simulation.NoFenceAtStart: 2317, simulation.SettleLater: 1099, simulation.NeverSettle: 322, simulation.BookLastAcked: 1274, simulation.AnswerEarlier: 1420, simulation.ForgetKept: 2506,
	simulation.AckReading: 92, simulation.StopClock: 1252, simulation.RepairOne: 3570, simulation.RepairMoved: 1184, simulation.ResyncDeleted: 466, simulation.ResyncOne: 28, simulation.CaptureByLastID: 76,
	simulation.DecideByArrival: 2, simulation.LaterKnowsAll: 1, simulation.PassOnKnown: 7, simulation.ReadPastOpen: 12, simulation.ForgetPlaces: 19,
	simulation.DropRefused: 14, simulation.NeverRetry: 8, simulation.ForgetParents: 12, simulation.ShortPage: 9,
	simulation.ForgetChildren: 17, simulation.KeepCameFrom: 19, simulation.RefusedIsDone: 29,
	simulation.WithdrawNews: 20, simulation.ForgetTokens: 72, simulation.ForgetWithdrawn: 3591, simulation.KeepChildren: 247, simulation.OverlookLookups: 29, simulation.ForgetUnheard: 9,
	simulation.LogAskCommitted: 42, simulation.LogRecordRead: 211, simulation.LogTrustXA: 1319, simulation.LogTrustPrepared: 46,
	simulation.LogPassPrepared: 51, simulation.LogMoveToRead: 51, simulation.LogSettleEarly: 1478, simulation.LogMoveApart: 60, simulation.LogForgetDone: 100_210, simulation.LogWaitForRecorded: 5,
	simulation.ForgetCounted: 6, simulation.JudgeByLast: 52, simulation.SendUnlabelled: 1228, simulation.ForgetAway: 17088, simulation.SendUnseen: 308, simulation.RepeatNumbers: 23257,
}

// resyncs are mistakes that are met where tables are sent as a whole.
var resyncs = map[simulation.Mistake]bool{simulation.ResyncOne: true, simulation.ResyncDeleted: true, simulation.SettleLater: true}

// repairs are mistakes that are met where restored backups are repaired.
var repairs = map[simulation.Mistake]bool{simulation.RepairOne: true, simulation.RepairMoved: true}

// routed are mistakes that are met where a hub routes rows.
var routed = map[simulation.Mistake]bool{simulation.WithdrawNews: true, simulation.ForgetTokens: true, simulation.ForgetWithdrawn: true,
	simulation.KeepMoved: true, simulation.KeepAuthors: true, simulation.KeepChildren: true, simulation.OverlookLookups: true, simulation.ForgetUnheard: true,
	simulation.JudgeByLast: true, simulation.SendUnlabelled: true, simulation.ForgetAway: true, simulation.SendUnseen: true, simulation.RepeatNumbers: true}

// merging are mistakes that are met where rows are merged.
var merging = map[simulation.Mistake]bool{simulation.CountByVersion: true, simulation.CountAsOne: true, simulation.ForgetCounted: true, simulation.CountAgain: true,
	simulation.ForgetMerged: true, simulation.RecordBackwards: true, simulation.TakeNumber: true, simulation.CountSettings: true}

// hostile are mistakes that are met where a store is hostile.
var hostile = map[simulation.Mistake]bool{simulation.AnyMarkWrites: true}

// relayed are mistakes that are met where relays route what they have.
var relayed = map[simulation.Mistake]bool{simulation.KeepBelow: true, simulation.GiveBackFirst: true}

// logged are mistakes that are met where the log captures.
func logged(m simulation.Mistake) bool {
	return m >= simulation.LogAskCommitted && m <= simulation.LogOverwrite
}

// TestMistakesAreNoticed runs the model with each mistake until a promise
// breaks: the simulation would notice it in the real code.
func TestMistakesAreNoticed(t *testing.T) {
	t.Parallel()
	for name, mistake := range map[string]simulation.Mistake{
		"what arrives is written":                                     simulation.DecideByArrival,
		"versions of deleted rows are forgotten":                      simulation.NoTombstones,
		"versions know nothing but themselves":                        simulation.NoVectors,
		"a later version is taken to know all":                        simulation.LaterKnowsAll,
		"a local write has the time of the clock":                     simulation.NoLogicalClock,
		"apply overlooks what is not captured":                        simulation.IgnorePending,
		"apply decides before it locks":                               simulation.DecideBeforeLock,
		"a row that comes while apply looks is not locked":            simulation.LockOnce,
		"an ack goes out before the commit":                           simulation.AckBeforeCommit,
		"rows are read before their versions":                         simulation.RowBeforeVersion,
		"captured changes are dropped before they are recorded":       simulation.CaptureThenRecord,
		"capture goes by the last id":                                 simulation.CaptureByLastID,
		"nothing is passed on":                                        simulation.NoPassOn,
		"what is known is passed on":                                  simulation.PassOnKnown,
		"senders read past open transactions":                         simulation.ReadPastOpen,
		"a COMMIT without an answer counts as ended":                  simulation.IgnoreDoubt,
		"a new process does not wait for the last one's transactions": simulation.NoFenceAtStart,
		"positions begin before what remotes have acked":              simulation.ForgetPlaces,
		"a row that is changed again keeps its position":              simulation.KeepPosition,
		"a version made here is not sent to where another came from":  simulation.KeepCameFrom,
		"the last position acked is booked":                           simulation.BookLastAcked,
		"a sender does not go back when a connection is lost":         simulation.StayAtLoss,
		"what is refused is not marked":                               simulation.DropRefused,
		"what is not answered is not marked":                          simulation.DropUnanswered,
		"what waits is not tried again":                               simulation.NeverRetry,
		"an ack takes a mark that was made later":                     simulation.SettleLater,
		"a row that is refused is taken for done":                     simulation.RefusedIsDone,
		"an answer to an earlier process books":                       simulation.AnswerEarlier,
		"what a remote does not take yet is not remembered":           simulation.ForgetKept,
		"what is read of a table is taken for acked":                  simulation.AckReading,
		"a row that a transformer holds back goes out":                simulation.ShowPrivate,
		"what a row refers to is taken to be there":                   simulation.ForgetParents,
		"a row goes though others refer to it":                        simulation.ForgetChildren,
		"nobody is asked about rows that hold a change up":            simulation.NeverSettle,
		"a resync gives rows versions that were deleted":              simulation.ResyncDeleted,
		"one remote alone hears of a resync":                          simulation.ResyncOne,
		"a page of a table is short, though more rows follow":         simulation.ShortPage,
		"all changes of version 1 have one date":                      simulation.StopClock,
		"one remote alone hears of a repair":                          simulation.RepairOne,
		"a repair does not see that a row has moved on":               simulation.RepairMoved,
		"a row is given back before its news are heard":               simulation.WithdrawNews,
		"it is forgotten what was last said of who has a row":         simulation.ForgetTokens,
		"a late word takes a row back":                                simulation.ForgetWithdrawn,
		"a row that moves is not taken from those that had it":        simulation.KeepMoved,
		"a row is not taken from its author":                          simulation.KeepAuthors,
		"rows do not follow their parents":                            simulation.KeepChildren,
		"a change of the lookup table is overlooked":                  simulation.OverlookLookups,
		"who has not heard of a loss may not write":                   simulation.ForgetUnheard,
		"whoever a row is marked for may write it":                    simulation.AnyMarkWrites,
		"rows go to whom they were last recorded to be for":           simulation.JudgeByLast,
		"rows go out before it is known who has them":                 simulation.SendUnlabelled,
		"it is forgotten that a deleted row is another's":             simulation.ForgetAway,
		"a row that is being written is sent":                         simulation.SendUnseen,
		"a relay does not have its remotes give a row back":           simulation.KeepBelow,
		"a relay gives a row back before its remotes have":            simulation.GiveBackFirst,
		"a process hands out numbers once more":                       simulation.RepeatNumbers,
		"counters are taken from the row whose version wins":          simulation.CountByVersion,
		"all nodes count under one name":                              simulation.CountAsOne,
		"apply forgets what was counted":                              simulation.ForgetCounted,
		"what apply has counted is captured":                          simulation.CountAgain,
		"losers of merged rows are not kept":                          simulation.ForgetMerged,
		"writes are captured in the wrong order":                      simulation.RecordBackwards,
		"the number that came with a row is taken":                    simulation.TakeNumber,
		"what a counter is set to is added":                           simulation.CountSettings,
		"senders do not hear of what apply puts into the stream":      simulation.RememberAll,
		"the log is read as far as it has committed":                  simulation.LogAskCommitted,
		"it is asked how far the log is before the lock":              simulation.LogAskBeforeLock,
		"apply does not wait until the log is read":                   simulation.LogNoWait,
		"apply looks at what was read, and then waits":                simulation.LogDecideFirst,
		"apply waits until what was read is recorded":                 simulation.LogWaitForRecorded,
		"what is read is recorded before it is seen":                  simulation.LogRecordRead,
		"XA COMMIT is taken to be seen at once":                       simulation.LogTrustXA,
		"what is prepared is taken to have committed":                 simulation.LogTrustPrepared,
		"a restart reads after what is prepared":                      simulation.LogPassPrepared,
		"the log's place is not written with the versions":            simulation.LogMoveApart,
		"a restart reads after what was not recorded":                 simulation.LogMoveToRead,
		"apply settles before its commit":                             simulation.LogSettleEarly,
		"what apply writes is taken for a user's":                     simulation.LogForgetOwn,
		"the log does not say what is done":                           simulation.LogForgetDone,
		"some write with sql_log_bin=0":                               simulation.LogNotLogged,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for s := rare[mistake]; s < rare[mistake]+5000; s++ {
				o := simulation.Options{Mistake: mistake, Resyncs: resyncs[mistake], Restores: repairs[mistake], Repair: repairs[mistake], Routes: routed[mistake] || relayed[mistake] || hostile[mistake], Hostile: hostile[mistake], Relays: relayed[mistake], Merges: merging[mistake], Log: logged(mistake)}
				if told := noticed(s+1, o); told != "" {
					o.Mistake = simulation.NoMistake
					if noticed(s+1, o) != "" {
						continue // it is not the mistake that shows
					}
					t.Logf("seed %d: %s", s+1, told)
					return
				}
			}
			t.Error("no seed notices it")
		})
	}
}

// noticed returns what a run shows to be broken; empty if nothing is.
func noticed(seed uint64, o simulation.Options) string {
	r := simulation.Run(seed, o)
	if len(r.Broken) == 0 {
		return ""
	}
	return r.Broken[0]
}

// TestTheSeedDecides replays a run: the same events, to the letter.
func TestTheSeedDecides(t *testing.T) {
	t.Parallel()
	for _, log := range []bool{false, true} {
		var first, second bytes.Buffer
		simulation.Run(3, simulation.Options{Log: log, Trace: &first})
		simulation.Run(3, simulation.Options{Log: log, Trace: &second})
		if first.Len() == 0 || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("two runs of a seed differ: %d and %d bytes of trace", first.Len(), second.Len())
		}
	}
}

// TestRestoredBackups sets nodes back to old backups of their databases. Nothing
// circulates even then, and a repair makes all networks equal. What a node wrote
// and what it kept of conflicts since the backup is gone from it; that much the
// report does not count as lost. All else is kept.
func TestRestoredBackups(t *testing.T) {
	t.Parallel()
	const networks = 250
	differing, versions, lost, undone, writes := 0, 0, 0, 0, 0
	check := func(seed uint64) {
		r := simulation.Run(seed, simulation.Options{Restores: true, Repair: true})
		for _, b := range r.Broken {
			if strings.Contains(b, "were sent") || strings.Contains(b, "promise 2") {
				t.Errorf("seed %d: %s", seed, b)
			}
		}
		switch {
		case r.Differing > 0:
			differing++
		case r.Versions > 0:
			versions++
		}
		lost, undone, writes = lost+r.Lost, undone+r.Undone, writes+r.Writes
	}
	for s := range uint64(networks) {
		check(s + 1)
	}
	check(7733) // a repair whose version two nodes alone learnt of
	t.Logf("of %d networks %d differ after the repair, %d in versions alone; of %d writes %d went with the backups, %d others", networks, differing, versions, writes, undone, lost)
	if differing > 0 || lost > 0 {
		t.Errorf("of %d networks %d differ after the repair, and %d writes are lost", networks, differing, lost)
	}
}
