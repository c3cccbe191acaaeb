package verify

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	actPoll    = time.Second     // between two questions about what is still running
	actPatient = 3 * time.Minute // how long a site that is at it may be silent: it may be restarting
)

var errNoAct = errors.New("the question does not say what to do")

// act does what a client asks for, as far as this node lets it. Promise 8.
func (vf *Verifier) act(ctx context.Context, q receive.Question) (wire.Answer, error) {
	if q.Act == nil {
		return wire.Answer{}, errNoAct
	}
	x, err := vf.self.Act(ctx, q.From, q.Key, q.Act)
	return wire.Answer{Acted: &x}, err
}

// Act has a remote do something, and waits until that is done. The error is one that people can read.
func (vf *Verifier) Act(ctx context.Context, site string, a wire.Act) (*status.Afar, error) {
	if err := vf.canAct(site, &a); err != nil {
		return nil, err
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	a.ID, a.At = hex.EncodeToString(id[:]), vf.Now().UnixMilli()
	a.Fit()
	if err := a.Check(); err != nil {
		return nil, status.Kind(status.ErrRequest, err)
	}
	began := false // the site is at it
	for heard := vf.Now(); ; {
		answer, err := vf.ask(ctx, site, wire.Question{Ask: wire.AskAct, Errand: wire.Errand{Act: &a}})
		told := errAnswered{}
		switch {
		case errors.As(err, &told):
			return nil, status.Kind(status.ErrRequest, errors.New(told.reason))
		case ctx.Err() != nil, errors.Is(err, errNoAnswer) && (!began || vf.Now().Sub(heard) > actPatient):
			return nil, status.Kind(status.ErrUnavailable, vf.unsure(site, &a))
		case errors.Is(err, errNoAnswer):
			continue
		case err != nil:
			return nil, err
		case answer.Acted == nil:
			return nil, errUnasked
		case !answer.Acted.Running:
			return read(site, answer.Acted)
		}
		began, heard = true, vf.Now()
		if pause.For(ctx, actPoll) != nil {
			return nil, status.Kind(status.ErrUnavailable, vf.unsure(site, &a))
		}
	}
}

// canAct returns why a site cannot be asked. Promise 8: nothing that a site would refuse for being in the clear is sent.
func (vf *Verifier) canAct(site string, a *wire.Act) error {
	m := vf.Mesh
	switch key := m.KeyOf(site); {
	case !slices.Contains(vf.Node.Clients(), site):
		return status.Kind(status.ErrNotFound, fmt.Errorf("%.64q is in neither remoteClients nor acceptFrom of this node", site))
	case !m.Online(site):
		return status.Kind(status.ErrUnavailable, fmt.Errorf("%s is offline%s", site, vf.heard(site)))
	case !m.SpeaksBatches(site):
		return status.Kind(status.ErrRequest, fmt.Errorf("%s is an existing peer of version 1, which cannot be asked", site))
	case !m.Acts(site):
		return status.Kind(status.ErrRequest, fmt.Errorf("%s runs a version that cannot be asked from afar: upgrade it", site))
	case a.Do != wire.ActLook && !vf.Node.Paired(site, key):
		return status.Kind(status.ErrRequest, fmt.Errorf("what %s would do is not encrypted with a key that only it and %s have: add one to encryption.keys at both, with the other in its clients (mysql-sync key makes one), and reload them", site, vf.Node.ClientName))
	}
	return nil
}

// heard says when a site was last heard.
func (vf *Verifier) heard(site string) string {
	for _, c := range vf.Mesh.Clients() {
		at := c.Heard
		if at.IsZero() { // it has announced its stop
			at = c.Until
		}
		if c.Name == site && !at.IsZero() {
			return fmt.Sprintf(": it was last heard at %s UTC, %s ago", at.UTC().Format(time.DateTime), max(0, vf.Now().Sub(at)).Round(time.Second))
		}
	}
	return ": it was not heard since this node started"
}

// unsure is the error of an act of which nobody knows whether it was done.
func (vf *Verifier) unsure(site string, a *wire.Act) error {
	if a.Do == wire.ActLook {
		return fmt.Errorf("%s does not answer", site)
	}
	return fmt.Errorf("%s does not answer: it may have done it all the same, and repeating is safe", site)
}

// read checks what a site says that came of it: nothing in it is trusted but as text to show. Promise 9.
func read(site string, x *wire.Acted) (*status.Afar, error) {
	if x.Error != "" {
		return nil, fmt.Errorf("%s: %s", site, wire.Plain(x.Error, wire.MostRefusal))
	}
	d := json.NewDecoder(bytes.NewReader(x.Result))
	var is status.Afar
	if err := d.Decode(&is); err != nil {
		return nil, fmt.Errorf("the answer of %s is not valid: %w", site, err)
	}
	for _, r := range is.Remotes {
		if !wire.ValidClient(r.Name) {
			return nil, fmt.Errorf("the answer of %s names a remote that cannot be one", site)
		}
	}
	return &is, nil
}
