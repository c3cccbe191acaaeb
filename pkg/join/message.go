package join

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Sizes of messages.
const (
	RequestBytes = 4 << 10   // of a request, at most
	AnswerBytes  = 112 << 10 // of an answer: brokers limited to 128 KiB let it pass
	plainBytes   = 2 << 20   // of an answer once it is unpacked
)

// Request is what a site asks the hub for.
type Request struct {
	Ask     string      `json:"ask"`  // names the request, and the topic of its answer: see wire.ValidID
	Site    string      `json:"site"` // the name that it wants
	Secret  seal.Secret `json:"-"`    // the token's
	From    int         `json:"from"` // how many table definitions it has
	Version string      `json:"version"`
}

type requestText struct {
	Request
	Key string `json:"key"`
}

// Seal returns a request as it is sent, from the holder of a site's key to the holder of an invitation's.
func (r Request) Seal(site PrivateKey, hub PublicKey, id string) ([]byte, Shared, error) {
	s, err := site.With(hub, site.Public(), id)
	if err != nil {
		return nil, s, err
	}
	plain, err := json.Marshal(requestText{r, r.Secret.Reveal()})
	if err != nil {
		return nil, s, err
	}
	sealed, err := s.seal(purposeRequest, id, plain)
	public := site.Public()
	return append(public[:], sealed...), s, err
}

// OpenRequest opens a request for the invitation with this key. Only its key identifies the sender; the secret, which
// the caller compares, proves that the sender has the token.
func OpenRequest(message []byte, invitation PrivateKey, id string) (r Request, site PublicKey, s Shared, err error) {
	if len(message) < len(site) || len(message) > RequestBytes {
		return r, site, s, ErrForged
	}
	site = PublicKey(message[:len(site)])
	if s, err = invitation.With(site, site, id); err != nil {
		return r, site, s, err
	}
	plain, err := s.open(purposeRequest, id, message[len(site):])
	if err != nil {
		return r, site, s, err
	}
	var x requestText
	if !strict(plain, &x) {
		return r, site, s, errRequest
	}
	if x.Secret, err = seal.ParseSecret(x.Key); err != nil || !wire.ValidClient(x.Site) || !wire.ValidID(x.Ask) || x.From < 0 || len(x.Version) > 64 {
		return r, site, s, errRequest
	}
	return x.Request, site, s, nil
}

var errRequest = errors.New("the request is not valid")

// Answer is the hub's answer to a request.
type Answer struct {
	Refused Refusal           `json:"refused,omitempty"`
	Waits   bool              `json:"waits,omitempty"` // a person at the hub must let the site in
	Profile *Profile          `json:"profile,omitempty"`
	Tables  []json.RawMessage `json:"tables,omitempty"` // definitions, from Request.From on
	Count   int               `json:"count,omitempty"`  // of all definitions
}

// UnknownInTheClear answers a request for an invitation that the hub does not know, or no longer, so that it cannot
// seal the answer. It is not authenticated.
var UnknownInTheClear = []byte("unknown")

// Profile is the part of the site's configuration that comes neither from its token nor from its database.
type Profile struct {
	SyncTables         []string          `json:"syncTables"`
	ReceiveTables      []string          `json:"receiveTables"`
	Policies           map[string]Policy `json:"policies,omitempty"` // by table
	ForeignKeyConflict string            `json:"foreignKeyConflict,omitempty"`
	Session            bool              `json:"session,omitempty"` // the broker keeps the session, as a NATS cluster requires
	Lead               *Lead             `json:"lead,omitempty"`    // nil: the hub does not lead the site's configuration
}

// Lead is what a site has in its configurationFrom.
type Lead struct {
	Profile string `json:"profile"`
	Key     string `json:"key"`
}

// Policy is config.Policy.
type Policy struct {
	Name     string   `json:"name"`
	Priority []string `json:"priority,omitempty"`
	Counters []string `json:"counters,omitempty"`
}

// Tables returns the tables that the site has, each once.
func (p Profile) Tables() []string {
	list := slices.Clone(p.SyncTables)
	for _, t := range p.ReceiveTables {
		if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// Refusal is why the hub does not let a site in.
type Refusal string

// Reasons for a refusal.
const (
	Unknown   Refusal = "unknown"
	UsedUp    Refusal = "usedUp"
	Expired   Refusal = "expired"
	Withdrawn Refusal = "withdrawn"
	Name      Refusal = "name"
	Taken     Refusal = "taken"
	Dismissed Refusal = "dismissed"
	Pattern   Refusal = "pattern"
)

// Error explains the refusal to the person at the site.
func (r Refusal) Error() string {
	switch r {
	case Unknown:
		return "the hub does not know this invitation: the token is of another hub, or was made before the hub's database was restored; ask for a new one"
	case UsedUp:
		return "the token is used up: as many sites as it allows have joined with it; ask for a new one"
	case Expired:
		return "the token has expired; ask for a new one"
	case Withdrawn:
		return "the invitation was withdrawn at the hub; ask for a new one"
	case Name:
		return "the invitation is for another name: give one that it allows with --client"
	case Taken:
		return "another site has this name at the hub: give another with --client, or have the other one dismissed"
	case Dismissed:
		return "the hub has dismissed this site: only a new invitation by name lets it in again"
	case Pattern:
		return "the hub's remoteClients do not cover this name any more: have it added there"
	}
	return "the hub refuses this site, for a reason that this version does not know"
}

// Seal returns an answer as it is sent. It is sealed for the site of the request that it answers, and for no other request.
func (a Answer) Seal(s Shared, ask string) ([]byte, error) {
	plain, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if len(plain) > plainBytes { // the site would refuse it, however well it can be compressed
		return nil, errLarge
	}
	return s.packed(plain, ask)
}

// packed seals an answer's text, compressed.
func (s Shared) packed(plain []byte, ask string) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(plain); err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	sealed, err := s.seal(purposeAnswer, ask, b.Bytes())
	if err == nil && len(sealed) > AnswerBytes {
		err = errLarge
	}
	return sealed, err
}

// errLarge says that an answer has too many definitions.
var errLarge = fmt.Errorf("the answer has more than %d bytes, or %d before it is compressed", AnswerBytes, plainBytes)

// Large reports whether Seal failed because of the answer's size.
func Large(err error) bool { return errors.Is(err, errLarge) }

// OpenAnswer opens an answer.
func OpenAnswer(message []byte, s Shared, ask string) (a Answer, err error) {
	if len(message) > AnswerBytes {
		return a, ErrForged
	}
	packed, err := s.open(purposeAnswer, ask, message)
	if err != nil {
		return a, err
	}
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), plainBytes+1))
	if err != nil || len(plain) > plainBytes {
		return a, errAnswer
	}
	if err := json.Unmarshal(plain, &a); err != nil || a.Count < 0 || a.Count > MostTables || len(a.Tables) > a.Count {
		return a, errAnswer
	}
	return a, nil
}

var errAnswer = errors.New("the hub's answer is not valid")

// MostTables is the maximum number of tables that a hub may define.
const MostTables = 4096

// strict decodes exactly one JSON document without unknown keys, and reports whether text is one.
func strict(text []byte, into any) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into) == nil && d.InputOffset() == int64(len(text))
}
