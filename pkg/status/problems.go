package status

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/profile"
)

// Thresholds beyond which something is a problem.
const (
	clockMost    = time.Minute      // by which a peer's clock may be ahead, or behind
	recentError  = 10 * time.Minute // since a transformer failed
	firstSign    = 30 * time.Second // after the broker was reached, until silence of a remote means something
	problemsMost = 100
)

// problems lists what needs attention, most serious first. unreadable is why the node's own
// tables cannot be read; nil if they can. It is pure.
func problems(s *State, l *Live, unreadable error) []string {
	t := &l.Trouble
	var list []string
	add := func(format string, args ...any) {
		if len(list) < problemsMost {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	if !s.Database.Online {
		add("T%s.", strings.TrimPrefix(away{s.Database}.Error(), "t"))
	} else if unreadable != nil {
		add("The node's own tables cannot be read: %v.", unreadable)
	}
	if said := brokerProblem(s.Broker); said != "" {
		add("T%s.", strings.TrimPrefix(said, "t"))
	}
	if t.Unkept != "" && s.Broker.Online {
		add("T%s. The node announces itself to each new node.", strings.TrimPrefix(t.Unkept, "t"))
	}
	if t.Capture != nil && s.Database.Online {
		add("Local writes are not captured: %v.", t.Capture)
	}
	if t.Tables != nil && s.Database.Online {
		add("The tables and their triggers cannot be inspected, so writes may go uncaptured: %v.", t.Tables)
	}
	for _, d := range t.Denied {
		add("The effects of the foreign key %s when a row of %s is deleted or changes its key are not captured: %s the node's user, then restart the node.", d.ForeignKey, d.Parent, d.Grant)
	}
	if s.SetBack != nil {
		add("The database may lack rows that the remotes have, because it was restored from a backup or queueDirectory was lost (noticed %s): mysql-sync verify --repair fetches them; this message stays until a comparison finds all tables equal.", moment(*s.SetBack))
	}
	if s.Uncaptured.AtLeast {
		add("%d changes or more wait to be captured: the database is slow, or the write load is very high.", s.Uncaptured.Rows)
	}
	ledProblems(s, add)
	for _, site := range t.Asking {
		add("The site %s (%s) asks to join. If it shows the same characters, let it in with mysql-sync sites --accept, else --dismiss it.", site.Site, site.Words)
	}
	for _, x := range t.Stuck {
		add("%d received %s of %s cannot be written since %s: %s. All other rows go on; these follow by themselves.", x.Rows, number(x.Rows, "row", "rows"), x.Table, moment(x.Since), x.Why)
	}
	for _, x := range t.Held {
		add("%s cannot be read since %s: %s. Rows of all other tables are sent; these follow by themselves.", x.Table, moment(x.Since), x.Why)
	}
	for _, table := range t.Unarmed {
		add("The triggers of %s cannot be created because the table or a parent is locked: its writes are not captured until then, and are sent afterwards.", table)
	}
	for i := range s.Remotes {
		remoteProblems(&s.Remotes[i], s, l.Clients[s.Remotes[i].Name], add)
	}
	for _, x := range s.Transformers {
		if x.LastAt != nil && s.Now.Sub(*x.LastAt) < recentError {
			add("The transformer %s failed on row %.80s of %s at %s: %s.", x.File, x.LastRow, x.Table, moment(*x.LastAt), x.Last)
		}
	}
	for _, x := range t.Triggers {
		add("A trigger changes rows of %s as they are received: column %s, %d %s since the start. They differ from those of the other nodes; applySession can switch it off.",
			x.Table, x.Column, x.Count, number(int64(x.Count), "value", "values"))
	}
	for _, table := range slices.Sorted(maps.Keys(t.Vanished)) {
		add("Rows of %s vanished without firing a trigger, as with TRUNCATE (noticed %s): they stay at the remotes until they are deleted there; resync there, or verify --repair, brings them back.", table, moment(t.Vanished[table]))
	}
	for _, table := range slices.Sorted(maps.Keys(t.Unseen)) {
		add("Writes to %s may have been missed while the node was down (noticed %s): its rows were sent, but no deletes; mysql-sync verify shows the differences.", table, moment(t.Unseen[table]))
	}
	for _, c := range s.Verified {
		if c.Error == "" && c.Differs > 0 && !l.Paused.Holds(c.Remote, c.Table) {
			add("%s differs from that of %s in %d %s (%s): mysql-sync verify --repair sends %s.", c.Table, c.Remote, c.Differs,
				number(c.Differs, "row", "rows"), moment(c.At), number(c.Differs, "it", "them"))
		}
	}
	return list
}

// ledProblems tells which versions of a configuration are not in use where they should be.
func ledProblems(s *State, add func(format string, args ...any)) {
	switch l := s.Led; {
	case l == nil:
	case l.Refused != "":
		add("This node refuses %sthe profile %s of %s, and keeps %s: %s.", versionOf(l.Tried), l.Profile, l.From, kept(l.Version, l.Before), strings.TrimSuffix(l.Refused, "."))
	case l.Version != 0 && l.Denied:
		add("%s gives this node no configuration any more (profile %s), and the node keeps %s: %s.", l.From, l.Profile, kept(l.Version, ""), strings.TrimSuffix(l.Why, "."))
	case l.Version == 0 && l.Why != "":
		add("This node has not got its configuration (profile %s) from %s yet, and keeps %s: %s.", l.Profile, l.From, kept(0, l.Before), strings.TrimSuffix(l.Why, "."))
	case l.Version == 0 && !l.Asked.IsZero():
		add("This node has no configuration (profile %s) from %s yet, and keeps %s: no version is released to it there.", l.Profile, l.From, kept(0, l.Before))
	case l.Version == 0 && s.Now.Sub(s.Started) > firstSign:
		add("This node has not got its configuration (profile %s) from %s yet, and keeps %s.", l.Profile, l.From, kept(0, l.Before))
	}
	for i := range s.Leads {
		p := &s.Leads[i]
		for _, r := range p.Sites {
			switch {
			case r.Newer:
				add("%s has version %s of the profile %s, which is newer than this node's (%s): this node was restored from a backup. The site keeps its own until the profile is changed here, or mysql-sync lead --renew %s gives it a new version.",
					r.Site, max(r.Version, r.Tried), p.Name, p.Version, p.Name)
			case r.Refused != "":
				add("%s refuses %sthe profile %s, and keeps %s: %s.", r.Site, versionOf(r.Tried), p.Name, kept(r.Version, ""), strings.TrimSuffix(r.Refused, "."))
			}
		}
	}
}

func versionOf(v profile.Version) string {
	if v == 0 {
		return ""
	}
	return "version " + v.String() + " of "
}

func kept(v profile.Version, before string) string {
	switch {
	case v != 0:
		return "version " + v.String()
	case before != "":
		return "what it had before (" + before + ")"
	}
	return "what its own file says"
}

func remoteProblems(r *Remote, s *State, c Client, add func(format string, args ...any)) {
	switch {
	case r.Online || r.Name == Anyone || !s.Broker.Online: // without the broker no one is heard
	case s.Paused(r.Name): // as someone wants it
	case r.Heard == nil && s.Now.Sub(s.Broker.Since) < firstSign: // it had no time to be heard
	case r.Heard == nil:
		add("%s has not been heard since this node started.", r.Name)
	default:
		add("%s has been offline since %s.", r.Name, moment(*r.Heard))
	}
	if !c.Mute.IsZero() && r.Online {
		add("%s is online but has not answered since %s, although it is known as a mysql-sync node: see its log, and whether it still lets this node in (its remoteClients, acceptFrom, or mysql-sync sites there); if another program has taken its name for good, add it to version1Clients.", r.Name, moment(c.Mute))
	}
	if r.Errors > 0 {
		add("%d %s for %s %s refused: mysql-sync errors says why.", r.Errors, number(r.Errors, "row", "rows"), r.Name, number(r.Errors, "is", "are"))
	}
	if d := c.Ahead; d > clockMost {
		add("The clock of %s is about %s ahead of this node's, so its writes win over later ones: synchronize both with NTP.", r.Name, d.Round(time.Second))
	} else if d := c.Behind; d > clockMost {
		add("The clock of %s is about %s behind this node's, so its writes lose to earlier ones (or its messages take that long): synchronize both with NTP.", r.Name, d.Round(time.Second))
	}
}

// brokerProblem says what is wrong with the broker, as part of a sentence; "" if nothing.
func brokerProblem(l Link) string {
	switch {
	case l.Online && l.Error != "":
		return fmt.Sprintf("the others may not hear this node through the broker%s (%s)", space(l.Address), l.Error)
	case l.Online:
		return ""
	case l.Refused:
		return fmt.Sprintf("the broker%s has refused this node since %s%s", space(l.Address), moment(l.Since), because(l.Error))
	}
	return fmt.Sprintf("the broker%s has been unreachable since %s%s", space(l.Address), moment(l.Since), because(l.Error))
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// because is the reason in a sentence, if there is one.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// number returns the word for one, or that for another number.
func number[N ~int | ~int64](n N, one, others string) string {
	if n == 1 {
		return one
	}
	return others
}

func space(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}
