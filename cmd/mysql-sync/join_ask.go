package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/blueprint"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	askEvery   = 3 * time.Second  // between two requests without an answer
	askTime    = time.Minute      // without an answer, until this gives up
	personTime = 10 * time.Minute // the same, once the hub has answered that a person decides: it may restart meanwhile
)

// keyFile is where the site's key is kept until it has joined.
func keyFile(path string) string { return path + ".joining" }

// kept is the content of that file.
type kept struct {
	Invitation string `json:"invitation"`
	Key        []byte `json:"key"`
}

// aside is where a key file is put while this site joins with another invitation.
func aside(file, invitation string) string { return file + "." + invitation }

// findKey returns the key of an earlier join with this invitation that was interrupted, even if another was tried since; found
// is false if there is none.
func findKey(file, invitation string) (key join.PrivateKey, found bool, err error) {
	for _, f := range []string{file, aside(file, invitation)} {
		if key, found, err = keyIn(f, invitation); err != nil || found {
			return key, found, err
		}
	}
	return key, false, nil
}

func keyIn(file, invitation string) (key join.PrivateKey, found bool, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return key, false, nil
	}
	if err != nil {
		return key, false, err
	}
	var k kept
	if json.Unmarshal(text, &k) != nil || k.Invitation != invitation {
		return key, false, nil
	}
	if key, err = join.ParsePrivateKey(k.Key); err != nil {
		return key, false, fmt.Errorf("%s is damaged: %w", file, err)
	}
	return key, true, nil
}

// keepKey returns the key of an earlier join with this invitation, or else a new one, which is on disk before it is used. The
// key of a join with another invitation is put aside.
func keepKey(file, invitation string) (join.PrivateKey, error) {
	key, found, err := keyIn(file, invitation)
	if err != nil || found {
		return key, err
	}
	if err := putAside(file); err != nil {
		return key, err
	}
	if err = os.Rename(aside(file, invitation), file); err == nil {
		key, _, err = keyIn(file, invitation)
		return key, err
	}
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if key, err = join.NewPrivateKey(); err != nil {
		return key, err
	}
	text, err := json.Marshal(kept{invitation, key.Reveal()})
	if err != nil {
		return key, err
	}
	return key, writeWhole(file, text)
}

// putAside renames the key file of another invitation, so that a join with that one can be repeated.
func putAside(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var k kept
	to := file + ".old"
	if err == nil && json.Unmarshal(text, &k) == nil && wire.ValidID(k.Invitation) {
		to = aside(file, k.Invitation)
	}
	return errors.Join(err, os.Rename(file, to))
}

// brokerConfig is how the broker is reached with a login, as a client of its own.
func (j *joining) brokerConfig(user string, password join.Password) config.MQTT {
	m := config.MQTT{Servers: j.token.Servers, Username: user, Password: string(password), ClientID: "mysql-sync-join-" + j.request, ConnectTimeout: connectTime,
		KeepAlive: 30 * time.Second, ReconnectPeriod: time.Second, Clean: true, RejectUnauthorized: true}
	if j.ca != "" {
		m.CA = []string{j.ca}
	}
	return m
}

// authority writes the broker's certificate authority next to the configuration, and returns the file; "" without one.
func (j *joining) authority() (string, error) {
	if j.token.CA == "" {
		return "", nil
	}
	path, err := filepath.Abs(j.path + ".ca.pem")
	if err != nil {
		return "", err
	}
	have, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return path, writeWhole(path, []byte(j.token.CA))
	case err != nil:
		return "", err
	case !bytes.Equal(have, []byte(j.token.CA)):
		return "", fmt.Errorf("%s exists and is another certificate: remove it", path)
	}
	return path, nil
}

// ask asks the hub to let this site in, and waits for a person there if the invitation requires that.
func (j *joining) ask(ctx context.Context, w io.Writer) error {
	requests, answers := j.topics()
	line, err := transport.New(zap.NewNop(), transport.Config{MQTT: j.brokerConfig(j.token.Username, j.token.Password), Plan: transport.Plan{Topics: []string{answers}}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	came, up := make(chan []byte, 8), make(chan struct{}, 1) // more answers at once are dropped: the request is sent again
	ended := make(chan error, 1)
	go func() {
		ended <- insist(ctx, line, transport.Handlers{
			Deliver: func(d transport.Delivery) {
				select {
				case came <- d.Payload:
				default:
				}
				go d.Ack()
			},
			OnUp: func(context.Context) error {
				select {
				case up <- struct{}{}:
				default:
				}
				return nil
			},
			Most: func(string) int { return join.AnswerBytes },
		}, w)
	}()
	again := time.NewTicker(askEvery)
	defer again.Stop()
	p := patience{heard: time.Now()}
	for {
		send := false
		select {
		case err := <-ended:
			if errors.Is(err, transport.ErrRefused) && !transport.Distrusted(err) {
				return fmt.Errorf("the broker refuses the token's login: the invitation is over, was withdrawn, or is not of the hub at this address; ask for a new token (%w)", err)
			}
			if err == nil {
				err = ctx.Err()
			}
			return err
		case <-up:
			send = true
		case <-again.C:
			if send = line.Online(); !p.over(time.Now()) {
				break
			}
			if !send {
				return unreached(j.token.Servers, line.Status().Err)
			}
			return p.reason()
		case payload := <-came:
			a, err := join.OpenAnswer(payload, j.shared, j.request)
			if errors.Is(err, join.ErrForged) {
				p.forged(payload, w)
				continue
			}
			if err != nil {
				return err
			}
			p.heard = time.Now()
			switch {
			case a.Refused != "":
				return a.Refused
			case a.Waits && !p.person:
				p.person = true
				say(w, "A person at the hub has to let this site in, if these characters are the same there: %s\nWaiting; an interrupted command can be repeated.", j.shared.Words())
			case a.Profile != nil:
				had := len(j.tables)
				done, err := j.take(a)
				if err != nil || done {
					return err
				}
				if send = len(j.tables) > had; send {
					again.Reset(askEvery)
				}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		if send {
			r := join.Request{Ask: j.request, Site: j.client, Secret: j.token.Secret, From: len(j.tables), Version: command.Version(version)}
			message, _, err := r.Seal(j.key, j.token.HubKey, j.token.ID)
			if err != nil {
				return err
			}
			if err := line.Publish(ctx, transport.Message{Topic: requests, Payload: message, QoS: 1}); err != nil && !errors.Is(err, transport.ErrOffline) {
				return err
			}
		}
	}
}

// unreached is the error without a connection to the broker.
func unreached(servers []string, why error) error {
	said := ""
	if why != nil {
		said = ": " + why.Error()
	}
	return fmt.Errorf("the broker %s cannot be reached from here%s; is it running, and its address right as seen from here (mysql-sync invite --broker)? The same token can be used again", strings.Join(servers, ", "), said)
}

// patience decides when to give up. Only what the hub sealed for this site counts as an answer: whoever may publish at the
// broker can send anything else.
type patience struct {
	heard            time.Time // when the last answer came, or the first request was made
	person           bool      // at the hub has to let this site in
	unknown, garbage bool      // such an answer of somebody came
}

// over reports whether the hub has been silent for too long.
func (p *patience) over(now time.Time) bool {
	if p.person {
		return now.Sub(p.heard) > personTime
	}
	return now.Sub(p.heard) > askTime
}

// forged notes an answer that is not certain to be the hub's, and says so the first time.
func (p *patience) forged(payload []byte, w io.Writer) {
	switch unknown := bytes.Equal(payload, join.UnknownInTheClear); {
	case unknown && !p.unknown:
		p.unknown = true
		say(w, "Note: an answer says that the hub does not know this invitation. Anyone at the broker can send that; still asking.")
	case !unknown && !p.garbage:
		p.garbage = true
		say(w, "Note: an answer came that is not from the hub; still asking.")
	}
}

// reason says why no answer may have come.
func (p *patience) reason() error {
	if p.unknown {
		return fmt.Errorf("no answer came that is certain to be the hub's, only one that could be: %w", join.Unknown)
	}
	return errSilent
}

// errSilent says that no answer came.
var errSilent = errors.New("the hub does not answer: is it running, and connected to the broker? At a broker with an ACL, both need the topics of joining (docs/fleets.md)")

// insistTime is how long a login may be refused: the hub reads the invitations once a second, but not while it starts again, as it
// does whenever a site has joined.
const insistTime = 30 * time.Second

// insist runs a session, and repeats it for a while if the login is refused.
func insist(ctx context.Context, line *transport.Session, h transport.Handlers, w io.Writer) error {
	begun, told := time.Now(), false
	for {
		err := line.Run(ctx, h)
		if !errors.Is(err, transport.ErrRefused) || transport.Distrusted(err) || time.Since(begun) > insistTime || pause.For(ctx, time.Second) != nil {
			return err
		}
		if !told && time.Since(begun) > insistTime/10 {
			told = true
			say(w, "Note: the broker does not know the token's login yet, or no more; still trying, for %s.", insistTime)
		}
	}
}

// take stores what an answer has, and reports whether that is all.
func (j *joining) take(a join.Answer) (done bool, err error) {
	j.profile = *a.Profile
	for _, text := range a.Tables {
		var t blueprint.Table
		if err := json.Unmarshal(text, &t); err != nil {
			return false, fmt.Errorf("the hub's definitions: %w", err)
		}
		if err := t.Valid(); err != nil {
			return false, fmt.Errorf("the hub's definitions: %w", err)
		}
		if slices.ContainsFunc(j.tables, func(have blueprint.Table) bool { return have.Name == t.Name }) {
			continue // a request that was sent again was answered again
		}
		j.tables = append(j.tables, t)
	}
	expected := j.profile.Tables()
	for _, name := range expected {
		if slices.ContainsFunc(schema.Own, func(own string) bool { return strings.EqualFold(own, name) }) {
			return false, fmt.Errorf("the hub names the table %s, which is mysql-sync's own at each site: it is never synced", name)
		}
	}
	if len(j.tables) > len(expected) || a.Count != len(expected) {
		return false, errors.New("the hub's definitions are not those of the tables that it names; repeat the command")
	}
	for i, t := range j.tables {
		if t.Name != expected[i] {
			return false, fmt.Errorf("the hub defines a table %q that it does not name; repeat the command", t.Name)
		}
	}
	if len(expected) == 0 {
		return false, errors.New("the hub neither sends anything to this site nor takes anything from it: see its remoteClients and acceptFrom")
	}
	return len(j.tables) == len(expected), nil
}
