package lead

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Desk answers the sites that a node leads. It is safe for concurrent use.
type Desk struct {
	node      *config.Config
	key       profile.PublicKey
	documents []Document
	now       func() time.Time

	mu      sync.Mutex
	reports map[string]report // by site
}

// report is a Report with the profile that the site asked for; "": for none of those that it may have.
type report struct {
	Report
	profile string
}

// Report is what a site said last.
type Report struct {
	Site    string          `json:"site"`
	At      time.Time       `json:"at,omitzero"`       // zero: it has not reported since the node began
	Version profile.Version `json:"version"`           // in use; 0: none
	Tried   profile.Version `json:"tried,omitempty"`   // that it refused; 0: none
	Refused string          `json:"refused,omitempty"` // why
	Local   []string        `json:"local,omitempty"`   // keys of the profile that it determines itself
	Waits   bool            `json:"waits,omitempty"`   // it gets the latest version once that is released
	Newer   bool            `json:"newer,omitempty"`   // it has a version that this node does not know: this node was restored from a backup
}

// Profile is a profile with the sites that it is for.
type Profile struct {
	Name     string          `json:"name"`
	Version  profile.Version `json:"version"`
	Released profile.Version `json:"released"`        // to all sites; 0: none
	First    []string        `json:"first,omitempty"` // the sites, by name or pattern, that get a version before it is released; none: all do
	Sites    []Report        `json:"sites"`           // by name; the time of one that has not reported since the node's start is zero
}

// Due returns the version that a site is to have by now.
func (p *Profile) Due(r *Report) profile.Version {
	if r.Waits {
		return p.Released
	}
	return p.Version
}

// mostReported is the highest version that a site's report is believed to have: one of the year 9999 leaves room above.
const mostReported = 253_402_300_800

// Highest returns the highest version that a site has reported.
func (p *Profile) Highest() (v profile.Version) {
	for _, r := range p.Sites {
		if seen := max(r.Version, r.Tried); seen <= mostReported {
			v = max(v, seen)
		}
	}
	return v
}

// NewDesk returns the desk of a node with the documents that Documents returned.
func NewDesk(node *config.Config, documents []Document, key profile.PublicKey, now func() time.Time) *Desk {
	return &Desk{node: node, key: key, documents: documents, now: now, reports: map[string]report{}}
}

// Key is the key that sites need.
func (d *Desk) Key() profile.PublicKey { return d.key }

// Answer records what a site has, and returns the document that it lacks; nil if it lacks none.
func (d *Desk) Answer(client string, has wire.Led) ([]byte, error) {
	at := slices.IndexFunc(d.documents, func(x Document) bool { return x.Name == has.Profile })
	if at < 0 || !d.node.Leads[at].Covers(client) || !slices.Contains(d.node.Clients(), client) {
		d.note(report{Report: Report{Site: client, At: d.now(), Version: profile.Version(has.Version), Refused: "it asks for the profile " + has.Profile + ", which is not for it here"}})
		return nil, fmt.Errorf("%s has no profile %s for %s: see lead in its configuration", d.node.ClientName, has.Profile, client)
	}
	x := d.documents[at]
	r := Report{Site: client, At: d.now(), Version: profile.Version(has.Version), Tried: profile.Version(has.Tried), Refused: has.Refused, Local: has.Local}
	seen := max(r.Version, r.Tried)
	due := x.Edition
	if r.Waits = waits(&d.node.Leads[at], &x, client) && seen < x.Version; r.Waits {
		due = x.Released
	}
	none := r.Waits && seen > due.Version || due.Version == 0 // it was one of the first before, or nothing is released
	same := r.Version == due.Version && bytes.Equal(has.Digest, due.Digest[:])
	r.Newer = seen > x.Version || r.Version == due.Version && !same && !none
	if same || r.Tried != 0 && r.Tried != x.Version && !r.Newer { // of a version that is over
		r.Tried, r.Refused = 0, ""
	}
	d.note(report{r, x.Name})
	if same || none {
		return nil, nil
	}
	return due.Signed, nil
}

// note keeps a report of a client in the configuration. Promise 10.
func (d *Desk) note(r report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.Contains(d.node.Clients(), r.Site) {
		d.reports[r.Site] = r
	}
}

// waits reports whether a site that has not seen the latest version of a profile gets it only once it is released.
func waits(l *config.Lead, x *Document, client string) bool {
	return x.Released.Version < x.Version && !l.Tries(client)
}

// Look returns the profiles, with what the sites have.
func (d *Desk) Look() (list []Profile) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, x := range d.documents {
		p := Profile{Name: x.Name, Version: x.Version, Released: x.Released.Version, First: d.node.Leads[i].First, Sites: []Report{}}
		for _, client := range d.node.Clients() {
			if !d.node.Leads[i].Covers(client) {
				continue
			}
			r, ok := d.reports[client]
			switch {
			case !ok:
				r.Report = Report{Site: client, Waits: waits(&d.node.Leads[i], &x, client)}
			case r.profile != "" && r.profile != x.Name: // it follows another one
				continue
			}
			p.Sites = append(p.Sites, r.Report)
		}
		slices.SortFunc(p.Sites, func(a, b Report) int { return cmp.Compare(a.Site, b.Site) })
		list = append(list, p)
	}
	return list
}
