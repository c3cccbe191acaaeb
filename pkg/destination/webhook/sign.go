package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// signer signs requests with its key; it does nothing without one.
// Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
type signer []byte

func newSigner(secret string) (signer, error) {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		return signer(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return nil, errors.New("secret: the part after whsec_ is not base64")
	}
	return key, nil
}

// sign adds the headers that tell a receiver who sent a request, and when.
func (s signer) sign(r *remote.Request, id string, now time.Time) {
	if len(s) == 0 {
		return
	}
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, s)
	fmt.Fprintf(mac, "%s.%s.", id, at)
	_ = r.WriteBody(mac) // a hash accepts everything
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", at)
	r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
