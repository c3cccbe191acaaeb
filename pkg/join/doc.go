// Package join defines what a hub and a site that joins it exchange: the invitation's token, the request and the
// answer.
//
// A token is a bearer secret: its holder may join under the name that it allows, as often and for as long as it says,
// and do nothing else. The key that the site then shares with the hub, and the login that the hub's embedded broker
// makes for it, are in neither the token nor any message: both sides derive them (X25519). So a used token, or a
// recording of everything that the broker saw, does not reveal them. Everything read here comes from outside, and is
// bounded and checked before use (promise 8). The package connects to nothing and stores nothing.
package join
