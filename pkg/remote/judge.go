package remote

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// A Verb is what to do about a request.
type Verb string

// The verbs.
const (
	Done       Verb = "done"
	Retry      Verb = "retry"       // it did nothing, and may succeed later
	Halve      Verb = "halve"       // it is too large: send less at once
	RowRefused Verb = "row refused" // a row is refused: send the rows one by one to find which
	Stop       Verb = "stop"        // no request will succeed until a person has fixed something
	Doubt      Verb = "doubt"       // it may have been executed
)

// Next says what to do after an answer, or after none.
type Next struct {
	Do    Verb
	After time.Duration // of Retry: how long the service asks to wait, 0 if it does not say
}

// longest bounds how long a service may ask to wait.
const longest = 24 * time.Hour

// Judge decides from an answer what to do next. Status is 0 if there was none; sent says whether the request had left
// by then. A date in Retry-After is read by the service's own clock, the header Date.
func Judge(status int, header http.Header, body []byte, sent bool) Next {
	asked, after := retryAfter(header)
	switch {
	case status == 0 && sent:
		return Next{Do: Doubt}
	case status == 0:
		return Next{Do: Retry}
	case status >= 200 && status < 300:
		return Next{Do: Done}
	}
	switch status {
	case http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests:
		return Next{Do: Retry, After: after}
	case http.StatusForbidden:
		if asked { // GitHub's answer to too many requests
			return Next{Do: Retry, After: after}
		}
		return Next{Do: Stop}
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong:
		return Next{Do: Halve}
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if tooLarge(body) {
			return Next{Do: Halve}
		}
		return Next{Do: RowRefused}
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusFailedDependency:
		return Next{Do: RowRefused}
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusNetworkAuthenticationRequired:
		return Next{Do: Stop}
	case http.StatusBadGateway, http.StatusGatewayTimeout, 520, 524: // a proxy has lost the service's answer; the last two are Cloudflare's
		return Next{Do: Doubt}
	}
	switch {
	case status >= 500:
		return Next{Do: Retry, After: after}
	case status >= 300:
		return Next{Do: Stop}
	}
	return Next{Do: Doubt} // no status that ends a request
}

// tooLarge reports whether an answer's body says what status 413 means.
func tooLarge(body []byte) bool {
	body = bytes.ToLower(body[:min(len(body), 1000)])
	for _, said := range []string{"payload too large", "payload_too_large", "entity too large", "request_too_large", "request too large"} {
		if bytes.Contains(body, []byte(said)) {
			return true
		}
	}
	return false
}

// retryAfter reads the header of that name, in either of its forms.
func retryAfter(header http.Header) (asked bool, after time.Duration) {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 {
		return true, time.Duration(min(seconds, longest.Seconds()) * float64(time.Second))
	}
	then, err := http.ParseTime(text)
	if err != nil {
		return false, 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return true, 0 // without the service's clock a date means nothing
	}
	return true, min(max(then.Sub(now), 0), longest)
}

// ofRead returns what to do if the request was a read: it can always be repeated, and has no rows.
func (n Next) ofRead() Next {
	switch n.Do {
	case Doubt:
		n.Do = Retry
	case RowRefused, Halve:
		n.Do = Stop
	case Done, Retry, Stop:
	}
	return n
}

// Rules are a service's documented meanings of statuses that differ from Judge's.
type Rules map[int]Verb

// Judge is the function Judge under these rules.
func (r Rules) Judge(status int, header http.Header, body []byte, sent bool) Next {
	next := Judge(status, header, body, sent)
	if verb, ok := r[status]; ok {
		next.Do = verb
		if _, after := retryAfter(header); verb == Retry {
			next.After = after
		}
	}
	return next
}

// Slack is what the answers of an incoming webhook mean: a message is one row, and a person must fix what is wrong with
// it or with the address.
var Slack = Rules{
	http.StatusBadRequest: Stop, http.StatusForbidden: Stop, http.StatusNotFound: Stop, http.StatusGone: Stop,
	http.StatusTooManyRequests: Retry, http.StatusInternalServerError: Retry,
}
